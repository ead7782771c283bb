package app

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// TestFront: a proxy cannot guard an upstream with rules, which are about bodies, nor one that
// is a command.
func TestFront(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		entry upstreams.Upstream
		unfit bool
	}{
		"a URL":     {upstreams.Upstream{}, false},
		"rules":     {upstreams.Upstream{Rules: upstreams.Rules{{}}}, true},
		"a token":   {upstreams.Upstream{ProviderToken: upstreams.ProviderToken{Header: "X-Token"}}, true},
		"a command": {upstreams.Upstream{Command: &upstreams.Command{}}, true},
	} {
		test.entry.Name = "x"
		f := behind{entry: test.entry, upstream: &gateway.Upstream{}}.front()
		if f.Upstream != "x" || (f.Unfit != nil) != test.unfit {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
