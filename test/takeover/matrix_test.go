//go:build takeover

package takeover_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

func inSoak() bool { return os.Getenv("MCPKEEP_TEST_TAKEOVER") == "soak" }

// running are the versions of this run.
func running() []string {
	if inSoak() {
		return slices.Concat(versions, soakVersions)
	}
	return versions
}

// oneStore is the store of each version outside of the soak.
var oneStore = map[string]string{"2.13.0": inTable, "2.14.7": inTable, "4.2.3": inPostgres}

// imported is a combination whose rows are imported, outside of the soak: that of a GitHub App
// waits for minutes until its tokens have run out.
var imported = combination{"2.14.7", inRedis, true}

// runningCombinations are those of this run.
func runningCombinations() []combination {
	return slices.DeleteFunc(combinations(running()), func(c combination) bool {
		return !inSoak() && c.store != oneStore[c.version] && c != imported
	})
}

// Steps of a takeover, which are the columns of the table.
const (
	stepCall = iota
	stepRefresh
	stepCode
	stepSignIn
	stepBackToken
	stepBackClient
	stepBrowser
	steps
)

var stepNames = [steps]string{
	"call", "refresh, call", "code of FastMCP", "sign-in, with the old scope and without",
	"back: old tokens", "back: a client of mcpkeep", "browser opened",
}

// report collects the rows of the table.
type report struct {
	mu   sync.Mutex
	rows map[combination][steps]string
}

func (r *report) add(c combination, seen [steps]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[c] = seen
}

// lines are the rows of the table, in order.
func (r *report) lines(all []combination) (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range all {
		if seen, ok := r.rows[c]; ok {
			lines = append(lines, c.String()+" "+strings.Join(seen[:], " | ")+" |")
		}
	}
	return lines
}

// TestMatrix lets mcpkeep take the place of each version of FastMCP, with each store and kind
// of GitHub's apps, prints what was seen, and holds the table in docs/takeover.md against it.
func TestMatrix(t *testing.T) {
	t.Parallel()
	all := runningCombinations()
	seen := report{rows: map[combination][steps]string{}}
	t.Run("each", func(t *testing.T) {
		for _, c := range all {
			t.Run(strings.Trim(strings.NewReplacer(" | ", "_", "`", "", " ", "-").Replace(c.String()), "|-"), func(t *testing.T) {
				t.Parallel()
				row := takeOver(t, c)
				if !t.Failed() {
					seen.add(c, row)
				}
			})
		}
	})
	lines := seen.lines(all)
	table := fmt.Sprintf("| FastMCP | store | app | %s |\n|%s\n%s\n", strings.Join(stepNames[:], " | "), strings.Repeat("---|", 3+steps), strings.Join(lines, "\n"))
	t.Log("\n" + table)
	if *update && len(lines) == len(combinations(slices.Concat(versions, soakVersions))) {
		harness.Document(t, true, "takeover.md", "takeover", table)
	}
	kept := documented(t, "takeover")
	for _, line := range lines {
		if !strings.Contains(kept, line+"\n") {
			t.Errorf("docs/takeover.md does not say what was seen; `make docs/takeover` writes it: %s", line)
		}
	}
}

// place prepares the store of a combination, and returns the deployment, and the name of the
// store for `adopt --from`, "" for one in the database.
func (c combination) place(t *testing.T) (d *deployment, source string) {
	t.Helper()
	lifetime := longTokens
	if c.oauthApp {
		lifetime = 0
	}
	switch c.store {
	case inPostgres:
		return deployOn(t, lifetime, pgtest.New(t)), ""
	case inDirectory:
		d, source = deploy(t, lifetime), t.TempDir()
		d.setup["home"] = source
	case inRedis:
		d, source = deploy(t, lifetime), harness.Redis(t)
		d.setup["redis"] = source
	default:
		return deployOn(t, lifetime, filepath.Join(t.TempDir(), "app.db")), ""
	}
	return d, source
}
