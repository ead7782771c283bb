package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// result is what a command left behind.
type result struct {
	status   int
	out, err string
}

// endsWithin bounds a command: a server that starts although the test wants it to refuse
// ends then, and the test fails with what it printed.
const endsWithin = 2 * time.Minute

// command runs the program in this process, with these variables and no others
// of ours.
func command(t *testing.T, env map[string]string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), endsWithin)
	defer cancel()
	var out, errs bytes.Buffer
	status := commandIn(ctx, t, env, streams{in: strings.NewReader("no\n"), out: &out, err: &errs}, args...)
	return result{status, out.String(), errs.String()}
}

// commandIn is command with streams of the test's own.
func commandIn(ctx context.Context, t *testing.T, env map[string]string, std streams, args ...string) (status int) {
	t.Helper()
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "MCPKEEP_") || strings.HasPrefix(name, "FASTMCP_") || name == "DATABASE_URL" || name == "PORT" {
			t.Setenv(name, "")
		}
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	return run(ctx, args, std)
}

func TestWrongUsage(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	key := keyring.Generate()
	tests := map[string]struct {
		env  map[string]string
		args []string
		want string // in the one line
	}{
		"unknown command":    {nil, []string{"bogus"}, "bogus"},
		"unknown flag":       {nil, []string{"serve", "--bogus"}, "--bogus"},
		"argument":           {nil, []string{"version", "x"}, "x"},
		"URL without a flag": {nil, []string{"serve", "postgres://u:sesame@h/d"}, "unexpected argument (not shown)"},
		"DSN without a flag": {nil, []string{"serve", "host=h password=sesame"}, "unexpected argument (not shown)"},
		"URL for a number":   {map[string]string{"MCPKEEP_DATABASE_MAX_CONNS": "postgres://u:sesame@h/d"}, nil, "MCPKEEP_DATABASE_MAX_CONNS"},
		"key for a path": {map[string]string{"MCPKEEP_TLS_CERT": "c.pem", "MCPKEEP_TLS_KEY": "-----BEGIN PRIVATE KEY-----\nsesame",
			"MCPKEEP_BASE_URL": "https://mcp.example.com", "MCPKEEP_PROVIDER": "local"}, nil, "MCPKEEP_TLS_KEY (--tls-key): not a path"},
		"duration":           {map[string]string{"MCPKEEP_ACCESS_TOKEN_TTL": "soon"}, nil, "MCPKEEP_ACCESS_TOKEN_TTL (--access-token-ttl)"},
		"duration flag":      {nil, []string{"serve", "--refresh-grace", "-1s"}, "refresh-grace"},
		"short lifetime":     {map[string]string{"MCPKEEP_ACCESS_TOKEN_TTL": "10ms"}, nil, "want 1s to 24h"},
		"long lifetime":      {map[string]string{"MCPKEEP_ACCESS_TOKEN_TTL": "25h"}, nil, "want 1s to 24h"},
		"refresh shorter":    {map[string]string{"MCPKEEP_REFRESH_TOKEN_TTL": "1m"}, nil, "MCPKEEP_REFRESH_TOKEN_TTL"},
		"grace":              {map[string]string{"MCPKEEP_REFRESH_GRACE": "48h"}, nil, "MCPKEEP_REFRESH_GRACE"},
		"short recheck":      {map[string]string{"MCPKEEP_RECHECK": "10ms"}, nil, "1s to 24h, or 0 (only refreshes ask)"},
		"long recheck":       {map[string]string{"MCPKEEP_RECHECK": "25h"}, nil, "MCPKEEP_RECHECK"},
		"provider grace":     {map[string]string{"MCPKEEP_PROVIDER_GRACE": "-1s"}, nil, "MCPKEEP_PROVIDER_GRACE"},
		"boolean":            {map[string]string{"MCPKEEP_AUTO_MIGRATE": "maybe"}, nil, "MCPKEEP_AUTO_MIGRATE"},
		"choice":             {map[string]string{"MCPKEEP_LOG_FORMAT": "xml"}, nil, "MCPKEEP_LOG_FORMAT"},
		"listen":             {map[string]string{"MCPKEEP_LISTEN": "8080"}, nil, "MCPKEEP_LISTEN"},
		"port":               {map[string]string{"PORT": "http"}, nil, "PORT"},
		"public":             {map[string]string{"PORT": "0"}, nil, "MCPKEEP_BASE_URL (--base-url): required"},
		"AS-07 plain http":   {map[string]string{"MCPKEEP_BASE_URL": "http://mcp.example.com"}, nil, "MCPKEEP_BASE_URL"},
		"path":               {map[string]string{"MCPKEEP_BASE_URL": "https://mcp.example.com/x"}, nil, "MCPKEEP_BASE_URL"},
		"private plain http": {map[string]string{"MCPKEEP_BASE_URL": "http://192.168.1.5:8080"}, nil, "MCPKEEP_ALLOW_HTTP=true"},
		"public plain http":  {map[string]string{"MCPKEEP_BASE_URL": "http://mcp.example.com", "MCPKEEP_ALLOW_HTTP": "true"}, nil, "over the internet without encryption"},
		"second name":        {map[string]string{"MCPKEEP_BASE_URL": "https://mcp.example.com, https://mcp.example.com/x"}, nil, "MCPKEEP_BASE_URL"},
		"one name twice":     {map[string]string{"MCPKEEP_BASE_URL": "https://mcp.example.com,https://MCP.example.com:443"}, nil, "listed twice"},
		"origin":             {map[string]string{"MCPKEEP_ALLOWED_ORIGINS": "https://app.example,https:"}, nil, "MCPKEEP_ALLOWED_ORIGINS (--allowed-origins): \"https:\" cannot be listed; want"},
		"origin with a path": {map[string]string{"MCPKEEP_ALLOWED_ORIGINS": "https://app.example/"}, nil, "MCPKEEP_ALLOWED_ORIGINS"},
		"no provider":        {map[string]string{"PORT": "0", "MCPKEEP_BASE_URL": "https://mcp.example.com"}, nil, "MCPKEEP_PROVIDER"},
		"provider":           {map[string]string{"MCPKEEP_PROVIDER": "myspace"}, nil, "MCPKEEP_PROVIDER"},
		"no client id":       {map[string]string{"MCPKEEP_PROVIDER": "github"}, nil, "MCPKEEP_GITHUB_CLIENT_ID"},
		"no secret": {map[string]string{"MCPKEEP_PROVIDER": "github", "MCPKEEP_GITHUB_CLIENT_ID": "id"}, nil,
			"MCPKEEP_GITHUB_CLIENT_SECRET"},
		"no one may sign in": {map[string]string{"MCPKEEP_PROVIDER": "github", "FASTMCP_SERVER_AUTH_GITHUB_CLIENT_ID": "id",
			"FASTMCP_SERVER_AUTH_GITHUB_CLIENT_SECRET": "sesame"}, nil, "GITHUB_ALLOWED_USERNAMES"},
		"github url": {map[string]string{"MCPKEEP_PROVIDER": "github", "MCPKEEP_GITHUB_CLIENT_ID": "id",
			"MCPKEEP_GITHUB_CLIENT_SECRET": "sesame", "MCPKEEP_ALLOW_ANYONE": "true", "MCPKEEP_GITHUB_URL": "ftp://x"}, nil, "MCPKEEP_GITHUB_URL"},
		"registration":       {map[string]string{"MCPKEEP_REGISTRATION": "shut"}, nil, "MCPKEEP_REGISTRATION (--registration)"},
		"documents":          {map[string]string{"MCPKEEP_CIMD": "maybe"}, nil, "MCPKEEP_CIMD (--cimd): \"maybe\" is not known; want on or off"},
		"admin pages":        {map[string]string{"MCPKEEP_ADMIN_PAGES": "maybe"}, nil, "MCPKEEP_ADMIN_PAGES (--admin-pages): \"maybe\" is not known; want on or off"},
		"document hosts":     {map[string]string{"MCPKEEP_CIMD_HOSTS": "claude.ai,*.example.com"}, nil, "MCPKEEP_CIMD_HOSTS (--cimd-hosts)"},
		"document networks":  {map[string]string{"MCPKEEP_CIMD_ALLOWED_NETWORKS": "10.0.0.1/8"}, nil, "MCPKEEP_CIMD_ALLOWED_NETWORKS (--cimd-allowed-networks)"},
		"registration hosts": {map[string]string{"MCPKEEP_REGISTRATION": "allowlist", "MCPKEEP_REGISTRATION_HOSTS": "claude.ai,*.example.com"}, nil, "MCPKEEP_REGISTRATION_HOSTS"},
		"hosts for nothing":  {map[string]string{"MCPKEEP_REGISTRATION_HOSTS": "claude.ai"}, nil, "MCPKEEP_REGISTRATION=allowlist"},
		"readopt":            {map[string]string{"MCPKEEP_READOPT": "on"}, nil, "MCPKEEP_READOPT (--readopt)"},
		"max clients":        {map[string]string{"MCPKEEP_MAX_CLIENTS": "-1"}, nil, "MCPKEEP_MAX_CLIENTS"},
		"max clients, text":  {map[string]string{"MCPKEEP_MAX_CLIENTS": "many"}, nil, "MCPKEEP_MAX_CLIENTS"},
		"unused ttl":         {map[string]string{"MCPKEEP_CLIENT_UNUSED_TTL": "5m"}, nil, "MCPKEEP_CLIENT_UNUSED_TTL"},
		"everyone": {map[string]string{"MCPKEEP_PROVIDER": "github", "MCPKEEP_GITHUB_CLIENT_ID": "id", "MCPKEEP_GITHUB_CLIENT_SECRET": "sesame",
			"MCPKEEP_ALLOWED_USERS": "*"}, nil, "MCPKEEP_ALLOW_ANYONE=true"},
		"FastMCP's variables, no one": {map[string]string{"FASTMCP_SERVER_AUTH_GITHUB_CLIENT_ID": "id",
			"FASTMCP_SERVER_AUTH_GITHUB_CLIENT_SECRET": "sesame"}, nil, "GITHUB_ALLOWED_USERNAMES (--allowed-users): no one could sign in"},
		"FastMCP's variables, an impossible callback": {map[string]string{"FASTMCP_SERVER_AUTH_GITHUB_CLIENT_ID": "id",
			"FASTMCP_SERVER_AUTH_GITHUB_CLIENT_SECRET": "sesame", "GITHUB_ALLOWED_USERNAMES": "octocat",
			"FASTMCP_SERVER_AUTH_GITHUB_REDIRECT_PATH": "/token"}, nil, "MCPKEEP_CALLBACK_PATH (--callback-path): \"/token\" is not usable"},
		"FastMCP's variables, two providers": {map[string]string{"FASTMCP_SERVER_AUTH_GITHUB_CLIENT_ID": "id",
			"FASTMCP_SERVER_AUTH_GOOGLE_CLIENT_ID": "id"}, nil, "MCPKEEP_PROVIDER (--provider)"},
		"FastMCP's signing key": {map[string]string{"MCPKEEP_PROVIDER": "github", "MCPKEEP_GITHUB_CLIENT_ID": "id", "MCPKEEP_GITHUB_CLIENT_SECRET": "x",
			"MCPKEEP_ALLOW_ANYONE": "true", "MCPKEEP_FASTMCP_JWT_KEY": "sesame"}, nil, "MCPKEEP_FASTMCP_JWT_KEY (--fastmcp-jwt-key): not a signing key; want passphrase:TEXT"},
		"FastMCP's keys": {map[string]string{"MCPKEEP_PROVIDER": "github", "MCPKEEP_GITHUB_CLIENT_ID": "id", "MCPKEEP_GITHUB_CLIENT_SECRET": "x",
			"MCPKEEP_ALLOW_ANYONE": "true", "MCPKEEP_FASTMCP_KEYS": "sesame"}, nil, "MCPKEEP_FASTMCP_KEYS (--fastmcp-keys): "},
		"FastMCP's passphrase": {map[string]string{"MCPKEEP_PROVIDER": "github", "MCPKEEP_GITHUB_CLIENT_ID": "id", "MCPKEEP_GITHUB_CLIENT_SECRET": "x",
			"MCPKEEP_ALLOW_ANYONE": "true", "MCPKEEP_FASTMCP_KEYS": "passphrase:sesame"}, nil, "a text, a colon and a salt"},
		"FastMCP's table": {map[string]string{"MCPKEEP_PROVIDER": "github", "MCPKEEP_GITHUB_CLIENT_ID": "id", "MCPKEEP_GITHUB_CLIENT_SECRET": "x",
			"MCPKEEP_ALLOW_ANYONE": "true", "MCPKEEP_FASTMCP_TABLE": "kv store"}, nil, "MCPKEEP_FASTMCP_TABLE (--fastmcp-table): \"kv store\" names no table"},
		"FastMCP's layout": {map[string]string{"MCPKEEP_PROVIDER": "github", "MCPKEEP_GITHUB_CLIENT_ID": "id", "MCPKEEP_GITHUB_CLIENT_SECRET": "x",
			"MCPKEEP_ALLOW_ANYONE": "true", "MCPKEEP_FASTMCP_TABLE": "kv:redis"}, nil, "MCPKEEP_FASTMCP_TABLE (--fastmcp-table): \"kv:redis\" names no table"},
		"FastMCP's switch":    {map[string]string{"MCPKEEP_FASTMCP": "yes"}, nil, "MCPKEEP_FASTMCP (--fastmcp): \"yes\" is not known; want on or off"},
		"FastMCP's end, text": {map[string]string{"MCPKEEP_FASTMCP_LEGACY_UNTIL": "tomorrow"}, nil, "MCPKEEP_FASTMCP_LEGACY_UNTIL (--fastmcp-legacy-until)"},
		"FastMCP's end, far":  {map[string]string{"MCPKEEP_FASTMCP_LEGACY_UNTIL": "2999-01-01T00:00:00Z"}, nil, "2999-01-01 is too far ahead"},
		"no google id":        {map[string]string{"MCPKEEP_PROVIDER": "google"}, nil, "MCPKEEP_GOOGLE_CLIENT_ID (--google-client-id): required"},
		"no google secret":    {map[string]string{"MCPKEEP_PROVIDER": "google", "FASTMCP_SERVER_AUTH_GOOGLE_CLIENT_ID": "id"}, nil, "MCPKEEP_GOOGLE_CLIENT_SECRET"},
		"google, no one": {map[string]string{"MCPKEEP_PROVIDER": "google", "MCPKEEP_GOOGLE_CLIENT_ID": "id",
			"FASTMCP_SERVER_AUTH_GOOGLE_CLIENT_SECRET": "sesame"}, nil, "MCPKEEP_ALLOWED_DOMAINS"},
		"google has no organizations": {map[string]string{"MCPKEEP_PROVIDER": "google", "MCPKEEP_GOOGLE_CLIENT_ID": "id",
			"MCPKEEP_GOOGLE_CLIENT_SECRET": "sesame", "MCPKEEP_ALLOWED_ORGS": "acme"}, nil, "MCPKEEP_ALLOWED_ORGS"},
		"google has no groups": {map[string]string{"MCPKEEP_PROVIDER": "google", "MCPKEEP_GOOGLE_CLIENT_ID": "id",
			"MCPKEEP_GOOGLE_CLIENT_SECRET": "sesame", "MCPKEEP_ALLOWED_GROUPS": "acme"}, nil, "MCPKEEP_ALLOWED_GROUPS"},
		"no issuer":      {map[string]string{"MCPKEEP_PROVIDER": "oidc"}, nil, "MCPKEEP_OIDC_ISSUER"},
		"no oidc id":     {oidcEnv(map[string]string{"MCPKEEP_OIDC_CLIENT_ID": ""}), nil, "MCPKEEP_OIDC_CLIENT_ID"},
		"no oidc secret": {oidcEnv(map[string]string{"MCPKEEP_OIDC_CLIENT_SECRET": ""}), nil, "MCPKEEP_OIDC_CLIENT_SECRET"},
		"issuer":         {oidcEnv(map[string]string{"MCPKEEP_OIDC_ISSUER": "login.example.com"}), nil, "MCPKEEP_OIDC_ISSUER (--oidc-issuer)"},
		"plain issuer":   {oidcEnv(map[string]string{"MCPKEEP_OIDC_ISSUER": "http://login.example.com"}), nil, "must start with https://"},
		"issuer with a password": {oidcEnv(map[string]string{"MCPKEEP_OIDC_ISSUER": "https://a:sesame@login.example.com"}), nil,
			"MCPKEEP_OIDC_ISSUER"},
		"oidc, no one":                        {oidcEnv(map[string]string{"MCPKEEP_ALLOWED_USERS": " , "}), nil, "MCPKEEP_ALLOWED_GROUPS"},
		"anyone and some":                     {oidcEnv(map[string]string{"MCPKEEP_ALLOW_ANYONE": "true"}), nil, "MCPKEEP_ALLOW_ANYONE"},
		"domain":                              {oidcEnv(map[string]string{"MCPKEEP_ALLOWED_DOMAINS": "example.com,*.example.com"}), nil, "MCPKEEP_ALLOWED_DOMAINS"},
		"address":                             {oidcEnv(map[string]string{"MCPKEEP_ALLOWED_USERS": "alice,@example.com"}), nil, "MCPKEEP_ALLOWED_USERS"},
		"administrator":                       {oidcEnv(map[string]string{"MCPKEEP_ADMINS": "alice@"}), nil, "MCPKEEP_ADMINS"},
		"administrator of the local provider": {map[string]string{"MCPKEEP_ADMINS": "alice@"}, nil, "MCPKEEP_ADMINS"},
		"database":                            {map[string]string{"DATABASE_URL": "mysql://u:sesame@h/d"}, nil, "DATABASE_URL"},
		"postgres url":                        {map[string]string{"DATABASE_URL": "postgres://u:sesame@h:x/d"}, nil, "DATABASE_URL"},
		"key":                                 {map[string]string{"DATABASE_URL": database, "MCPKEEP_ENCRYPTION_KEYS": "sesame"}, nil, "MCPKEEP_ENCRYPTION_KEYS"},
		"key twice":                           {map[string]string{"DATABASE_URL": database, "OAUTH_STORAGE_ENCRYPTION_KEY": key + "," + key}, nil, "MCPKEEP_ENCRYPTION_KEYS"},
		"no provider, behind a proxy":         {map[string]string{"MCPKEEP_BASE_URL": "https://mcp.example.com"}, nil, "MCPKEEP_PROVIDER"},
		"short password, behind a proxy": {map[string]string{"DATABASE_URL": database, "MCPKEEP_LOCAL_PASSWORD": "sesame",
			"MCPKEEP_BASE_URL": "https://mcp.example.com", "MCPKEEP_PROVIDER": "local"}, nil, "MCPKEEP_LOCAL_PASSWORD"},
		"short password": {map[string]string{"DATABASE_URL": database, "MCPKEEP_LOCAL_PASSWORD": "sesame", "MCPKEEP_LISTEN": "0.0.0.0:0",
			"MCPKEEP_BASE_URL": "https://mcp.example.com", "MCPKEEP_PROVIDER": "local"}, nil, "MCPKEEP_LOCAL_PASSWORD"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			args := tt.args
			if len(args) == 0 {
				args = []string{"serve"}
			}
			t.Chdir(t.TempDir())
			got := command(t, tt.env, args...)
			if got.status != exitUsage || strings.Count(got.err, "\n") != 1 || !strings.Contains(got.err, tt.want) || got.out != "" {
				t.Errorf("status %d, output %q, want 2 and one line with %q:\n%s", got.status, got.out, tt.want, got.err)
			}
			if strings.Contains(got.err, "sesame") || strings.Contains(got.err, key) {
				t.Errorf("a secret is printed: %s", got.err)
			}
		})
	}
}

