package repository_test

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/repository"
)

var update = flag.Bool("update", false, "rewrite the diagram in docs/development.md")

// TestImportsDocument: the diagram and the table are those of the present code.
func TestImportsDocument(t *testing.T) {
	t.Parallel()
	packages, rules := readAll(t)
	harness.Document(t, *update, "development.md", "imports", repository.Diagram(packages)+"\n"+repository.Table(packages, rules))
}

// TestLinterHoldsEveryArrow: what a package imports is allowed, and the linter refuses
// the opposite direction.
func TestLinterHoldsEveryArrow(t *testing.T) {
	t.Parallel()
	packages, rules := readAll(t)
	arrows := 0
	for _, p := range packages {
		for _, target := range p.Imports {
			arrows++
			if !allowed(rules, p.Path, target) {
				t.Errorf("%s imports %s, which .golangci.yaml denies", p.Path, target)
			}
			if allowed(rules, target, p.Path) {
				t.Errorf("%s imports %s, and no rule in .golangci.yaml keeps %s from importing %s", p.Path, target, target, p.Path)
			}
		}
	}
	if len(packages) < 20 || arrows < 40 {
		t.Errorf("read %d packages with %d arrows", len(packages), arrows)
	}
}

func allowed(rules []repository.Rule, from, to string) bool {
	for _, r := range rules {
		if r.Covers(from) && !r.Allows(to) {
			return false
		}
	}
	return true
}

func readAll(t *testing.T) ([]repository.Package, []repository.Rule) {
	t.Helper()
	root := harness.Root(t)
	packages, err := repository.Packages(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := repository.Rules(filepath.Join(root, ".golangci.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return packages, rules
}

// TestRules: the rules are read as depguard reads them.
func TestRules(t *testing.T) {
	t.Parallel()
	_, rules := readAll(t)
	cases := map[string]bool{
		"internal/repo internal/db": true, "internal/repo internal/server": false, "internal/repo internal/db/pgdb": false,
		"internal/storage internal/oauth": false, "internal/server internal/storage": true, "internal/server internal/db": false,
		"internal/db sql/schema": true, "internal/repo sql/schema": false, "cmd/mcpkeep internal/db": true, "internal/cimd cmd/mcpkeep": false,
	}
	for arrow, want := range cases {
		from, to, _ := strings.Cut(arrow, " ")
		if got := allowed(rules, from, to); got != want {
			t.Errorf("%s → %s: allowed %t, want %t", from, to, got, want)
		}
	}
}
