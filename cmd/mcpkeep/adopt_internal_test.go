package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/survey"
)

// onEach runs a test on each engine, one after the other: commands read the environment.
func onEach(t *testing.T, test func(t *testing.T, e dbtest.Engine)) {
	t.Helper()
	for _, e := range []dbtest.Engine{dbtest.SQLite(), dbtest.Postgres()} {
		t.Run(e.Name, func(t *testing.T) { test(t, e) })
	}
}

const pythonURL = "http://127.0.0.1:8080"

// pythonWorld is the database of a FastMCP server on which mcpkeep never started.
type pythonWorld struct {
	t      *testing.T
	gh     *githubtest.Server
	url    string
	env    map[string]string
	python fastmcptest.Deployment
	keys   *keyring.Keyring
}

func newPythonWorld(t *testing.T, e dbtest.Engine) *pythonWorld {
	t.Helper()
	key := keyring.Generate()
	w := &pythonWorld{t: t, gh: githubtest.New(t), url: e.EmptyURL(t), keys: parsed(t, key)}
	w.gh.ClientSecret = fastmcptest.Secret
	w.python = fastmcptest.New(pythonURL, w.keys)
	w.gh.AddUser(githubtest.User{ID: 7, Login: "octocat"})
	w.env = map[string]string{
		"DATABASE_URL": w.url, "OAUTH_STORAGE_ENCRYPTION_KEY": key, "MCPKEEP_LISTEN": "127.0.0.1:8080", "MCPKEEP_BASE_URL": pythonURL,
		"FASTMCP_SERVER_AUTH_GITHUB_CLIENT_ID": w.gh.ClientID, "FASTMCP_SERVER_AUTH_GITHUB_CLIENT_SECRET": fastmcptest.Secret,
		"MCPKEEP_GITHUB_URL": w.gh.URL, "MCPKEEP_GITHUB_API_URL": w.gh.APIURL, "GITHUB_ALLOWED_USERNAMES": "octocat",
	}
	dbtest.Exec(t, dbtest.SQL(t, w.url), `CREATE TABLE oauth_clients (key TEXT PRIMARY KEY, value JSONB NOT NULL,
		created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)`)
	w.client("app")
	return w
}