// oidcEnv is a complete set of variables for an OpenID provider, with changes.
func oidcEnv(changes map[string]string) map[string]string {
	env := map[string]string{
		"MCPKEEP_PROVIDER": "oidc", "MCPKEEP_OIDC_ISSUER": "https://login.example.com", "MCPKEEP_OIDC_CLIENT_ID": "id",
		"MCPKEEP_OIDC_CLIENT_SECRET": "sesame", "MCPKEEP_ALLOWED_USERS": "alice",
	}
	maps.Copy(env, changes)
	return env
}

func TestHelpListsEverySetting(t *testing.T) {
	got := command(t, nil, "serve", "--help")
	for _, want := range []string{
		"DATABASE_URL", "MCPKEEP_BASE_URL", "MCPKEEP_LISTEN", "MCPKEEP_ENCRYPTION_KEYS", "OAUTH_STORAGE_ENCRYPTION_KEY",
		"MCPKEEP_AUTO_MIGRATE", "MCPKEEP_PROVIDER", "MCPKEEP_GITHUB_CLIENT_ID", "MCPKEEP_GITHUB_CLIENT_SECRET",
		"MCPKEEP_GITHUB_URL", "MCPKEEP_GITHUB_API_URL", "MCPKEEP_ALLOWED_USERS", "GITHUB_ALLOWED_USERNAMES",
		"MCPKEEP_GOOGLE_CLIENT_ID", "MCPKEEP_GOOGLE_CLIENT_SECRET", "FASTMCP_SERVER_AUTH_GOOGLE_CLIENT_ID",
		"FASTMCP_SERVER_AUTH_GOOGLE_CLIENT_SECRET", "FASTMCP_SERVER_AUTH_GOOGLE_BASE_URL", "MCPKEEP_OIDC_ISSUER",
		"MCPKEEP_OIDC_CLIENT_ID", "MCPKEEP_OIDC_CLIENT_SECRET", "MCPKEEP_OIDC_SCOPES", "MCPKEEP_OIDC_GROUPS_CLAIM",
		"MCPKEEP_ALLOWED_DOMAINS", "MCPKEEP_ALLOWED_GROUPS", "MCPKEEP_ALLOWED_ORGS", "MCPKEEP_ALLOW_ANYONE", "MCPKEEP_ADMINS", "MCPKEEP_LOCAL_PASSWORD", "MCPKEEP_ACCESS_TOKEN_TTL",
		"MCPKEEP_REFRESH_TOKEN_TTL", "MCPKEEP_REFRESH_GRACE", "MCPKEEP_PROVIDER_GRACE", "MCPKEEP_RECHECK", "MCPKEEP_LOG_FORMAT", "MCPKEEP_LOG_LEVEL",
		"MCPKEEP_REGISTRATION", "MCPKEEP_REGISTRATION_HOSTS", "MCPKEEP_MAX_CLIENTS", "MCPKEEP_READOPT", "MCPKEEP_CLIENT_UNUSED_TTL",
	} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%s is not in the help", want)
		}
	}
	if got.status != exitOK || got.err != "" {
		t.Errorf("status %d, %q", got.status, got.err)
	}
}

