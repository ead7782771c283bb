//go:build conformance

package conformance_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

var update = flag.Bool("update", false, "write what was run into docs/clients.md")

func TestMain(m *testing.M) { harness.Main(m) }

// run is one run of the suite, or several that belong together.
type run struct {
	name string
	do   func(*testing.T) []row
}

// runs are all of them, in the order of the table.
func runs() []run {
	var list []run
	engines := harness.Engines()
	for i, method := range []string{"none", "client_secret_post", "client_secret_basic"} {
		engine := engines[i%len(engines)]
		list = append(list, run{"authorization/" + method, func(t *testing.T) []row {
			t.Helper()
			return checkAuthorization(t, method, engine)
		}})
	}
	for i, revision := range revisions() {
		engine := engines[i%len(engines)]
		list = append(list, run{"built-in/" + revision, func(t *testing.T) []row {
			t.Helper()
			return checkBuiltIn(t, revision, engine)
		}}, run{"server/" + revision, func(t *testing.T) []row {
			t.Helper()
			return checkServer(t, revision)
		}})
	}
	return list
}

// TestConformance runs the suite in all its modes that concern servers, and holds
// docs/clients.md against what it saw.
func TestConformance(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	list := runs()
	seen := make([][]row, len(list))
	t.Run("each", func(t *testing.T) {
		for i, r := range list {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				rows := r.do(t)
				mu.Lock()
				defer mu.Unlock()
				seen[i] = rows
			})
		}
	})
	table := markdown(slices.Concat(seen...))
	t.Log("\n" + table)
	if t.Failed() || slices.ContainsFunc(seen, func(rows []row) bool { return rows == nil }) {
		t.Log("not all were run: docs/clients.md is left alone")
		return
	}
	versions := fmt.Sprintf("%#q %s, mcp-go %s.\n\n", suitePackage, suiteVersion(t), mcpGoVersion(t))
	harness.Document(t, *update, "clients.md", "conformance", versions+table)
}

// row is what was seen in one mode.
type row struct {
	mode, subject string
	outcome       outcome
}

func markdown(rows []row) string {
	var b strings.Builder
	b.WriteString("| Mode | Tested | Scenarios | Checks passed | Failed |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		passed, failed := r.outcome.counts()
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d |\n", r.mode, r.subject, len(r.outcome.checks), passed, failed)
	}
	return b.String()
}