// put writes rows as FastMCP's store does.
func (w *pythonWorld) put(rows map[string]json.RawMessage) {
	w.t.Helper()
	conn := dbtest.SQL(w.t, w.url)
	for key, value := range rows {
		dbtest.Exec(w.t, conn, "INSERT INTO oauth_clients (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, string(value))
	}
}

func (w *pythonWorld) client(id string) map[string]json.RawMessage {
	w.t.Helper()
	scope, name := "user", "App"
	plaintext, err := fastmcp.EncodeClient(fastmcp.Client{ClientID: id, ClientName: &name, Scope: &scope, RedirectURIs: []string{"https://app.example/cb"}})
	if err != nil {
		w.t.Fatal(err)
	}
	value, err := fastmcp.Seal(w.python.Cipher, plaintext)
	if err != nil {
		w.t.Fatal(err)
	}
	rows := map[string]json.RawMessage{fastmcp.ClientKey(id): value}
	w.put(rows)
	return rows
}

// upstream signs octocat in at GitHub, with tokens that live so long; 0 forever.
func (w *pythonWorld) upstream(lifetime time.Duration) fastmcptest.Upstream {
	w.t.Helper()
	w.gh.SetTokenLifetime(lifetime)
	provider, err := identity.NewGitHub(identity.GitHubConfig{ClientID: w.gh.ClientID, ClientSecret: w.gh.ClientSecret, URL: w.gh.URL, APIURL: w.gh.APIURL})
	if err != nil {
		w.t.Fatal(err)
	}
	ask := identity.AuthRequest{State: "state", Verifier: oauth.NewVerifier(), RedirectURI: pythonURL + "/auth/callback"}
	at, err := provider.AuthorizeURL(w.t.Context(), ask)
	if err != nil {
		w.t.Fatal(err)
	}
	back := w.gh.Authorize(w.t, at, w.gh.SessionCookie("octocat"))
	_, token, err := provider.Exchange(w.t.Context(), identity.ExchangeRequest{Code: back.Query().Get("code"), Verifier: ask.Verifier, RedirectURI: ask.RedirectURI})
	if err != nil {
		w.t.Fatal(err)
	}
	return fastmcptest.Upstream{AccessToken: token.AccessToken, RefreshToken: token.RefreshToken, ExpiresAt: token.Expiry}
}

// signIn is a sign-in at FastMCP.
func (w *pythonWorld) signIn(client string, lifetime time.Duration) fastmcptest.Session {
	w.t.Helper()
	s := w.python.SignIn(w.t, client, w.upstream(lifetime), time.Now())
	w.put(s.Rows)
	return s
}

// adopt runs mcpkeep adopt, with a text on standard input.
func (w *pythonWorld) adopt(stdin string, args ...string) result {
	w.t.Helper()
	for name, value := range w.env {
		w.t.Setenv(name, value)
	}
	var out, errs bytes.Buffer
	status := run(w.t.Context(), append([]string{"adopt"}, args...), streams{in: strings.NewReader(stdin), out: &out, err: &errs})
	return result{status, out.String(), errs.String()}
}

// report runs `adopt --check --json`.
func (w *pythonWorld) report(status int, args ...string) checkJSON {
	w.t.Helper()
	got := w.adopt("", append([]string{"--check", "--json"}, args...)...)
	var report checkJSON
	if err := json.Unmarshal([]byte(got.out), &report); err != nil || got.status != status {
		w.t.Fatalf("status %d, %v: %s%s", got.status, err, got.out, got.err)
	}
	return report
}

// dump is all that is in the database, and the bytes of an SQLite file.
func (w *pythonWorld) dump() string {
	w.t.Helper()
	if path, ok := db.IsSQLite(w.url); ok {
		data, err := os.ReadFile(path)
		if err != nil {
			w.t.Fatal(err)
		}
		return string(data)
	}
	return dbtest.Dump(w.t, dbtest.SQL(w.t, w.url))
}

func advised(r checkJSON, check string) *survey.Advice {
	for _, a := range r.Advice {
		if a.Check == check {
			return &a
		}
	}
	return nil
}

// TestAdoptCheck: before the first start, the report says what is there and what becomes of
// it, and changes nothing.
func TestAdoptCheck(t *testing.T) {
	onEach(t, func(t *testing.T, e dbtest.Engine) {
		w := newPythonWorld(t, e)
		w.signIn("app", time.Hour)     // a GitHub App
		w.signIn("app", 0)             // an OAuth app
		w.signIn("deleted", time.Hour) // its client is gone
		foreign := fastmcptest.New(pythonURL, parsed(t, keyring.Generate()))
		w.put(foreign.SignIn(t, "app", w.upstream(0), time.Now()).Rows)
		before := w.dump()

		r := w.report(exitFailed)
		if r.Sessions.Total != 3 || r.Sessions.Live != 2 || len(r.Sessions.Refused) != 1 || r.Clients.Total != 1 || !r.Table.OK {
			t.Errorf("%+v", r)
		}
		ends := map[string]int64{}
		for _, g := range r.Sessions.Groups {
			ends[g.EndsWith] += g.Sessions
			if g.Until == nil || g.Version != "4.2 or later" {
				t.Errorf("%+v", g)
			}
		}
		// Both belong to one client, whose one refresh token may be that of either.
		if ends[survey.EndsWithRefresh] != 1 || ends[survey.EndsWithAccess] != 1 {
			t.Errorf("%v", ends)
		}
		for _, c := range r.Collections {
			if want := map[string]int64{fastmcp.SessionCollection: 1, fastmcp.MappingCollection: 1}[c.Name]; c.Unreadable != want {
				t.Errorf("%+v, want %d unreadable", c, want)
			}
			if c.Name == fastmcp.SessionCollection && c.Opened[w.keys.Primary()] != 3 {
				t.Errorf("%+v", c)
			}
		}
		if a := advised(r, "fastmcp_keys"); a == nil || !a.Breaks {
			t.Errorf("keys: %+v", a)
		}
		if a := advised(r, "fastmcp_issuer_slash"); a == nil || a.Setting != "MCPKEEP_ISSUER_SLASH=true" {
			t.Errorf("slash: %+v", a)
		}
		text := w.adopt("", "--check")
		for _, want := range []string{"mcp-upstream-tokens", w.keys.Primary() + ": 3", pythonURL + "/auth/callback", "not 1: its client is not registered", "MCPKEEP_ISSUER_SLASH=true"} {
			if !strings.Contains(text.out, want) {
				t.Errorf("no %q in\n%s", want, text.out)
			}
		}
		if w.dump() != before {
			t.Error("the database has changed")
		}
		if tables := dbtest.Tables(t, dbtest.SQL(t, w.url)); len(tables) != 1 {
			t.Errorf("tables: %v", tables)
		}
	})
}

// TestAdoptCheckAdvises: what would break the switch is named, with the setting that fixes it.
func TestAdoptCheckAdvises(t *testing.T) {
	set := func(name, value string) func(*pythonWorld) { return func(w *pythonWorld) { w.env[name] = value } }
	for name, tt := range map[string]struct {
		change func(*pythonWorld)
		check  string
		breaks bool
		text   string
	}{
		"no allow list": {set("GITHUB_ALLOWED_USERNAMES", ""), "settings", true, "GITHUB_ALLOWED_USERNAMES"},
		"off":           {set("MCPKEEP_FASTMCP", "off"), "fastmcp_off", true, "MCPKEEP_FASTMCP"},
		"everyone":      {set("GITHUB_ALLOWED_USERNAMES", "*"), "fastmcp_anyone", false, "MCPKEEP_ALLOWED_USERS"},
		"scopes":        {set("MCPKEEP_FASTMCP_SCOPES", "other"), "fastmcp_scopes", false, "MCPKEEP_FASTMCP_SCOPES"},
		"legacy ends":   {set("MCPKEEP_FASTMCP_LEGACY_UNTIL", time.Now().Add(time.Hour).Format(time.RFC3339)), "fastmcp_legacy", false, "later time"},
		"legacy over":   {set("MCPKEEP_FASTMCP_LEGACY_UNTIL", time.Now().Add(-time.Hour).Format(time.RFC3339)), "fastmcp_legacy", false, "Remove"},
		"in memory": {func(w *pythonWorld) {
			dbtest.Exec(w.t, dbtest.SQL(w.t, w.url), "DELETE FROM oauth_clients WHERE key LIKE 'mcp-refresh-tokens:%'")
		}, "fastmcp_legacy", false, "MCPKEEP_FASTMCP_LEGACY_UNTIL"},
		"in the clear": {func(w *pythonWorld) {
			plain := fastmcptest.New(pythonURL, nil)
			w.put(plain.SignIn(w.t, "app", fastmcptest.Upstream{AccessToken: "gho_x"}, time.Now()).Rows)
		}, "fastmcp_plain", true, "plain"},
		"another address": {func(w *pythonWorld) {
			row := w.python.Row(w.t, map[string]any{"txn_id": "t", "client_id": "app", "resource": "https://old.example/api/mcp", "created_at": 1.5})
			w.put(map[string]json.RawMessage{fastmcp.RowKey(fastmcp.TransactionCollection, "t"): row})
		}, "fastmcp_address", false, "MCPKEEP_BASE_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPythonWorld(t, dbtest.SQLite())
			w.signIn("app", time.Hour)
			tt.change(w)
			r := w.report(map[bool]int{true: exitFailed, false: exitOK}[tt.breaks])
			a := advised(r, tt.check)
			if a == nil || a.Breaks != tt.breaks || !strings.Contains(a.What+a.Fix, tt.text) || a.Why == "" || a.Fix == "" {
				t.Errorf("%+v in %+v", a, r.Advice)
			}
		})
	}
}

