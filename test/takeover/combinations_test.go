package takeover_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// Versions of FastMCP: the first with the OAuth proxy, the last 2, and the newest. The soak has
// the others.
var (
	versions     = []string{"2.13.0", "2.14.7", "4.2.3"}
	soakVersions = []string{"2.13.3", "3.4.11"}
)

// Where FastMCP keeps its rows.
const (
	inTable     = "`oauth_clients`"   // SQLite
	inPostgres  = "`PostgreSQLStore`" // py-key-value's own, from 3 on
	inDirectory = "directory"         // FastMCP's default
	inRedis     = "`RedisStore`"
)

// combination is a FastMCP server whose place mcpkeep takes.
type combination struct {
	version, store string
	oauthApp       bool // a GitHub App otherwise, whose tokens expire
}

func (c combination) String() string {
	app := "GitHub App"
	if c.oauthApp {
		app = "OAuth app"
	}
	return fmt.Sprintf("| %s | %s | %s |", c.version, c.store, app)
}

// imported: the rows are copied with FastMCP stopped, and the way back is the store as it was.
func (c combination) imported() bool { return c.store == inDirectory || c.store == inRedis }

// before reports whether a version is older than another one: both have two digits at most
// in each part.
func before(version, other string) bool {
	number := func(v string) (n int) {
		for part := range strings.SplitSeq(v, ".") {
			var i int
			_, _ = fmt.Sscan(part, &i)
			n = 100*n + i
		}
		return n
	}
	return number(version) < number(other)
}

// combinations are all that are run with some versions, in the order of the table.
func combinations(of []string) (all []combination) {
	for _, version := range slices.SortedFunc(slices.Values(of), func(a, b string) int {
		if before(a, b) {
			return -1
		}
		return 1
	}) {
		stores := []string{inTable}
		if !before(version, "3.0.0") {
			stores = append(stores, inPostgres)
		}
		if version != "2.13.3" { // whose store is that of 2.13.0
			stores = append(stores, inDirectory)
		}
		if version == "2.14.7" || version == "3.4.11" {
			stores = append(stores, inRedis)
		}
		for _, store := range stores {
			all = append(all, combination{version, store, false}, combination{version, store, true})
		}
	}
	return all
}

// documented is what docs/takeover.md says between two comments.
func documented(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "takeover.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "<!-- "+name+" -->\n")
	block, _, ended := strings.Cut(rest, "<!-- /"+name+" -->\n")
	if !found || !ended {
		t.Fatalf("docs/takeover.md has no block %s", name)
	}
	return block
}

// TestDocumentedCombinations: the table in docs/takeover.md has a row for each combination that
// the soak runs, in this order, and no other.
func TestDocumentedCombinations(t *testing.T) {
	t.Parallel()
	var rows []string
	for line := range strings.Lines(documented(t, "takeover")) {
		if cells := strings.Split(line, " | "); len(cells) > 3 && strings.Contains(cells[0], ".") {
			rows = append(rows, strings.Join(cells[:3], " | ")+" |")
		}
	}
	var want []string
	for _, c := range combinations(slices.Concat(versions, soakVersions)) {
		want = append(want, c.String())
	}
	if !slices.Equal(rows, want) {
		t.Errorf("docs/takeover.md has the rows\n%s\nand the soak runs\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
}

// libraries are those whose version decides what FastMCP does.
var libraries = []string{"fastmcp", "mcp", "py-key-value-aio", "pydantic", "authlib", "joserfc", "starlette", "cryptography"}

// TestDocumentedLibraries: docs/takeover.md names the versions of libraries that each FastMCP is
// run with.
func TestDocumentedLibraries(t *testing.T) {
	t.Parallel()
	all := slices.Concat(versions, soakVersions)
	var b strings.Builder
	fmt.Fprintf(&b, "| `%s` |\n|%s\n", strings.Join(libraries, "` | `"), strings.Repeat("---|", len(libraries)))
	for _, version := range slices.SortedFunc(slices.Values(all), func(a, b string) int {
		if before(a, b) {
			return -1
		}
		return 1
	}) {
		pinned := pinned(t, version)
		for _, name := range libraries {
			fmt.Fprintf(&b, "| %s ", pinned[name])
		}
		b.WriteString("|\n")
	}
	if got, want := strings.TrimSpace(documented(t, "takeover-libraries")), strings.TrimSpace(b.String()); got != want {
		t.Errorf("docs/takeover.md has\n%s\nand the suite runs\n%s", got, want)
	}
}

// pinned are the libraries of a version, with their versions; "–" for none.
func pinned(t *testing.T, version string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("python", version+".txt"))
	if os.IsNotExist(err) {
		text, err = os.ReadFile(filepath.Join("python", "soak", version+".txt"))
	}
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range libraries {
		all[name] = "–"
	}
	for line := range strings.Lines(string(text)) {
		name, rest, found := strings.Cut(line, "==")
		name, _, _ = strings.Cut(name, "[")
		if _, wanted := all[name]; found && wanted {
			all[name] = strings.Fields(rest)[0]
		}
	}
	return all
}
