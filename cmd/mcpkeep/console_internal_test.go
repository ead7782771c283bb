package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// answered is command with a person at a terminal who gives an answer.
func answered(t *testing.T, env map[string]string, answer string, args ...string) result {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	var out, errs bytes.Buffer
	status := run(t.Context(), args, streams{in: strings.NewReader(answer), out: &out, err: &errs, terminal: true})
	return result{status, out.String(), errs.String()}
}

// office is a database with the owner on record, and how commands find it.
func deployment(t *testing.T, e dbtest.Engine) (env map[string]string, store *repo.Repo) {
	t.Helper()
	url, key := e.URL(t), keyring.Generate()
	store = repo.New(dbtest.Open(t, url), parsed(t, key))
	if err := store.CheckKeys(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	owner := storage.Person{Issuer: "local", Subject: "owner", Login: "owner"}
	if err := store.SetPassword(t.Context(), owner, "$argon2id$x", true, time.Now()); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"DATABASE_URL": url, "MCPKEEP_ENCRYPTION_KEYS": key}, store
}

// TestOperatorCommands: what each prints, with which status, on both engines.
func TestOperatorCommands(t *testing.T) {
	for _, e := range []dbtest.Engine{dbtest.SQLite(), dbtest.Postgres()} {
		t.Run(e.Name, func(t *testing.T) {
			env, _ := deployment(t, e)
			for _, step := range []struct {
				args   string
				status int
				want   string
			}{
				{"clients list", exitOK, "No clients."},
				{"clients create --id desk --name Desk --redirect-uri https://desk.example/cb,x --auth-method client_secret_post", exitOK, "client secret  mks_"},
				{"clients create --id desk --name Desk --redirect-uri https://desk.example/cb", exitFailed, `client "desk" is already registered`},
				{"clients create --name Desk --redirect-uri http://desk.example/cb", exitUsage, "http is allowed for"},
				{"clients create --name Desk --redirect-uri https://desk.example/cb --auth-method magic", exitUsage, "auth-method"},
				{"clients create --name Desk", exitUsage, "--redirect-uri"},
				{"clients create --id other --name Other --resource https://OTHER.example:443/mcp/ --resource https://other.example/b/mcp", exitOK, "client secret  mks_"},
				{"clients show other", exitOK, "https://other.example/mcp"},
				{"clients show other --json", exitOK, `"resources":["https://other.example/b/mcp","https://other.example/mcp"]`},
				{"clients create --name Late --resource https://other.example/mcp", exitFailed, `resource https://other.example/mcp belongs to client "other" already`},
				{"clients create --name Late --resource http://other.example/mcp", exitUsage, "want an https URL"},
				{"clients create --name Late --resource http://10.0.0.7/mcp", exitUsage, "is not encrypted: everyone on its network could read tokens"},
				{"clients create --name Late --resource http://other.example/mcp --allow-http", exitUsage, "http only on loopback and private networks"},
				{"clients create --id near --name Near --resource http://10.0.0.7:8000/mcp --resource http://App.local/mcp --allow-http", exitOK, "client secret  mks_"},
				{"clients show near --json", exitOK, `"resources":["http://10.0.0.7:8000/mcp","http://app.local/mcp"]`},
				{"clients delete near --yes", exitOK, ""},
				{"clients list --database-max-conns -1", exitUsage, "MCPKEEP_DATABASE_MAX_CONNS (--database-max-conns): -1 is out of range"},
				{"clients create --name Late --resource https://a.example/mcp --redirect-uri https://a.example/cb", exitUsage, "no redirect URIs"},
				{"clients delete other --yes", exitOK, ""},
				{"clients create --id late --name Late --resource https://other.example/mcp", exitOK, "client id      late"},
				{"clients delete late --yes", exitOK, ""},
				{"clients list", exitOK, "desk    Desk  https://desk.example/cb,x"},
				{"clients list --unused --json", exitOK, `"client_id":"desk"`},
				{"clients show desk", exitOK, "client_secret_post"},
				{"clients show", exitUsage, "<id>"},
				{"clients show other", exitFailed, `client "other" is not registered`},
				{"clients prune", exitUsage, "--unused-for"},
				{"clients prune --unused-for 5m", exitUsage, "1h or more"},
				{"clients prune --unused-for 1h --dry-run", exitOK, "no clients registered before"},
				{"clients delete desk", exitFailed, "standard input is not a terminal"},
				{"clients delete desk --yes", exitOK, "deleted client desk"},
				{"grants list", exitOK, "No connections."},
				{"grants list --json", exitOK, "[]"},
				{"grants list --user carol", exitFailed, `no user "carol" found`},
				{"grants list --user=", exitUsage, "--user: is empty"},
				{"grants revoke --user= --client desk --yes", exitUsage, "--user: is empty"},
				{"events --grant=", exitUsage, "--grant: is empty"},
				{"events --client desktop", exitOK, "No matching events."},
				{"events --client desktop --json", exitOK, "[]"},
				{"grants revoke", exitUsage, "either a grant ID"},
				{"grants revoke gr_1 --client desk", exitUsage, "either a grant ID"},
				{"grants revoke gr_1 --yes", exitFailed, `grant "gr_1" is not active`},
				{"grants revoke --since yesterday --yes", exitUsage, "--since"},
				{"grants revoke --since 2999-01-01T00:00:00Z --yes", exitUsage, "2999-01-01T00:00:00Z is in the future"},
				{"grants revoke gr_1 --since 2026-01-01T00:00:00Z", exitUsage, "either a grant ID"},
				{"grants revoke --since 2026-01-01T00:00:00Z --yes", exitOK, "ended no connections"},
				{"grants revoke --user owner --yes", exitOK, "ended no connections"},
				{"users list", exitOK, "owner"},
				{"tokens list", exitOK, "No tokens."},
				{"tokens create --user owner --name n --resource https://mcp.example.com/mcp", exitUsage, "MCPKEEP_PERSONAL_TOKENS (--personal-tokens): off: servers would refuse the token"},
				{"tokens create --user owner --name n --resource https://mcp.example.com/mcp --personal-tokens most", exitUsage, `"most" is not known`},
				{"tokens create --user owner --name n --resource x --personal-tokens on", exitUsage, "is not the URL of an MCP endpoint"},
				{"tokens create --user owner --name n --resource https://mcp.example.com/mcp --personal-tokens on --for 8785h", exitUsage, "8785h0m0s is out of range"},
				{"tokens create --user owner --name n --resource https://mcp.example.com/mcp --personal-tokens on --scope offline_access", exitUsage, "no scope"},
				{"tokens create --user carol --name n --resource https://mcp.example.com/mcp --personal-tokens on", exitFailed, `no user "carol" found`},
				{"tokens create --user owner --name nightly --resource https://MCP.example.com/mcp/ --personal-tokens admins", exitOK, "token    mkp_"},
				{"tokens list --json", exitOK, `"name":"nightly","scope":"mcp","resources":["https://mcp.example.com/mcp"]`},
				{"grants list", exitOK, "nightly  personal-token"},
				{"tokens revoke gr_none --yes", exitFailed, `there is no active token "gr_none"`},
				{"clients create --id personal-token --name P --redirect-uri https://desk.example/cb", exitUsage, "this ID is that of tokens for scripts"},
				{"events --type personal_token_made", exitOK, "by " + operator()},
				{"users disable", exitUsage, "<user>"},
				{"users disable owner", exitFailed, "not confirmed"},
				{"users disable owner --yes", exitOK, "disabled owner"},
				{"users enable local#owner --yes --json", exitOK, `"changed":true`},
				{"events --type client_deleted", exitOK, "by " + operator() + "  client=desk"},
				{"events --type bogus", exitUsage, "client_registered"},
				{"events --limit -1", exitUsage, "--limit"},
				{"events --since -1h", exitUsage, "--since"},
				{"events --user owner --limit 1", exitOK, "user_enabled"},
			} {
				got := command(t, env, strings.Fields(step.args)...)
				if got.status != step.status || !strings.Contains(got.out+got.err, step.want) {
					t.Errorf("%s: status %d, want %d and %q in\n%s%s", step.args, got.status, step.status, step.want, got.out, got.err)
				}
				if failed := step.status != exitOK; failed && (got.out != "" || !strings.HasSuffix(got.err, "\n") || strings.Count(got.err, "mcpkeep: ") != 1) {
					t.Errorf("%s: not an error of one line: %q, output %q", step.args, got.err, got.out)
				}
			}
		})
	}
}