// TestDoctorFastMCP: doctor warns of what would break the switch.
func TestDoctorFastMCP(t *testing.T) {
	w := newPythonWorld(t, dbtest.SQLite())
	s := w.signIn("app", time.Hour)
	w.env["MCPKEEP_FASTMCP_LEGACY_UNTIL"] = time.Now().Add(time.Hour).Format(time.RFC3339)
	foreign := fastmcptest.New(pythonURL, parsed(t, keyring.Generate()))
	w.put(foreign.SignIn(t, "app", fastmcptest.Upstream{AccessToken: "gho_x"}, time.Now()).Rows)
	findings, _ := examined(t, w.env)
	diagnosed(t, findings, "fastmcp_rows", doctor.OK, "1 sessions", "")
	diagnosed(t, findings, "fastmcp_keys", doctor.Warning, "no configured key", "MCPKEEP_ENCRYPTION_KEYS")
	diagnosed(t, findings, "fastmcp_legacy", doctor.Warning, "ends soon", "later time")
	diagnosed(t, findings, "fastmcp_issuer_slash", doctor.Warning, "final slash", "MCPKEEP_ISSUER_SLASH=true")
	conn := dbtest.SQL(t, w.url)
	for key := range s.Rows {
		dbtest.Exec(t, conn, "DELETE FROM oauth_clients WHERE key = $1", key)
	}
	dbtest.Exec(t, conn, "DELETE FROM oauth_clients")
	if findings, _ = examined(t, w.env); findings["fastmcp_rows"].Check != "" {
		t.Errorf("without rows: %+v", findings["fastmcp_rows"])
	}
}

