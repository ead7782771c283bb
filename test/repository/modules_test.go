package repository_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/repository"
)

// suitesOnly are modules that the suites need and the library must not. The validator
// of JSON schemas is not among them: mcp-go imports it.
var suitesOnly = []string{
	"github.com/chromedp/chromedp", "github.com/chromedp/cdproto", "github.com/nlnwa/whatwg-url",
}

// TestRootIsOneModule: no workspace joins it with the suites.
func TestRootIsOneModule(t *testing.T) {
	t.Parallel()
	root := harness.Root(t)
	if got := output(t, root, "go", "list", "-m"); !slices.Equal(got, []string{repository.Module}) {
		t.Errorf("go list -m at the root names %q", got)
	}
	if got := output(t, root, "go", "env", "GOWORK"); len(got) != 0 {
		t.Errorf("a workspace: %s", got)
	}
}

// TestRootRequiresNoneOfTheSuites: the root neither names them in its go.mod, nor has
// their code in its go.sum, nor imports them, in tests either. A dependency may name
// one in a go.mod of its own: nothing downloads it for that.
func TestRootRequiresNoneOfTheSuites(t *testing.T) {
	t.Parallel()
	root := harness.Root(t)
	suites := output(t, filepath.Join(root, "test"), "go", "list", "-m", "-f", "{{.Path}}", "all")
	required := output(t, root, "go", "mod", "edit", "-print")
	imported := output(t, root, "go", "list", "-test", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./...")
	code := regexp.MustCompile(`(?m)^(\S+) v[^/\s]+ h1:`).FindAllStringSubmatch(text(t, root, "go.sum"), -1)
	if len(code) < 10 || len(required) < 10 || len(imported) < 100 {
		t.Fatalf("read %d sums, %d words of go.mod, %d imports", len(code), len(required), len(imported))
	}
	for _, path := range suitesOnly {
		if !slices.Contains(suites, path) {
			t.Errorf("the suites do not need %s any more; remove it from this test", path)
		}
		if slices.Contains(required, path) || slices.Contains(imported, path) ||
			slices.ContainsFunc(code, func(line []string) bool { return line[1] == path }) {
			t.Errorf("the root module needs %s", path)
		}
	}
}

// TestRootRequiresWhatItImports: a direct requirement of the root is one of its packages',
// not of their tests; the build with spans counts. The one exception is go-cmp, which depends on nothing.
func TestRootRequiresWhatItImports(t *testing.T) {
	t.Parallel()
	root := harness.Root(t)
	imported := output(t, root, "go", "list", "-f", `{{join .Imports "\n"}}`, "./...")
	imported = append(imported, output(t, root, "go", "list", "-tags", "otel", "-f", `{{join .Imports "\n"}}`, "./internal/tracing")...)
	direct := output(t, root, "go", "list", "-m", "-f", "{{if not (or .Main .Indirect)}}{{.Path}}{{end}}", "all")
	if len(direct) < 10 {
		t.Fatalf("direct requirements: %q", direct)
	}
	for _, path := range direct {
		used := slices.ContainsFunc(imported, func(pkg string) bool { return strings.HasPrefix(pkg+"/", path+"/") })
		if !used && path != "github.com/google/go-cmp" {
			t.Errorf("only tests import %s: move them to the module in test/", path)
		}
	}
}