// emptyDatabase is a database file without a schema.
func emptyDatabase(t *testing.T) (url string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "empty.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// TestMakesNoDatabase: a command that has no use for a new database says that there is
// none, and makes no file when the path is mistyped.
func TestMakesNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "typo.db")
	env := map[string]string{"DATABASE_URL": "sqlite:" + path, "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}
	for _, args := range []string{
		"migrate status", "migrate down --yes", "keys list", "keys rotate --yes", "clients list", "grants list", "users list", "events", "doctor",
	} {
		got := command(t, env, strings.Fields(args)...)
		if args != "doctor" {
			got.wants(t, exitFailed, "the database file "+path+" does not exist")
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%s made the file: %v", args, err)
		}
	}
}

// TestKeysBeforeMigration: a start with keys that cannot be used does not migrate.
func TestKeysBeforeMigration(t *testing.T) {
	url := emptyDatabase(t)
	for keys, status := range map[string]int{"sesame": exitUsage, "file:no-such-file": exitFailed} {
		env := map[string]string{"DATABASE_URL": url, "MCPKEEP_ENCRYPTION_KEYS": keys}
		command(t, env, "serve", "--listen", "127.0.0.1:0").wants(t, status, "MCPKEEP_ENCRYPTION_KEYS")
		command(t, env, "migrate", "status").wants(t, exitOK, "schema 0")
	}
}