// TestAdoptCheckTable: a table of another program is named, with what to do.
func TestAdoptCheckTable(t *testing.T) {
	onEach(t, func(t *testing.T, e dbtest.Engine) {
		w := newPythonWorld(t, e)
		conn := dbtest.SQL(t, w.url)
		dbtest.Exec(t, conn, "DROP TABLE oauth_clients")
		if r := w.report(exitOK); !r.Table.OK || !strings.Contains(r.Table.Found, "no table") {
			t.Errorf("%+v", r.Table)
		}
		dbtest.Exec(t, conn, "CREATE TABLE oauth_clients (id TEXT PRIMARY KEY)")
		got := w.adopt("", "--check")
		if got.status != exitFailed || !strings.Contains(got.out+got.err, "belongs to another program") {
			t.Errorf("%+v", got)
		}
	})
}

// TestAdoptToken: a token of the operator's own client says whether the keys are right, or
// which step fails, and is never printed.
func TestAdoptToken(t *testing.T) {
	w := newPythonWorld(t, dbtest.SQLite())
	app, forever, gone := w.signIn("app", time.Hour), w.signIn("app", 0), w.signIn("app", time.Hour)
	conn := dbtest.SQL(t, w.url)
	dbtest.Exec(t, conn, "DELETE FROM oauth_clients WHERE key = $1", fastmcp.RowKey(fastmcp.RefreshCollection, fastmcptest.HashKey(gone.Refresh)))
	dbtest.Exec(t, conn, "DELETE FROM oauth_clients WHERE key = $1", fastmcp.RowKey(fastmcp.SessionCollection, gone.ID))
	unknown := w.signIn("unknown", time.Hour)
	old := w.python.Token(t, w.python.Claims("app", app.AccessID, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)))
	other := fastmcptest.New("https://other.example", w.keys)
	foreign := other.Token(t, other.Claims("app", app.AccessID, time.Now(), time.Now().Add(time.Hour)))
	before := w.dump()
	for name, tt := range map[string]struct {
		token string
		env   map[string]string
		step  string // that fails, "" for none
		say   string
	}{
		"access":        {app.Access, nil, "", "octocat"},
		"refresh":       {app.Refresh, nil, "", "octocat"},
		"forever":       {forever.Access, nil, "", "octocat"},
		"not a token":   {"hello", nil, "form", "not a JWT"},
		"another key":   {app.Access, map[string]string{"MCPKEEP_FASTMCP_JWT_KEY": "raw:AAAA"}, "signature", "MCPKEEP_FASTMCP_JWT_KEY"},
		"expired":       {old, nil, "claims", "expired"},
		"another aud":   {foreign, nil, "claims", "https://other.example/mcp"},
		"rotated":       {gone.Refresh, nil, "refresh_row", "ended it"},
		"without rows":  {gone.Access, nil, "session", "ended it"},
		"client gone":   {unknown.Access, nil, "client", "no such row"},
		"not on a list": {app.Access, map[string]string{"GITHUB_ALLOWED_USERNAMES": "someone"}, "allowed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t, w.env = t, maps.Clone(w.env)
			maps.Copy(w.env, tt.env)
			got := w.adopt(tt.token+"\n", "--token", "-", "--json")
			var e explanationJSON
			if err := json.Unmarshal([]byte(got.out), &e); err != nil {
				t.Fatalf("%v: %+v", err, got)
			}
			last := e.Steps[len(e.Steps)-1]
			if e.Adoptable != (tt.step == "") || tt.step != "" && last.Step != tt.step || !strings.Contains(got.out, tt.say) {
				t.Errorf("%+v", e)
			}
			if (got.status == exitOK) != e.Adoptable || tt.step != "" && !strings.Contains(got.err, "step "+tt.step) {
				t.Errorf("status %d, %s", got.status, got.err)
			}
			both := w.adopt(tt.token, "--check", "--token", "-")
			if !strings.Contains(both.out, "Sessions: ") || (both.status == exitOK) != e.Adoptable || !strings.Contains(both.out, map[bool]string{true: "octocat", false: "FAIL"}[e.Adoptable]) {
				t.Errorf("with --check: %+v", both)
			}
			if text := w.adopt(tt.token, "--token", "-"); len(tt.token) > 10 && strings.Contains(got.out+got.err+text.out+text.err, tt.token) {
				t.Error("the token is printed")
			}
		})
	}
	if w.dump() != before {
		t.Error("the database has changed")
	}
	if got := w.adopt("", "--token", app.Access); got.status != exitUsage || strings.Contains(got.out+got.err, app.Access) {
		t.Errorf("on the command line: %+v", got)
	}
}

