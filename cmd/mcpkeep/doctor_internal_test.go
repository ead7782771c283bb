package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/gcp"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/server/servertest"
)

// examined runs the doctor and returns its findings by check.
func examined(t *testing.T, env map[string]string, args ...string) (findings map[string]doctor.Finding, status int) {
	t.Helper()
	return reported(t, env, command(t, env, append([]string{"doctor", "--json"}, args...)...))
}

// reported reads what the doctor printed.
func reported(t *testing.T, env map[string]string, got result) (findings map[string]doctor.Finding, status int) {
	t.Helper()
	var report struct {
		Status   doctor.Status    `json:"status"`
		Findings []doctor.Finding `json:"findings"`
	}
	if err := json.Unmarshal([]byte(got.out), &report); err != nil {
		t.Fatalf("%v in:\n%s%s", err, got.out, got.err)
	}
	findings = map[string]doctor.Finding{}
	failed := false
	for _, f := range report.Findings {
		if old, ok := findings[f.Check]; !ok || old.Status == doctor.OK {
			findings[f.Check] = f
		}
		failed = failed || f.Status == doctor.Failed
		if bad := f.Status == doctor.Failed || f.Status == doctor.Warning; bad != (f.Why != "" && f.Fix != "") {
			t.Errorf("%s (%s): why %q, fix %q", f.Check, f.Status, f.Why, f.Fix)
		}
	}
	if failed != (got.status == exitFailed) || failed != (report.Status == doctor.Failed) {
		t.Errorf("status %d, report %s, failed %t", got.status, report.Status, failed)
	}
	for name, value := range env {
		if (strings.Contains(name, "SECRET") || strings.Contains(name, "KEYS")) && value != "" && !strings.HasPrefix(value, "file:") && !strings.HasPrefix(value, gcp.Prefix) && strings.Contains(got.out+got.err, value) {
			t.Errorf("%s is printed", name)
		}
	}
	return findings, got.status
}

// diagnosed checks that the doctor names a fault and its fix.
func diagnosed(t *testing.T, findings map[string]doctor.Finding, check string, status doctor.Status, what, fix string) {
	t.Helper()
	f, ok := findings[check]
	if !ok || f.Status != status || !strings.Contains(f.What, what) || !strings.Contains(f.Fix, fix) {
		t.Errorf("%s: %+v\nwant %s, %q, fix %q", check, f, status, what, fix)
	}
}

var readyLine = regexp.MustCompile(`listening on (http://\S+)`)

// printed is what a server printed that may still run.
type printed struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// served starts a server in this process and returns its address.
func served(t *testing.T, env map[string]string, args ...string) string {
	t.Helper()
	args = append([]string{
		"serve", "--listen", "127.0.0.1:0", "--database-url", env["DATABASE_URL"], "--encryption-keys", env["MCPKEEP_ENCRYPTION_KEYS"],
	}, args...)
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	said := &printed{}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, args, streams{in: strings.NewReader(""), out: in, err: said})
		_ = in.Close()
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	found := readyLine.FindStringSubmatch(line)
	if found == nil {
		t.Fatalf("the server printed %q: %v\n%s", line, err, said.String())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return found[1]
}

// proxied starts a server behind a proxy of the test's and returns the doctor's
// environment. The base URL is the proxy's.
func proxied(t *testing.T, change func(*httputil.ReverseProxy), wrap func(http.Handler) http.Handler) map[string]string {
	t.Helper()
	env, _ := deployment(t, dbtest.SQLite())
	proxy := &httputil.ReverseProxy{}
	handler := servertest.BodyFirst(proxy)
	if wrap != nil {
		handler = wrap(handler)
	}
	front := httptest.NewUnstartedServer(handler)
	base := "http://" + front.Listener.Addr().String()
	target, err := url.Parse(served(t, env, "--base-url", base))
	if err != nil {
		t.Fatal(err)
	}
	proxy.Rewrite = func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}
	if change != nil {
		change(proxy)
	}
	front.Start()
	t.Cleanup(front.Close)
	env["MCPKEEP_BASE_URL"] = base
	return env
}