func TestMigrate(t *testing.T) {
	env := map[string]string{"DATABASE_URL": emptyDatabase(t)}
	steps := []struct {
		args []string
		want string
	}{
		{[]string{"migrate", "status"}, "false"},
		{[]string{"migrate", "up"}, "applied 00001_mcpkeep.sql"},
		{[]string{"migrate", "up"}, fmt.Sprintf("schema %[1]d (this program needs %[1]d)", db.NeededVersion())},
		{[]string{"migrate", "status", "--json"}, `{"version":1,"name":"00001_mcpkeep.sql","applied":true}`},
		{[]string{"migrate", "down", "--yes"}, fmt.Sprintf("rolled back %05d_", db.NeededVersion())},
		{[]string{"migrate", "down", "--all", "--yes"}, "no migration is applied"},
		{[]string{"migrate", "up"}, "applied 00001_mcpkeep.sql"},
	}
	for _, step := range steps {
		if got := command(t, env, step.args...); got.status != exitOK || !strings.Contains(got.out, step.want) {
			t.Fatalf("%v: status %d, want %q in\n%s%s", step.args, got.status, step.want, got.out, got.err)
		}
	}
	if got := command(t, env, "migrate", "down"); got.status != exitFailed || !strings.Contains(got.err, "not confirmed") {
		t.Errorf("unconfirmed: status %d\n%s", got.status, got.err)
	}
}

