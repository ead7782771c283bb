//go:build chaos

package chaos_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// restoring is a server on a database that is copied and restored by the steps of
// docs/operations.md, run as they are written there.
type restoring struct {
	*testing.T
	engine, dir, database string
	opts                  harness.Options
	p                     *harness.Process
}

func newRestoring(t *testing.T, engine string) *restoring {
	t.Helper()
	r := &restoring{T: t, engine: engine, dir: t.TempDir()}
	r.database = "sqlite:" + filepath.Join(r.dir, "mcpkeep.db")
	if engine == "postgres" {
		r.database = pgtest.New(t)
	}
	for _, tool := range map[string][]string{"sqlite": {"sqlite3"}, "postgres": {"pg_dump", "pg_restore"}}[engine] {
		if _, err := exec.LookPath(tool); err != nil {
			harness.Missing(t, tool)
		}
	}
	r.opts = harness.Options{Database: r.database, Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}}
	r.p = harness.Start(t, r.opts)
	return r
}

// steps runs the shell commands after a mark in the document.
func (r *restoring) steps(mark string) string {
	r.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(r), "docs", "operations.md"))
	if err != nil {
		r.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "<!-- "+mark+"-"+r.engine+" -->\n```sh\n")
	script, _, ended := strings.Cut(after, "```")
	if !found || !ended {
		r.Fatalf("operations.md has no steps to %s with %s", mark, r.engine)
	}
	cmd := exec.CommandContext(r.Context(), "sh", "-eu", "-c", script)
	cmd.Dir, cmd.Env = r.dir, append(os.Environ(), "DATABASE_URL="+r.database)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("%s:\n%s\n%v\n%s", mark, script, err, out)
	}
	return string(out)
}

// signIn connects another client.
func (r *restoring) signIn() *harness.Client {
	r.Helper()
	return signedIn(r.T, r.p)
}

func (r *restoring) ok(what string, err error) {
	r.Helper()
	if err != nil {
		r.Errorf("%s: %v", what, err)
	}
}

// works reports whether an access token works.
func (r *restoring) works(c *harness.Client) bool {
	r.Helper()
	_, err := c.Call(r.Context(), "whoami")
	if err != nil && harness.StatusOf(err) != http.StatusUnauthorized {
		r.Error(err)
	}
	return err == nil
}

// TestRestore: the documented steps bring back the state of the copy, with what the chapter
// says is alive again, and `grants revoke --since` ends what may be in the wrong hands.
func TestRestore(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := newRestoring(t, engine)
			old := r.signIn()
			time.Sleep(2 * time.Second) // times are whole seconds
			since := time.Now().UTC().Truncate(time.Second)
			ended, refreshed := r.signIn(), r.signIn()
			r.steps("backup")
			used := refreshed.RefreshToken
			r.ok("refresh", refreshed.Refresh(t.Context()))
			r.ok("revoke", ended.Revoke(t.Context(), ended.RefreshToken))
			later := r.signIn()
			r.p.Kill9()
			if out := r.steps("restore"); engine == "sqlite" && out != "ok\n" {
				t.Errorf("the check printed %q", out)
			}
			r.ok("start after the restore", r.p.Restart())
			r.afterRestore(old, ended, refreshed, later, used)
			r.endSince(since, old, ended)
		})
	}
}

// afterRestore checks what docs/operations.md says of each.
func (r *restoring) afterRestore(old, ended, refreshed, later *harness.Client, used string) {
	r.Helper()
	if !r.works(old) || !r.works(ended) {
		r.Error("a connection that was alive when the copy was made is not alive again")
	}
	if r.works(refreshed) || r.works(later) {
		r.Error("tokens that were issued after the copy work")
	}
	assertRefused(r.T, refreshed.Refresh(r.Context()), http.StatusBadRequest, "invalid_grant")
	assertRefused(r.T, later.Refresh(r.Context()), http.StatusUnauthorized, "invalid_client")
	refreshed.RefreshToken = used
	r.ok("the refresh token that was used after the copy", refreshed.Refresh(r.Context()))
}

// endSince ends what was approved or refreshed since a time before the copy.
func (r *restoring) endSince(since time.Time, old, ended *harness.Client) {
	r.Helper()
	result := r.p.Command(r.Context(), r.T, "grants", "revoke", "--since", since.Format(time.RFC3339), "--yes")
	if result.Status != 0 {
		r.Fatalf("grants revoke --since: %d %s", result.Status, result.Stderr)
	}
	within(r.T, time.Second, "the end of what was approved since then", func() bool { return !r.works(ended) })
	assertRefused(r.T, ended.Refresh(r.Context()), http.StatusBadRequest, "invalid_grant")
	if !r.works(old) {
		r.Error("a connection from before that time was ended as well")
	}
	r.ok("refresh of a connection from before that time", old.Refresh(r.Context()))
}

// TestForeignLog: a restored file next to the log of the file that it replaces is refused, by
// the server and by commands, which change neither of the two.
func TestForeignLog(t *testing.T) {
	t.Parallel()
	r := newRestoring(t, "sqlite")
	c := r.signIn()
	r.steps("backup")
	for range 5 {
		r.signIn()
	}
	r.p.Kill9()
	// The file moves on, with the log copied into it, and gets a log again.
	if out, err := exec.CommandContext(t.Context(), "sqlite3", filepath.Join(r.dir, "mcpkeep.db"), "PRAGMA wal_checkpoint(TRUNCATE)").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r.ok("start", r.p.Restart())
	for range 20 {
		r.ok("refresh", c.Refresh(t.Context()))
	}
	r.signIn()
	r.p.Kill9()
	content, err := os.ReadFile(filepath.Join(r.dir, "mcpkeep.backup"))
	if err == nil { // and forget the log
		err = os.WriteFile(filepath.Join(r.dir, "mcpkeep.db"), content, 0o600)
	}
	r.ok("copy", err)
	before := r.contents()
	if err := r.p.Restart(); err == nil || !strings.Contains(r.p.Logs.Tail(4000), "mcpkeep.db-wal and mcpkeep.db-shm away") {
		t.Errorf("the server started, or does not say what to do: %v", err)
	}
	result := r.p.Command(t.Context(), t, "grants", "list")
	if result.Status != 1 || !strings.Contains(result.Stderr, "mcpkeep.db-wal and mcpkeep.db-shm away") {
		t.Errorf("a command: %d %s", result.Status, result.Stderr)
	}
	if r.contents() != before {
		t.Error("the file or its log was changed")
	}
	r.steps("restore")
	r.ok("start after the right steps", r.p.Restart())
	r.signIn()
}

// contents are those of the file and its log.
func (r *restoring) contents() (contents [2]string) {
	r.Helper()
	for i, name := range []string{"mcpkeep.db", "mcpkeep.db-wal"} {
		content, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			r.Fatal(err)
		}
		contents[i] = string(content)
	}
	return contents
}