// TestDoctorHealthy: a sound set-up has no finding that failed, with both engines,
// on its own and behind a proxy.
func TestDoctorHealthy(t *testing.T) {
	for _, e := range []dbtest.Engine{dbtest.SQLite(), dbtest.Postgres()} {
		t.Run(e.Name, func(t *testing.T) {
			env, _ := deployment(t, e)
			env["MCPKEEP_BASE_URL"] = served(t, env)
			healthy(t, env)
		})
	}
	t.Run("proxy", func(t *testing.T) { healthy(t, proxied(t, nil, nil)) })
}

func healthy(t *testing.T, env map[string]string) {
	t.Helper()
	findings, status := examined(t, env)
	if status != exitOK {
		t.Errorf("status %d", status)
	}
	for _, f := range findings {
		// What the test's own machine is like is not a fault of the set-up.
		machine := f.Check == "database_file_system" || f.Check == "database_durability" || f.Check == "documents_reachable"
		if f.Status != doctor.OK && !machine {
			t.Errorf("%+v", f)
		}
	}
	for _, check := range []string{
		"settings", "database_reachable", "database_writable", "schema_version", "keys_configured", "keys_on_record", "provider_usable",
		"access_policy", "base_url_reachable", "metadata_resource", "metadata_issuer", "authorization_header", "cors", "trailing_slash", "server_ready", "server_database",
	} {
		if _, ok := findings[check]; !ok {
			t.Errorf("no finding %s", check)
		}
	}
	got := command(t, env, "doctor")
	got.wants(t, exitOK, "settings\n  ok       all settings are valid\n", " 0 failed, ")
}

// TestDoctorNames: each name of the server is checked, and a finding about another one
// than the first says which.
func TestDoctorNames(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	proxy := &httputil.ReverseProxy{}
	fault := func(http.ResponseWriter, *http.Request) (stop bool) { return false }
	second := httptest.NewUnstartedServer(servertest.BodyFirst(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fault(w, r) {
			proxy.ServeHTTP(w, r)
		}
	})))
	first := httptest.NewUnstartedServer(servertest.BodyFirst(proxy))
	base, other := "http://"+first.Listener.Addr().String(), "http://"+second.Listener.Addr().String()
	target, err := url.Parse(served(t, env, "--base-url", base+","+other))
	if err != nil {
		t.Fatal(err)
	}
	proxy.Rewrite = func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}
	first.Start()
	t.Cleanup(first.Close)
	second.Start()
	env["MCPKEEP_BASE_URL"] = base + ", " + other
	healthy(t, env)
	if got := command(t, env, "doctor"); !strings.Contains(got.out, other+"/mcp requires a token") {
		t.Errorf("nothing about %s in:\n%s", other, got.out)
	}

	fault = func(_ http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Authorization")
		return false
	}
	findings, _ := examined(t, env)
	diagnosed(t, findings, "authorization_header", doctor.Failed, other+": the Authorization header", "Authorization")
	fault = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	}
	findings, _ = examined(t, env)
	diagnosed(t, findings, "base_url_reachable", doctor.Failed, other+": the proxy cannot reach the server", "Start the server")
	second.Close()
	findings, _ = examined(t, env)
	diagnosed(t, findings, "base_url_reachable", doctor.Warning, "nothing listens at "+strings.TrimPrefix(other, "http://"), "Start the server")
	env["MCPKEEP_BASE_URL"] = base
	findings, _ = examined(t, env)
	diagnosed(t, findings, "base_url_reachable", doctor.OK, base, "")
}

