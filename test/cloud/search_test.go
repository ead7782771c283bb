//go:build cloud

package cloud_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// haystacks are where a secret must not be, by name: the environment and arguments of the
// process, what it has printed, and every row of the database.
func (w *world) haystacks(t *testing.T, p *harness.Process) map[string]string {
	t.Helper()
	found := map[string]string{"log": p.Logs.String()}
	for _, name := range []string{"environ", "cmdline"} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.PID(), name))
		must(t, err)
		found[name] = string(content)
	}
	conn := w.connect(t)
	rows, err := conn.Query(t.Context(), "SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'")
	must(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	for _, table := range tables {
		var text string
		must(t, conn.QueryRow(t.Context(), "SELECT COALESCE(string_agg(r::text, E'\\n'), '') FROM "+table+" r").Scan(&text))
		found["table "+table] = text
	}
	return found
}

// assertNoSecrets searches for everything that lets someone in. What a search has to find,
// since it is there, is searched for as well.
func (w *world) assertNoSecrets(t *testing.T, p *harness.Process, c *harness.Client) {
	t.Helper()
	secrets := append(append(w.Issued(), w.key, harness.Password), c.Seen...)
	if len(w.Issued()) < 2 || len(c.Seen) < 5 {
		t.Errorf("only %d tokens of Google and %d secrets of the client: the search tells little", len(w.Issued()), len(c.Seen))
	}
	haystacks := w.haystacks(t, p)
	for name, there := range map[string]string{"environ": keysSecret, "cmdline": "serve", "log": keysSecret, "table oauth_clients": c.ID} {
		if !strings.Contains(haystacks[name], there) {
			t.Errorf("the search does not find %q in %s", there, name)
		}
	}
	for name, haystack := range haystacks {
		for _, secret := range secrets {
			if strings.Contains(haystack, secret) {
				t.Errorf("%s has the secret %.8s…", name, secret)
			}
		}
	}
}
