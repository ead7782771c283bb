package main

import (
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// rest ends the time during which no one cleans after a cleaning.
func rest(t *testing.T, url string) {
	t.Helper()
	dbtest.Exec(t, dbtest.SQL(t, url), "UPDATE mcpkeep_leases SET expires_at = 0 WHERE name = 'cleaner'")
}

// expired adds a row that has expired.
func expired(t *testing.T, url string) {
	t.Helper()
	dbtest.Exec(t, dbtest.SQL(t, url), "INSERT INTO mcpkeep_unknown_clients (id_hash, seen_at, seen_before) VALUES ($1, 1, 0)",
		"0123456789012345678901234567890123456789012")
}

// TestClean: the command removes what has expired and returns tokens that no one needs, once,
// and leaves it to a server that cleans.
func TestClean(t *testing.T) {
	onEach(t, func(t *testing.T, e dbtest.Engine) {
		w := newPythonWorld(t, e)
		w.signIn("app", 0)
		command(t, w.env, "migrate", "up").wants(t, exitOK)
		command(t, w.env, "adopt").wants(t, exitOK, "took over 1 sessions")
		expired(t, w.url)
		command(t, w.env, "clean").wants(t, exitOK, "removed 1 row, returned 0 tokens")
		command(t, w.env, "grants", "revoke", "--user", "octocat", "--yes").wants(t, exitOK)
		command(t, w.env, "clean", "--json").wants(t, exitOK, `"cleaned":false`)
		if w.gh.Tokens("octocat") != 1 {
			t.Error("a token was returned without the lease")
		}
		rest(t, w.url)
		command(t, w.env, "clean", "--json").wants(t, exitOK, `"cleaned":true`, `"provider_tokens":1`)
		if n := w.gh.Tokens("octocat"); n != 0 {
			t.Errorf("GitHub has %d tokens, want none", n)
		}
		rest(t, w.url)
		command(t, w.env, "clean").wants(t, exitOK, "returned 0 tokens")
	})
}

// TestCleanKeepsTokens: without a provider in the settings, its tokens stay for one who knows it.
func TestCleanKeepsTokens(t *testing.T) {
	onEach(t, func(t *testing.T, e dbtest.Engine) {
		w := newPythonWorld(t, e)
		w.signIn("app", 0)
		command(t, w.env, "migrate", "up").wants(t, exitOK)
		command(t, w.env, "adopt").wants(t, exitOK)
		command(t, w.env, "grants", "revoke", "--user", "octocat", "--yes").wants(t, exitOK)
		command(t, map[string]string{
			"DATABASE_URL": w.url, "OAUTH_STORAGE_ENCRYPTION_KEY": w.env["OAUTH_STORAGE_ENCRYPTION_KEY"],
			"GITHUB_ALLOWED_USERNAMES": "",
		}, "clean", "--json").wants(t, exitOK, `"cleaned":true`, `"provider_tokens":0`)
		rest(t, w.url)
		command(t, w.env, "clean", "--json").wants(t, exitOK, `"provider_tokens":1`)
	})
}

// TestCleanFails: what keeps the command from cleaning is one line and a status.
func TestCleanFails(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	with := func(name, value string) map[string]string {
		return map[string]string{"DATABASE_URL": env["DATABASE_URL"], "MCPKEEP_ENCRYPTION_KEYS": env["MCPKEEP_ENCRYPTION_KEYS"], name: value}
	}
	command(t, with("MCPKEEP_EVENTS_TTL", "-1h"), "clean").wants(t, exitUsage, "MCPKEEP_EVENTS_TTL")
	command(t, with("MCPKEEP_PROVIDER", "github"), "clean").wants(t, exitUsage, "MCPKEEP_GITHUB_CLIENT_ID")
	command(t, with("DATABASE_URL", "sqlite:/no/such/file.db"), "clean").wants(t, exitFailed, "does not exist")
	wait := commandOpenFor
	commandOpenFor = time.Second
	defer func() { commandOpenFor = wait }()
	command(t, with("DATABASE_URL", "postgres://u@127.0.0.1:1/d"), "clean").wants(t, exitFailed, "gave up waiting")
}
