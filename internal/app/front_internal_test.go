package app

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// TestFront: a proxy cannot guard an upstream with rules, which are about bodies.
func TestFront(t *testing.T) {
	t.Parallel()
	for unfit, rules := range map[bool]upstreams.Rules{false: nil, true: {{}}} {
		f := behind{entry: upstreams.Upstream{Name: "x", Rules: rules}}.front()
		if f.Upstream != "x" || (f.Unfit != nil) != unfit {
			t.Errorf("%d rules: %+v", len(rules), f)
		}
	}
}