// adopted reads the last line of `adopt --json`.
func (w *pythonWorld) adopted(status int, args ...string) adoptedJSON {
	w.t.Helper()
	got := w.adopt("", append([]string{"--json", "--rate", "1000"}, args...)...)
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	var out adoptedJSON
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &out); err != nil || got.status != status {
		w.t.Fatalf("status %d, %v: %s%s", got.status, err, got.out, got.err)
	}
	return out
}

// TestAdopt: sessions are taken over once, and those whose token at the provider FastMCP may
// be renewing are left alone unless the operator says that it does not run.
func TestAdopt(t *testing.T) {
	onEach(t, func(t *testing.T, e dbtest.Engine) {
		w := newPythonWorld(t, e)
		w.signIn("app", time.Hour)
		w.signIn("app", 0)
		w.signIn("app", 2*time.Minute) // within the leeway
		if got := w.adopt(""); got.status != exitFailed || !strings.Contains(got.err, "migrate up") {
			t.Errorf("before the schema is there: %+v", got)
		}
		command(t, w.env, "migrate", "up").wants(t, exitOK)
		before := w.gh.Calls("/user")
		if got := w.adopted(exitOK); got.Adopted != 2 || got.Postponed != 1 || !got.Complete {
			t.Errorf("%+v", got)
		}
		if n := w.gh.Calls("/user") - before; n != 2 {
			t.Errorf("GitHub was asked %d times", n)
		}
		if got := w.adopted(exitOK); got.Adopted != 0 || got.Postponed != 1 {
			t.Errorf("again: %+v", got)
		}
		command(t, w.env, "grants", "list", "--json").wants(t, exitOK, `"adopted":true`)

		w.gh.Advance(3 * time.Minute)
		if got := w.adopt("", "--renew"); got.status != exitFailed || !strings.Contains(got.err, "terminal") {
			t.Errorf("without a confirmation: %+v", got)
		}
		if r := w.report(exitOK); r.Sessions.Adopted != 2 || r.Sessions.Live != 1 {
			t.Errorf("%+v", r.Sessions)
		}
	})
}