// TestConfirmation: what will happen is said first; only "yes" is yes, and only at a
// terminal; --yes answers.
func TestConfirmation(t *testing.T) {
	env, store := deployment(t, dbtest.SQLite())
	create := func() {
		t.Helper()
		command(t, env, "clients", "create", "--id", "desk", "--name", "Desk", "--redirect-uri", "https://desk.example/cb").wants(t, exitOK)
	}
	exists := func() bool {
		_, err := store.Client(t.Context(), "desk")
		return err == nil
	}
	create()
	for _, answer := range []string{"no\n", "\n", "", "y\n", "YES\n"} {
		answered(t, env, answer, "clients", "delete", "desk").wants(t, exitFailed,
			`deletes client desk ("Desk") and ends no connections`, `Type "yes" to continue: `, "not confirmed; nothing was changed (--yes skips the prompt)")
	}
	command(t, env, "clients", "delete", "desk").wants(t, exitFailed, `deletes client desk`, "standard input is not a terminal", "not confirmed")
	if !exists() {
		t.Fatal("deleted without a yes")
	}
	answered(t, env, "yes\n", "clients", "delete", "desk").wants(t, exitOK, "deleted client desk")
	create()
	command(t, env, "clients", "delete", "desk", "--yes").wants(t, exitOK, "deleted client desk")
	if exists() {
		t.Error("not deleted")
	}
}