// TestDoctorReadsOnly: nothing is made, migrated or put on record.
func TestDoctorReadsOnly(t *testing.T) {
	dir := t.TempDir()
	_, status := examined(t, map[string]string{"DATABASE_URL": "sqlite:" + filepath.Join(dir, "new.db")})
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 || status != exitOK {
		t.Errorf("made %v, %v; status %d", entries, err, status)
	}
	for _, e := range []dbtest.Engine{dbtest.SQLite(), dbtest.Postgres()} {
		env, _ := deployment(t, e)
		before := dbtest.Dump(t, dbtest.SQL(t, env["DATABASE_URL"]))
		env["MCPKEEP_ENCRYPTION_KEYS"] = keyring.Generate() + "," + env["MCPKEEP_ENCRYPTION_KEYS"]
		examined(t, env)
		if after := dbtest.Dump(t, dbtest.SQL(t, env["DATABASE_URL"])); after != before {
			t.Errorf("%s: the doctor changed the database", e.Name)
		}
	}
}

func TestDoctorSettings(t *testing.T) {
	env := map[string]string{"DATABASE_URL": dbtest.SQLite().URL(t), "PORT": "8080", "MCPKEEP_PROVIDER": "github", "MCPKEEP_GITHUB_CLIENT_ID": "id"}
	got := command(t, env, "doctor")
	got.wants(t, exitFailed, "MCPKEEP_BASE_URL (--base-url): required when not listening on loopback", "fix:  Set it to the public origin, such as",
		"MCPKEEP_GITHUB_CLIENT_SECRET (--github-client-secret): required", "SQLite file")
	env = map[string]string{
		"DATABASE_URL": env["DATABASE_URL"], "MCPKEEP_PROVIDER": "github", "MCPKEEP_GITHUB_CLIENT_ID": "id", "MCPKEEP_GITHUB_CLIENT_SECRET": "sesame",
		"MCPKEEP_ACCESS_TOKEN_TTL": "48h",
	}
	got = command(t, env, "doctor")
	got.wants(t, exitFailed, "no one could sign in", "MCPKEEP_ALLOW_ANYONE=true", "MCPKEEP_ACCESS_TOKEN_TTL (--access-token-ttl): 48h0m0s is out of range", "fix:  Set it to 1s to 24h.")
	if strings.Contains(got.out, "sesame") {
		t.Error("a secret is printed")
	}
	env["MCPKEEP_ACCESS_TOKEN_TTL"], env["MCPKEEP_ALLOW_ANYONE"], env["MCPKEEP_DATABASE_MAX_CONNS"] = "", "true", "-3"
	findings, _ := examined(t, env)
	diagnosed(t, findings, "settings", doctor.Failed, "-3 is out of range", "a number of connections")
	diagnosed(t, findings, "database_writable", doctor.OK, "", "")
	command(t, map[string]string{"MCPKEEP_AUTO_MIGRATE": "maybe"}, "doctor").wants(t, exitUsage, "MCPKEEP_AUTO_MIGRATE")
}

