//go:build mutants

package mutants_test

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

var (
	since = flag.String("since", "", "only conditions that changed since this commit, with their code or test")
	only  = flag.String("only", "", "only conditions whose file and name match this regular expression")
)

// longest is how long a test may take: without a condition, some wait for what never comes.
const longest = 5 * time.Minute

// TestMutants: with all conditions in place, each linked test passes, and without any one
// of them, the test that is linked to it fails.
func TestMutants(t *testing.T) {
	root := harness.Root(t)
	list := all(t, root)
	if *since != "" {
		list = changed(t, root, list, *since)
	}
	wanted := regexp.MustCompile(*only)
	list = slices.DeleteFunc(list, func(m mutant) bool { return !wanted.MatchString(m.id()) })
	t.Logf("%d conditions", len(list))
	o, alone := together(t, root, list)
	goflags := o.flag(t)
	for _, group := range grouped(list) {
		t.Run(group[0].folder, func(t *testing.T) {
			t.Parallel()
			p := build(t, root, group[0], goflags)
			p.passes(t, group)
			for _, m := range group {
				t.Run(m.name, func(t *testing.T) {
					p := p
					if slices.Contains(alone, m) {
						p = build(t, root, m, m.byItself(t, root))
					}
					p.fails(t, m)
				})
			}
		})
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

// program has the tests of a folder.
type program struct{ path, folder, goflags string }

func build(t *testing.T, root string, m mutant, goflags string) program {
	t.Helper()
	p := program{filepath.Join(t.TempDir(), "tests"), filepath.Join(root, m.folder), goflags}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-c", "-tags="+m.tags, "-ldflags=-s -w", "-o", p.path, ".")
	cmd.Dir, cmd.Env = p.folder, p.env("")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", m.folder, err, out)
	}
	return p
}

func (p program) env(id string) []string {
	return append(os.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" "+p.goflags), variable+"="+id)
}

func (p program) run(t *testing.T, id, test string) (output string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path, "-test.run="+test)
	cmd.Dir, cmd.Env = p.folder, p.env(id)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// passes runs the tests with all conditions in place.
func (p program) passes(t *testing.T, group []mutant) {
	t.Helper()
	var tests []string
	for _, m := range group {
		tests = append(tests, m.test)
	}
	slices.Sort(tests)
	for _, test := range slices.Compact(tests) {
		out, err := p.run(t, "", test)
		if err != nil || strings.Contains(out, "no tests to run") {
			t.Errorf("%s does not pass with the conditions: %v\n%s", test, err, out)
		}
	}
}

// fails runs the linked test without a condition.
func (p program) fails(t *testing.T, m mutant) {
	t.Helper()
	if _, err := p.run(t, m.id(), m.test); err == nil {
		t.Errorf("%s passes without the condition", m.test)
	}
}