// endless is a terminal at which no one types.
type endless struct{}

func (endless) Read([]byte) (int, error) { select {} }

// TestInterruptedQuestion: an interrupt ends the wait for an answer.
func TestInterruptedQuestion(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	for name, value := range env {
		t.Setenv(name, value)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	out, in := io.Pipe()
	status := make(chan int)
	go func() {
		status <- run(ctx, []string{"users", "disable", "owner"}, streams{in: endless{}, out: io.Discard, err: in, terminal: true})
	}()
	buf := make([]byte, 4096)
	if n, err := out.Read(buf); err != nil || !strings.Contains(string(buf[:n]), `Type "yes"`) {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	interrupt()
	select {
	case got := <-status:
		if got != exitFailed {
			t.Errorf("status %d", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("it still waits")
	}
}

// TestInterrupted: an interrupt is called one, whatever it kept from ending.
func TestInterrupted(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	away := map[string]string{"DATABASE_URL": "postgres://u@127.0.0.1:1/d", "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, environment := range []map[string]string{env, away} {
		for name, value := range environment {
			t.Setenv(name, value)
		}
		for _, args := range []string{"keys list --verify", "keys rotate", "migrate status", "users list", "clients prune --unused-for 1h"} {
			var out, errs bytes.Buffer
			status := run(ctx, strings.Fields(args), streams{in: strings.NewReader(""), out: &out, err: &errs})
			if status != exitFailed || errs.String() != "mcpkeep: interrupted\n" {
				t.Errorf("%s: status %d, %q", args, status, errs.String())
			}
		}
	}
}

// TestOperatorNeedsKeys: missing or wrong keys are named by id; no key and no database
// is made; the audit trail needs none.
func TestOperatorNeedsKeys(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	id := parsed(t, env["MCPKEEP_ENCRYPTION_KEYS"]).Primary()
	url := env["DATABASE_URL"]
	path := strings.TrimPrefix(url, "sqlite:")
	with := func(keys string) map[string]string {
		return map[string]string{"DATABASE_URL": url, "MCPKEEP_ENCRYPTION_KEYS": keys}
	}
	other := keyring.Generate()
	for _, args := range [][]string{{"clients", "list"}, {"grants", "list"}, {"users", "list"}, {"events", "--user", "owner"}} {
		command(t, with(""), args...).wants(t, exitFailed, "the key file", "is missing, but the database needs key "+id)
		got := command(t, with(other), args...)
		got.wants(t, exitFailed, "MCPKEEP_ENCRYPTION_KEYS (--encryption-keys)", "the database needs key "+id, parsed(t, other).Primary())
		if strings.Contains(got.err, other) {
			t.Errorf("a key is printed: %s", got.err)
		}
		command(t, with("sesame"), args...).wants(t, exitUsage, "want comma-separated Fernet keys")
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "mcpkeep.key")); err == nil {
		t.Error("a key file was made")
	}
	command(t, with(other), "events").wants(t, exitOK, "key_recorded")
	command(t, with(other), "events", "--user", "usr_x", "--json").wants(t, exitOK, "[]")

	missing := filepath.Join(t.TempDir(), "none.db")
	command(t, map[string]string{"DATABASE_URL": "sqlite:" + missing}, "users", "list").wants(t, exitFailed, "the database file "+missing+" does not exist")
	if _, err := os.Stat(missing); err == nil {
		t.Error("a database file was made")
	}
}

// TestOperatorRecordsNoKey: a key that no server has sealed with yet is not put on
// record by a command, which servers without it would not survive.
func TestOperatorRecordsNoKey(t *testing.T) {
	env, store := deployment(t, dbtest.SQLite())
	old := env["MCPKEEP_ENCRYPTION_KEYS"]
	next := keyring.Generate()
	env["MCPKEEP_ENCRYPTION_KEYS"] = next + "," + old
	create := []string{"clients", "create", "--name", "Desk", "--redirect-uri", "https://desk.example/cb"}
	command(t, env, "users", "list").wants(t, exitOK, "owner")
	command(t, env, create...).wants(t, exitFailed, "no server has used it yet")
	if err := store.Ready(t.Context()); err != nil {
		t.Errorf("a server with the old key: %v", err)
	}
	env["MCPKEEP_ENCRYPTION_KEYS"] = old + "," + next
	command(t, env, create...).wants(t, exitOK, "client id")
}

// TestOperatorFirst: a client may be registered before a server was ever started.
func TestOperatorFirst(t *testing.T) {
	env := map[string]string{"DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "new.db")}
	create := []string{"clients", "create", "--name", "Desk", "--redirect-uri", "https://desk.example/cb"}
	command(t, env, create...).wants(t, exitFailed, "does not exist; `mcpkeep serve` creates it")
	command(t, env, "migrate", "up").wants(t, exitOK)
	command(t, env, "clients", "list").wants(t, exitOK, "No client")
	command(t, env, create...).wants(t, exitFailed, "there is no key yet")
	env["MCPKEEP_ENCRYPTION_KEYS"] = keyring.Generate()
	command(t, env, create...).wants(t, exitOK, "client id")
	command(t, env, "clients", "list").wants(t, exitOK, "Desk")
}

func TestOperatorOldSchema(t *testing.T) {
	env := map[string]string{"DATABASE_URL": dbtest.SQLite().EmptyURL(t), "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}
	if err := os.WriteFile(strings.TrimPrefix(env["DATABASE_URL"], "sqlite:"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, env, "events").wants(t, exitFailed, "the schema is too old: run `mcpkeep migrate up`")
	command(t, env, "clients", "list").wants(t, exitFailed, "the schema is too old: run `mcpkeep migrate up`")
}

// TestOperatorWithoutDatabase: one line, soon, and without the password.
func TestOperatorWithoutDatabase(t *testing.T) {
	env := map[string]string{"DATABASE_URL": "postgres://u:sesame@127.0.0.1:1/d", "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}
	began := time.Now()
	got := command(t, env, "users", "list")
	got.wants(t, exitFailed, "gave up waiting for the database", "connection refused")
	if took := time.Since(began); took > commandOpenFor+2*time.Second || strings.Count(got.err, "\n") != 1 || strings.Contains(got.err, "sesame") {
		t.Errorf("took %v: %s", took, got.err)
	}
}

func TestMigrateDownAsks(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	answered(t, env, "no\n", "migrate", "down").wants(t, exitFailed, "This rolls back 0", "no longer ready", "not confirmed")
	answered(t, env, "no\n", "migrate", "down", "--all").wants(t, exitFailed, "all users are signed out", "not confirmed")
	command(t, env, "migrate", "status").wants(t, exitOK, "true")
	answered(t, env, "yes\n", "migrate", "down").wants(t, exitOK, "rolled back 0")
	command(t, env, "migrate", "status").wants(t, exitOK, "run `mcpkeep migrate up`")
	command(t, env, "users", "list").wants(t, exitFailed, "the schema is too old")
	dbtest.Exec(t, dbtest.SQL(t, env["DATABASE_URL"]), "INSERT INTO mcpkeep_schema_version (version_id, is_applied) VALUES (999, true)")
	command(t, env, "migrate", "down", "--yes").wants(t, exitFailed, "version 999", "roll it back with a newer program")
	command(t, env, "migrate", "status").wants(t, exitOK, "schema 999 is newer")
}

// pausing is a terminal at which something happens before the answer.
type pausing struct {
	io.Reader
	first func()
}

func (p *pausing) Read(b []byte) (int, error) {
	if p.first != nil {
		p.first()
		p.first = nil
	}
	return p.Reader.Read(b)
}

// TestMigrateDownAtOnce: what is undone is what the question named.
func TestMigrateDownAtOnce(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	for name, value := range env {
		t.Setenv(name, value)
	}
	var errs bytes.Buffer
	terminal := &pausing{strings.NewReader("yes\n"), func() { // not in the test's goroutine: it must not end the test
		if got := command(t, env, "migrate", "down", "--yes"); got.status != exitOK {
			t.Errorf("another process: %+v", got)
		}
	}}
	status := run(t.Context(), []string{"migrate", "down"}, streams{in: terminal, out: io.Discard, err: &errs, terminal: true})
	if status != exitFailed || !strings.Contains(errs.String(), "another process has just migrated") {
		t.Errorf("%d: %s", status, errs.String())
	}
	d := dbtest.Open(t, env["DATABASE_URL"])
	if version, err := d.Version(t.Context()); version != db.NeededVersion()-1 || err != nil {
		t.Errorf("version %d, %v: more than one was undone", version, err)
	}
}

// TestEventsFollow: --follow prints an object a line and ends with 0 when interrupted.
func TestEventsFollow(t *testing.T) {
	env, store := deployment(t, dbtest.SQLite())
	for name, value := range env {
		t.Setenv(name, value)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	out, in := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, []string{"events", "--follow", "--json", "--limit", "1"}, streams{in: strings.NewReader(""), out: in, err: io.Discard})
	}()
	lines := json.NewDecoder(out)
	next := func(want storage.EventType) {
		t.Helper()
		var event struct {
			Type storage.EventType `json:"type"`
		}
		if err := lines.Decode(&event); err != nil || event.Type != want {
			t.Fatalf("%v, %v, want %s", event, err, want)
		}
	}
	next(storage.EventPasswordSet)
	if err := store.RecordEvent(t.Context(), storage.Event{Type: storage.EventSignInRefused}, time.Now()); err != nil {
		t.Fatal(err)
	}
	next(storage.EventSignInRefused)
	interrupt()
	if got := <-status; got != exitOK {
		t.Errorf("status %d", got)
	}
}
