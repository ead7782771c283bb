package stdio_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/stdio"
)

// TestLevelOfSharedServer: no request sets the level of log messages for everyone.
func TestLevelOfSharedServer(t *testing.T) {
	t.Parallel()
	for _, mode := range []stdio.Mode{stdio.PerPerson, stdio.Shared} {
		seen := make(chan object, 20)
		s, _ := front(t, config(&fleet{handle: old, received: func(m object) { seen <- m }}, mode))
		c := &client{t: t, url: s.URL}
		_ = c.modern(t.Context(), 1, "tools/list", nil, object{prefix + "logLevel": "debug"}).next()
		levels := 0
		for m := next(t, seen); m["method"] != "tools/list"; m = next(t, seen) {
			if m["method"] == "logging/setLevel" {
				levels++
			}
		}
		if want := map[stdio.Mode]int{stdio.PerPerson: 1}[mode]; levels != want {
			t.Errorf("%s: the level was set %d times, want %d", mode, levels, want)
		}
	}
}