// TestValueWithHyphen: one of 64 Fernet keys begins with a hyphen, and neither it
// nor a secret that does is taken for a flag and printed.
func TestValueWithHyphen(t *testing.T) {
	key := keyring.Generate()
	for !strings.HasPrefix(key, "-") {
		key = keyring.Generate()
	}
	base := []string{"keys", "list", "--database-url", dbtest.SQLite().URL(t)}
	for _, args := range [][]string{{"--encryption-keys", key}, {"--encryption-keys=" + key}, {"--encryption-keys", key, "--json"}} {
		if got := command(t, nil, append(base, args...)...); got.status != exitOK || strings.Contains(got.err, "flag") {
			t.Errorf("%q: %+v", args[0], got)
		}
	}
	got := command(t, nil, append(base, "--encryption-keys", key[:20])...)
	if got.status != exitUsage || strings.Contains(got.err, key[1:8]) {
		t.Errorf("a wrong key: %+v", got)
	}
	for _, next := range []string{"--json", "--database-url=sqlite:x.db", "-h"} {
		if got := command(t, nil, append(base, "--encryption-keys", next)...); !strings.Contains(got.err, "expected string value") {
			t.Errorf("no key before %s: %+v", next, got)
		}
	}
	got = command(t, nil, "serve", "--listen", "--no-auto-migrate")
	if got.status != exitUsage || !strings.Contains(got.err, "expected string value") {
		t.Errorf("no address: %+v", got)
	}
}