func TestDoctorDatabaseAway(t *testing.T) {
	findings, _ := examined(t, map[string]string{"DATABASE_URL": "postgres://u:sesame@127.0.0.1:1/d", "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()})
	diagnosed(t, findings, "database_reachable", doctor.Failed, "connection refused", "DATABASE_URL")
	diagnosed(t, findings, "schema_version", doctor.Skipped, "", "")
	if strings.Contains(findings["database_reachable"].What, "sesame") {
		t.Error("the password is printed")
	}
	findings, _ = examined(t, map[string]string{"DATABASE_URL": "mysql://u:sesame@h/d"})
	diagnosed(t, findings, "database_reachable", doctor.Failed, "want sqlite:PATH", "PostgreSQL URL")
	findings, _ = examined(t, map[string]string{"DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "none", "x.db")})
	diagnosed(t, findings, "database_reachable", doctor.Failed, "no such file", "Create the folder")
}

// TestDoctorDurability: a real server that loses what it acknowledged.
func TestDoctorDurability(t *testing.T) {
	cluster := pgtest.NewCluster(t, pgtest.Setting("fsync", "off"), pgtest.Setting("synchronous_commit", "off"), pgtest.Setting("full_page_writes", "on"))
	env := map[string]string{"DATABASE_URL": cluster.DSN(), "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}
	findings, _ := examined(t, env)
	diagnosed(t, findings, "database_durability", doctor.Warning, "fsync, synchronous_commit is off", "ALTER SYSTEM SET fsync = on; ALTER SYSTEM SET synchronous_commit = on")

	safe := pgtest.NewCluster(t, pgtest.Setting("fsync", "on"), pgtest.Setting("synchronous_commit", "on"), pgtest.Setting("full_page_writes", "on"))
	env["DATABASE_URL"] = safe.DSN()
	findings, _ = examined(t, env)
	diagnosed(t, findings, "database_durability", doctor.OK, "on disk", "")
}

// TestDoctorRights: a database that takes no writes, someone else's tables, and
// transactions of another isolation.
func TestDoctorRights(t *testing.T) {
	env, _ := deployment(t, dbtest.Postgres())
	conn := dbtest.SQL(t, env["DATABASE_URL"])
	name := dbtest.Value[string](t, conn, "SELECT quote_ident(current_database())")
	dbtest.Exec(t, conn, "ALTER DATABASE "+name+" SET default_transaction_isolation = 'serializable'")
	findings, _ := examined(t, env)
	diagnosed(t, findings, "database_isolation", doctor.Warning, "serializable", "read committed")
	dbtest.Exec(t, conn, "ALTER DATABASE "+name+" SET default_transaction_read_only = on")
	findings, _ = examined(t, env)
	diagnosed(t, findings, "database_writable", doctor.Failed, "read-only", "default_transaction_read_only = off")

	env, _ = deployment(t, dbtest.Postgres())
	conn = dbtest.SQL(t, env["DATABASE_URL"])
	role := "doctor_" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "_")) + "_" + dbtest.Value[string](t, conn, "SELECT substr(md5(random()::text), 1, 8)")
	dbtest.Exec(t, conn, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() {
		_, _ = conn.ExecContext(context.WithoutCancel(t.Context()), "REASSIGN OWNED BY "+role+" TO CURRENT_USER; DROP OWNED BY "+role+"; DROP ROLE "+role)
	})
	dbtest.Exec(t, conn, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	dbtest.Exec(t, conn, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+role)
	own := asRole(t, env["DATABASE_URL"], role)
	findings, _ = examined(t, map[string]string{"DATABASE_URL": own, "MCPKEEP_ENCRYPTION_KEYS": env["MCPKEEP_ENCRYPTION_KEYS"]})
	diagnosed(t, findings, "database_writable", doctor.Failed, "may not create tables in schema public", "GRANT USAGE, CREATE ON SCHEMA public")
	dbtest.Exec(t, conn, "REVOKE DELETE ON mcpkeep_grants FROM "+role)
	findings, _ = examined(t, map[string]string{"DATABASE_URL": own, "MCPKEEP_ENCRYPTION_KEYS": env["MCPKEEP_ENCRYPTION_KEYS"]})
	diagnosed(t, findings, "database_writable", doctor.Failed, "may not read and write mcpkeep_grants", "GRANT SELECT, INSERT, UPDATE, DELETE ON public.")
	fixRights(t, conn, findings)
	findings, _ = examined(t, map[string]string{"DATABASE_URL": own, "MCPKEEP_ENCRYPTION_KEYS": env["MCPKEEP_ENCRYPTION_KEYS"]})
	diagnosed(t, findings, "database_writable", doctor.OK, "may write and migrate", "")
}

// fixRights runs the statements of the finding about rights.
func fixRights(t *testing.T, conn *sql.DB, findings map[string]doctor.Finding) {
	t.Helper()
	_, statements, _ := strings.Cut(findings["database_writable"].Fix, "administrator: ")
	statements, _, _ = strings.Cut(statements, " Or let")
	dbtest.Exec(t, conn, statements)
}

// asRole is a database's URL for another user.
func asRole(t *testing.T, dsn, role string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	if q := u.Query(); q.Has("user") {
		q.Set("user", role)
		u.RawQuery = q.Encode()
	}
	return u.String()
}

func TestDoctorSQLiteFile(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	path := strings.TrimPrefix(env["DATABASE_URL"], "sqlite:")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	findings, _ := examined(t, env)
	diagnosed(t, findings, "database_mode", doctor.Warning, "mode 0644", "chmod 600 "+path)
}

// TestDoctorLostDisk: a real file system that goes away.
func TestDoctorLostDisk(t *testing.T) {
	const tmpfs = "/dev/shm"
	if _, err := os.Stat(tmpfs); err != nil {
		t.Skipf("%s is missing: %v", tmpfs, err)
	}
	t.Setenv("TMPDIR", tmpfs)
	findings, _ := examined(t, map[string]string{"DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "x.db")})
	diagnosed(t, findings, "database_file_system", doctor.Warning, "tmpfs, which is lost", "PostgreSQL")
}

func TestDoctorSchema(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	command(t, env, "migrate", "down", "--yes").wants(t, exitOK)
	findings, status := examined(t, env)
	diagnosed(t, findings, "schema_version", doctor.Warning, "is older than this program's", "mcpkeep migrate up")
	if status != exitOK {
		t.Errorf("status %d: the server migrates by itself", status)
	}
	env["MCPKEEP_AUTO_MIGRATE"] = "false"
	findings, _ = examined(t, env)
	diagnosed(t, findings, "schema_version", doctor.Failed, "MCPKEEP_AUTO_MIGRATE is off", "mcpkeep migrate up")
	delete(env, "MCPKEEP_AUTO_MIGRATE")
	command(t, env, "migrate", "up").wants(t, exitOK)
	dbtest.Exec(t, dbtest.SQL(t, env["DATABASE_URL"]), "INSERT INTO mcpkeep_schema_version (version_id, is_applied) VALUES (999, true)")
	findings, _ = examined(t, env)
	diagnosed(t, findings, "schema_version", doctor.Warning, "schema 999 is newer", "Upgrade this program")
}

func TestDoctorKeys(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	own := env["MCPKEEP_ENCRYPTION_KEYS"]
	id, other := parsed(t, own).Primary(), keyring.Generate()
	with := func(keys string) map[string]doctor.Finding {
		t.Helper()
		findings, _ := examined(t, map[string]string{"DATABASE_URL": env["DATABASE_URL"], "MCPKEEP_ENCRYPTION_KEYS": keys})
		return findings
	}
	diagnosed(t, with(""), "keys_configured", doctor.Failed, "the database needs "+id+" (file ", "Restore the file")
	diagnosed(t, with(other), "keys_on_record", doctor.Failed, "the database needs key "+id+"; configured: "+parsed(t, other).Primary(), "Set MCPKEEP_ENCRYPTION_KEYS to key "+id+" in place")
	diagnosed(t, with("sesame"), "keys_configured", doctor.Failed, "", "comma-separated Fernet keys")
	diagnosed(t, with(other+","+own), "keys_primary", doctor.Warning, parsed(t, other).Primary()+", which is configured first, is not on record", "First restart every server with "+id)
	diagnosed(t, with("file:"+filepath.Join(t.TempDir(), "none.key")), "keys_configured", doctor.Failed, "no such file", "Restore the file")

	open := filepath.Join(t.TempDir(), "open.key")
	if err := errors.Join(os.WriteFile(open, []byte(own), 0o600), os.Chmod(open, 0o664)); err != nil {
		t.Fatal(err)
	}
	diagnosed(t, with("file:"+open), "keys_configured", doctor.Failed, open, "chmod ")

	conn := dbtest.SQL(t, env["DATABASE_URL"])
	canary := dbtest.Value[string](t, conn, "SELECT canary FROM mcpkeep_encryption_keys")
	dbtest.Exec(t, conn, "UPDATE mcpkeep_encryption_keys SET canary = 'gAAAAA'")
	diagnosed(t, with(own), "keys_canary", doctor.Failed, "the canary of key "+id+" cannot be decrypted", "backup")
	dbtest.Exec(t, conn, "UPDATE mcpkeep_encryption_keys SET canary = $1", canary)
	diagnosed(t, with(own), "keys_on_record", doctor.OK, "", "")

	postgres, _ := examined(t, map[string]string{"DATABASE_URL": dbtest.Postgres().URL(t)})
	diagnosed(t, postgres, "keys_configured", doctor.Failed, "no key is configured", "mcpkeep keys generate")
}

func TestDoctorProvider(t *testing.T) {
	gh := githubtest.New(t)
	env := map[string]string{
		"DATABASE_URL": dbtest.SQLite().URL(t), "MCPKEEP_PROVIDER": "github", "MCPKEEP_GITHUB_URL": gh.URL, "MCPKEEP_GITHUB_API_URL": gh.APIURL,
		"MCPKEEP_GITHUB_CLIENT_ID": gh.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET": gh.ClientSecret, "MCPKEEP_ALLOW_ANYONE": "true",
		"MCPKEEP_BASE_URL": "http://127.0.0.1:1",
	}
	gh.SetCallbackURL("http://127.0.0.1:1/auth/callback")
	findings, _ := examined(t, env)
	diagnosed(t, findings, "provider_usable", doctor.OK, "accepts the client ID and secret", "")
	diagnosed(t, findings, "provider_callback", doctor.OK, "callback URL to register at GitHub: http://127.0.0.1:1/auth/callback", "")
	diagnosed(t, findings, "access_policy", doctor.Warning, "anyone with an account at GitHub", "MCPKEEP_ALLOWED_USERS")
	env["MCPKEEP_GITHUB_CLIENT_SECRET"] = "sesame-sesame"
	findings, _ = examined(t, env)
	diagnosed(t, findings, "provider_usable", doctor.Failed, "client", "MCPKEEP_GITHUB_CLIENT_ID, _CLIENT_SECRET")
	env["MCPKEEP_GITHUB_URL"] = "http://127.0.0.1:1"
	findings, _ = examined(t, env)
	diagnosed(t, findings, "provider_usable", doctor.Failed, "unavailable", "http://127.0.0.1:1")
}

func TestDoctorOIDC(t *testing.T) {
	op := oidctest.New(t, oidctest.Plain())
	env := map[string]string{
		"DATABASE_URL": dbtest.SQLite().URL(t), "MCPKEEP_PROVIDER": "oidc", "MCPKEEP_OIDC_ISSUER": op.Issuer, "MCPKEEP_OIDC_CLIENT_ID": op.ClientID,
		"MCPKEEP_OIDC_CLIENT_SECRET": op.ClientSecret, "MCPKEEP_ALLOWED_DOMAINS": "example.com",
	}
	findings, _ := examined(t, env)
	diagnosed(t, findings, "provider_usable", doctor.OK, "accepts the client ID and secret", "")
	diagnosed(t, findings, "access_policy", doctor.OK, "1 domain,", "")
	env["MCPKEEP_OIDC_CLIENT_SECRET"] = "sesame-sesame"
	findings, _ = examined(t, env)
	diagnosed(t, findings, "provider_usable", doctor.Failed, "client ID and client secret", "MCPKEEP_OIDC_ISSUER, _CLIENT_ID, _CLIENT_SECRET")
	env["MCPKEEP_OIDC_ISSUER"] = op.Issuer + "/elsewhere"
	findings, _ = examined(t, env)
	diagnosed(t, findings, "provider_usable", doctor.Failed, "", "MCPKEEP_OIDC_ISSUER")
}

// TestDoctorProxies: what proxies, load balancers and firewalls do to the server.
func TestDoctorProxies(t *testing.T) {
	without := func(name string) func(*httputil.ReverseProxy) {
		return func(p *httputil.ReverseProxy) {
			p.ModifyResponse = func(r *http.Response) error {
				r.Header.Del(name)
				return nil
			}
		}
	}
	rewriting := func(change func(out *http.Request)) func(*httputil.ReverseProxy) {
		return func(p *httputil.ReverseProxy) {
			rewrite := p.Rewrite
			p.Rewrite = func(r *httputil.ProxyRequest) {
				rewrite(r)
				change(r.Out)
			}
		}
	}
	at := func(path string, answer http.HandlerFunc) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == path || path == "*" {
					answer(w, r)
					return
				}
				next.ServeHTTP(w, r)
			})
		}
	}
	page := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<!DOCTYPE html><title>Attention required</title>")
		}
	}
	redirect := func(target string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusMovedPermanently) }
	}
	tests := map[string]struct {
		change    func(*httputil.ReverseProxy)
		wrap      func(http.Handler) http.Handler
		check     string
		status    doctor.Status
		what, fix string
	}{
		"Host not preserved": {rewriting(func(out *http.Request) { out.Host = "upstream.internal" }), nil,
			"base_url_reachable", doctor.Failed, "a Host header other than", "proxy_set_header Host $host"},
		"Authorization removed": {rewriting(func(out *http.Request) { out.Header.Del("Authorization") }), nil,
			"authorization_header", doctor.Failed, "does not reach the server", "proxy_set_header Authorization"},
		"WWW-Authenticate removed": {without("WWW-Authenticate"), nil, "base_url_reachable", doctor.Failed, "no WWW-Authenticate", "WWW-Authenticate"},
		"CORS removed":             {without("Access-Control-Allow-Origin"), nil, "cors", doctor.Warning, "is removed on the way", "Access-Control"},
		"CORS twice": {func(p *httputil.ReverseProxy) {
			p.ModifyResponse = func(r *http.Response) error {
				r.Header.Add("Access-Control-Allow-Origin", "*")
				return nil
			}
		}, nil, "cors", doctor.Warning, "there are two", "add none of its own"},
		"firewall":           {nil, at("*", page(http.StatusForbidden)), "base_url_reachable", doctor.Failed, "a web page (403 Forbidden)", "bot checks"},
		"another site":       {nil, at("*", page(http.StatusOK)), "base_url_reachable", doctor.Failed, "a web page (200 OK)", "bot checks"},
		"other host":         {nil, at("*", redirect("https://www.example.com/mcp")), "base_url_reachable", doctor.Failed, "redirects to", "MCPKEEP_BASE_URL=https://www.example.com"},
		"redirect to slash":  {nil, at("/mcp", redirect("/mcp/")), "base_url_reachable", doctor.Failed, "redirects to \"/mcp/\"", "Remove the redirect"},
		"slash redirected":   {nil, at("/mcp/", redirect("/mcp")), "trailing_slash", doctor.Warning, "301", "without a redirect"},
		"path not forwarded": {nil, at("/mcp", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }), "base_url_reachable", doctor.Failed, "not found (404)", "forward every path"},
		"server down":        {nil, at("*", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }), "base_url_reachable", doctor.Failed, "cannot reach the server (502", "Start the server"},
		"proxy's own password": {nil, at("*", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Basic realm="staging"`)
			w.WriteHeader(http.StatusUnauthorized)
		}), "base_url_reachable", doctor.Failed, "its own password", "Turn off the proxy's own authentication"},
		"well-known not forwarded": {nil, at("/.well-known/oauth-authorization-server", page(http.StatusNotFound)), "metadata_issuer", doctor.Failed, "404", "forward /.well-known/"},
		"issuer rewritten": {nil, at("/.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Access-Control-Allow-Origin", "*")
			_, _ = io.WriteString(w, `{"issuer":"http://upstream.internal"}`)
		}), "metadata_issuer", doctor.Failed, `has the issuer "http://upstream.internal", want`, "MCPKEEP_BASE_URL="},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			findings, _ := examined(t, proxied(t, tt.change, tt.wrap))
			diagnosed(t, findings, tt.check, tt.status, tt.what, tt.fix)
		})
	}
}

// TestDoctorBaseURL: addresses that do not lead to the server, or to one that calls
// itself otherwise.
func TestDoctorBaseURL(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	at := func(base string) map[string]doctor.Finding {
		t.Helper()
		findings, _ := examined(t, map[string]string{
			"DATABASE_URL": env["DATABASE_URL"], "MCPKEEP_ENCRYPTION_KEYS": env["MCPKEEP_ENCRYPTION_KEYS"], "MCPKEEP_BASE_URL": base,
		})
		return findings
	}
	address := served(t, env, "--base-url", "http://localhost:9")
	diagnosed(t, at(address), "base_url_reachable", doctor.Failed, `"http://localhost:9/.well-known/oauth-protected-resource/mcp"`, "MCPKEEP_BASE_URL="+address)

	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	diagnosed(t, at("http://"+closed.Addr().String()), "base_url_reachable", doctor.Warning, "nothing listens", "mcpkeep serve")
	diagnosed(t, at("https://mcpkeep.invalid"), "base_url_reachable", doctor.Failed, "mcpkeep.invalid", "")
	diagnosed(t, at("https://"+strings.TrimPrefix(address, "http://")), "base_url_reachable", doctor.Failed, "nothing speaks TLS", "Put TLS in front")

	selfSigned := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(selfSigned.Close)
	diagnosed(t, at(selfSigned.URL), "certificate", doctor.Failed, "not from a trusted authority", "fullchain.pem")
}

// TestDoctorAnotherServer: a healthy server at the base URL that does not use this
// database, whether this one is empty, migrated, or in use by a server of its own.
func TestDoctorAnotherServer(t *testing.T) {
	elsewhere, _ := deployment(t, dbtest.SQLite())
	address := served(t, elsewhere)
	migrated, _ := deployment(t, dbtest.Postgres())
	used, _ := deployment(t, dbtest.SQLite())
	used["MCPKEEP_BASE_URL"] = served(t, used)
	findings, _ := examined(t, used) // and with it the database gets its id
	diagnosed(t, findings, "server_database", doctor.OK, "uses this database", "")
	for name, env := range map[string]map[string]string{
		"empty":    {"DATABASE_URL": emptyDatabase(t), "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()},
		"migrated": migrated, "used": used,
	} {
		t.Run(name, func(t *testing.T) {
			env["MCPKEEP_BASE_URL"] = address
			findings, status := examined(t, env)
			diagnosed(t, findings, "server_database", doctor.Failed, "another mcpkeep answers at "+address, "DATABASE_URL")
			if _, ok := findings["server_ready"]; ok || status != exitFailed {
				t.Errorf("status %d, %+v", status, findings["server_ready"])
			}
		})
	}
}

// TestDoctorNotReady: the running server says so, and the doctor says it too.
func TestDoctorNotReady(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	env["MCPKEEP_BASE_URL"] = served(t, env)
	conn := dbtest.SQL(t, env["DATABASE_URL"])
	dbtest.Exec(t, conn, "UPDATE mcpkeep_encryption_keys SET canary = 'gAAAAA'")
	findings, _ := examined(t, env)
	diagnosed(t, findings, "server_ready", doctor.Failed, "canary", "the server's log")
}

// TestDoctorIsBounded: a base URL and a database that accept and say nothing.
func TestDoctorIsBounded(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	began := time.Now()
	findings, _ := examined(t, map[string]string{
		"DATABASE_URL": "postgres://u@" + silent.Addr().String() + "/d?sslmode=disable", "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate(),
		"MCPKEEP_BASE_URL": "http://" + silent.Addr().String(),
	})
	diagnosed(t, findings, "base_url_reachable", doctor.Failed, "does not respond within", "firewall")
	diagnosed(t, findings, "database_reachable", doctor.Failed, "", "DATABASE_URL")
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("it took %v", took)
	}
}