// TestAdoptRenews: with FastMCP stopped an expired token of the provider is renewed, and the
// new one is in FastMCP's row.
func TestAdoptRenews(t *testing.T) {
	w := newPythonWorld(t, dbtest.SQLite())
	u := w.upstream(time.Hour)
	u.ExpiresAt = time.Now().Add(-time.Minute)
	s := w.python.SignIn(t, "app", u, time.Now().Add(-time.Hour))
	w.put(s.Rows)
	command(t, w.env, "migrate", "up").wants(t, exitOK)
	row := func() string {
		return dbtest.Value[string](t, dbtest.SQL(t, w.url), "SELECT value FROM oauth_clients WHERE key = $1", fastmcp.RowKey(fastmcp.SessionCollection, s.ID))
	}
	before := row()
	if got := w.adopted(exitOK); got.Adopted != 0 || got.Postponed != 1 || row() != before {
		t.Errorf("%+v", got)
	}
	if got := w.adopted(exitOK, "--renew", "--yes"); got.Adopted != 1 || row() == before {
		t.Errorf("%+v", got)
	}
}

// TestAdoptRefused: who left the list is refused, and a token that was revoked says nothing
// while its refresh token is left alone.
func TestAdoptRefused(t *testing.T) {
	w := newPythonWorld(t, dbtest.SQLite())
	w.signIn("app", 0)
	command(t, w.env, "migrate", "up").wants(t, exitOK)
	w.env["GITHUB_ALLOWED_USERNAMES"] = "someone"
	if got := w.adopted(exitOK); got.Refused != 1 || got.Adopted != 0 {
		t.Errorf("%+v", got)
	}
	w.signIn("app", time.Hour)
	w.gh.RevokeTokens("octocat")
	if got := w.adopted(exitOK); got.Postponed != 1 || got.Refused != 1 {
		t.Errorf("%+v", got)
	}
}

// writeTree writes rows as FastMCP's default directory has them.
func writeTree(t *testing.T, dir string, key fastmcp.SigningKey, rows map[string]json.RawMessage) {
	t.Helper()
	for name, value := range rows {
		collection, id, _ := strings.Cut(name, ":")
		folder := filepath.Join(dir, "oauth-proxy", key.Fingerprint(), collection)
		entry := fmt.Sprintf(`{"created_at": "2026-01-02T03:04:05+00:00", "value": %s, "version": 1}`, value)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, id+".json"), []byte(entry), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAdoptFrom: the rows of a directory are imported once, and what has ended here since does
// not come back.
func TestAdoptFrom(t *testing.T) {
	onEach(t, func(t *testing.T, e dbtest.Engine) {
		w := newPythonWorld(t, e)
		sign := fastmcp.KeyOfClientSecret(fastmcptest.Secret)
		w.python = fastmcptest.New(pythonURL, parsed(t, sign.StorageKey()))
		home := t.TempDir()
		s := w.python.SignIn(t, "other", w.upstream(time.Hour), time.Now())
		client := w.client("other")
		dbtest.Exec(t, dbtest.SQL(t, w.url), "DELETE FROM oauth_clients")
		maps.Copy(s.Rows, client)
		writeTree(t, home, sign, s.Rows)
		command(t, w.env, "migrate", "up").wants(t, exitOK)

		r := w.report(exitOK, "--from", home)
		if r.Sessions.Live != 1 || len(r.KeyNames) != 1 || !strings.Contains(r.Source, home) {
			t.Errorf("%+v", r)
		}
		if got := w.adopted(exitOK, "--from", home); got.Imported != int64(len(s.Rows)) || got.Adopted != 1 {
			t.Errorf("%+v, want %d rows", got, len(s.Rows))
		}
		if got := w.adopt(s.Refresh, "--token", "-"); got.status != exitOK { // in the database now
			t.Errorf("%+v", got)
		}
		rows := func() int64 {
			return dbtest.Value[int64](t, dbtest.SQL(t, w.url), "SELECT COUNT(*) FROM oauth_clients")
		}
		command(t, w.env, "grants", "revoke", "--client", "other", "--yes").wants(t, exitOK)
		left := rows()
		if got := w.adopted(exitOK, "--from", home); got.Imported != 0 || got.Adopted != 0 || rows() != left {
			t.Errorf("again: %+v, %d rows, were %d", got, rows(), left)
		}
	})
}