func TestKeysGenerate(t *testing.T) {
	first, second := command(t, nil, "keys", "generate"), command(t, nil, "keys", "generate")
	if _, err := keyring.Parse(strings.TrimSpace(first.out)); err != nil || first.out == second.out {
		t.Errorf("keys %q and %q: %v", first.out, second.out, err)
	}
}

// TestVersion: the command and the flag print the same line, wherever the flag stands.
func TestVersion(t *testing.T) {
	want := command(t, nil, "version")
	if want.status != exitOK || !strings.HasPrefix(want.out, "mcpkeep "+buildVersion()+" (") {
		t.Errorf("%+v", want)
	}
	for _, args := range []string{"--version", "serve --version", "keys --version"} {
		if got := command(t, nil, strings.Fields(args)...); got != want {
			t.Errorf("%s: %+v, want %+v", args, got, want)
		}
	}
}

// TestRecordedVersion: the module's version, or else the commit.
func TestRecordedVersion(t *testing.T) {
	t.Parallel()
	commit := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.modified", Value: "false"}}
	changed := []debug.BuildSetting{commit[0], {Key: "vcs.modified", Value: "true"}}
	for _, tt := range []struct {
		info *debug.BuildInfo
		want string
	}{
		{nil, "(devel)"},
		{&debug.BuildInfo{}, "(devel)"},
		{&debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}, Settings: commit}, "v0.1.0"},
		{&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: commit}, "0123456789ab"},
		{&debug.BuildInfo{Settings: changed}, "0123456789ab+dirty"},
	} {
		if got := recordedVersion(tt.info); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.info, got, tt.want)
		}
	}
}

// TestCloudLogging: the field names that Cloud Logging reads.
func TestCloudLogging(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	log := newLogger(&buf, "json", "info", nil)
	log.WarnContext(t.Context(), "careful", slog.Group("g", "msg", "kept"))
	log.DebugContext(t.Context(), "unseen")
	for _, want := range []string{`"severity":"WARNING"`, `"message":"careful"`, `"g":{"msg":"kept"}`} {
		if !strings.Contains(buf.String(), want) {
			t.Errorf("%s is not in %s", want, buf.String())
		}
	}
	if strings.Contains(buf.String(), "unseen") {
		t.Error("a line below the level was written")
	}
}

// TestListenAddress: TL-03. Without a word it is this machine alone that can connect.
func TestListenAddress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		flags serveFlags
		want  string
	}{
		{serveFlags{}, "127.0.0.1:8080"},
		{serveFlags{Port: "9000"}, "0.0.0.0:9000"},
		{serveFlags{Port: "9000", Listen: "127.0.0.1:0"}, "127.0.0.1:0"},
	} {
		if got, err := tt.flags.listenAddress(); got != tt.want || err != nil {
			t.Errorf("%+v: %q, %v, want %q", tt.flags, got, err, tt.want)
		}
	}
}
