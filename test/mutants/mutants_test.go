//go:build mutants

package mutants_test

import (
	"flag"
	"path/filepath"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

var (
	since = flag.String("since", "", "only conditions that changed since this commit, with their code or test")
	only  = flag.String("only", "", "only conditions whose file and name match this regular expression")
	// In CI: the newest changes come first, and what is left is for the whole run.
	within = flag.Duration("within", 0, "begin no condition after this time; 0 is without end")
)

// TestMutants: with all conditions in place, each linked test passes, and without any one
// of them, the test that is linked to it fails.
func TestMutants(t *testing.T) {
	began, root := time.Now(), harness.Root(t)
	list := all(t, root)
	if *since != "" {
		list = newestFirst(t, root, changed(t, root, list, *since), *since)
	}
	wanted := regexp.MustCompile(*only)
	list = slices.DeleteFunc(list, func(m mutant) bool { return !wanted.MatchString(m.id()) })
	var noticed atomic.Int64
	t.Cleanup(func() { t.Logf("%d of %d conditions noticed", noticed.Load(), len(list)) })
	o, alone := together(t, root, list)
	goflags := o.flag(t)
	for _, group := range grouped(list) {
		t.Run(group[0].folder, func(t *testing.T) {
			t.Parallel()
			inTime(t, began)
			p := build(t, root, group[0], goflags)
			for _, m := range group {
				t.Run(m.name, func(t *testing.T) {
					inTime(t, began)
					p.passes(t, m)
					without := p
					if slices.Contains(alone, m) {
						without = build(t, root, m, m.byItself(t, root))
					}
					if without.fails(t, m) {
						noticed.Add(1)
					}
				})
			}
			p.stillPasses(t)
		})
	}
}

// inTime skips what there is no time for.
func inTime(t *testing.T, began time.Time) {
	t.Helper()
	if *within > 0 && time.Since(began) > *within {
		t.Skip("left for a run of all conditions")
	}
}

// grouped puts conditions together whose tests are in one program.
func grouped(list []mutant) (groups [][]mutant) {
	place := map[string]int{}
	for _, m := range list {
		program := m.folder + " " + m.tags
		i, known := place[program]
		if !known {
			i = len(groups)
			place[program], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], m)
	}
	return groups
}

// byItself is the overlay without one condition.
func (m mutant) byItself(t *testing.T, root string) string {
	t.Helper()
	o, path := newOverlay(t), filepath.Join(root, m.file)
	o.replace(t, path, m.without(t, string(read(t, path))))
	return o.flag(t)
}
