package db_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// planNow is the time at which the rows of the plan tests are looked at.
const planNow = 1_800_000_000

// manyRows fills the tables as a server does that has been in use for a while: one
// row in a hundred is due, one grant in twenty is revoked, one token in two is spent.
// $n is a row's number from 1 to :n, $any a number that looks random and is no other
// row's, $hash a text of 43 characters that begins with it. Rows are not stored in
// the order of any key.
var manyRows = []struct {
	table  string
	per    int // rows for each grant
	values string
}{
	{"mcpkeep_users (id, issuer, subject, profile, profile_key_id, created_at, last_sign_in_at)", 1,
		"'usr_' || $n, 'https://issuer.example', 's' || $any, 'sealed profile', 'k', :now - $n % 1000000, :now - $n % 1000000"},
	{"oauth_clients (key, value, created_at, updated_at, value_key_id, last_used_at, unused_since)", 1,
		`'mcp-oauth-proxy-clients:c' || $any, '{"sealed": "client"}', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'k',
		CASE WHEN $n % 4 > 0 THEN :now - $n END, CASE WHEN $n % 4 = 0 THEN :now - $n % 1000000 END`},
	{"mcpkeep_client_documents (client_id, url, site, body, fetched_at, fresh_until, admitted_at, review_at)", 1,
		`'https://' || $any || '.example/c', 'https://' || $any || '.example/c', $any || '.example', '{}', :now, :now,
		:now - $n, :now - 10 * $n % 1000 + 990`},
	{"mcpkeep_client_assertions (client_id, jti_hash, expires_at)", 1, "'c' || $any, $hash, :now - 600 + $any % 60000"},
	{"mcpkeep_unknown_clients (id_hash, seen_at, seen_before)", 1, "$hash, :now - 3600 + $any % 360000, 0"},
	{"mcpkeep_commits (id, created_at)", 1, "'m' || $any, :now - 600 + $any % 60000"},
	{"mcpkeep_imported_rows (key_hash, imported_at)", 1, "$hash, :now"},
	{"mcpkeep_resources (url, client_key, created_at)", 1,
		// Of clients that are in use: others would be listed as unused.
		`'https://' || $any || '.example/mcp',
		'mcp-oauth-proxy-clients:c' || ((CAST(4 * $n % :n + 1 AS BIGINT) * 2654435761) % 4294967296), :now`},
	{"mcpkeep_authorizations (id, client_id, browser_hash, state_hash, request, request_key_id, created_at, expires_at, finished_at)", 1,
		`'ath_' || $any, 'c' || $any, $hash, $hash, 'sealed request', 'k', :now, :now - 600 + $any % 60000,
		CASE WHEN $n % 2 = 0 THEN :now END`},
	{"mcpkeep_grants (id, user_id, client_id, scope, resource, provider_token, provider_token_key_id, provider_checked_at, " +
		"created_at, activated_at, last_used_at, revoked_at, review_at, closed_at, upstream_token_id)", 1,
		`'grt_' || $n, 'usr_' || $n, 'c' || ($n % 1000), 'mcp', 'https://mcp.example/mcp',
		CASE WHEN $n % 2 = 0 THEN 'sealed token' END, CASE WHEN $n % 2 = 0 THEN 'k' END, :now,
		:now - 4000 - $n % 1000000, :now, :now, CASE WHEN $n % 20 = 0 THEN :now END,
		:now - 25000 + $any % 2500000, CASE WHEN $n % 40 = 0 THEN :now END, CASE WHEN $n % 3 = 0 THEN 'up-' || $any END`},
	{"mcpkeep_personal_tokens (grant_id, name, name_key_id, expires_at)", 1, "'grt_' || $n, 'sealed name', 'k', :now - 600 + $any % 60000"},
	{"mcpkeep_adopted_tokens (token_hash, grant_id, jti)", 1, "$hash, 'grt_' || $n, 'jti-' || $any"},
	{"mcpkeep_adoptions (upstream_token_id, lease, began_at)", 1, "'up-' || $any, 'ad_' || $any, :now - 3600 + $any % 360000"},
	{"mcpkeep_codes (code_hash, grant_id, redirect_uri, code_challenge, created_at, expires_at)", 1,
		"$hash, 'grt_' || $n, 'http://127.0.0.1/cb', $hash, :now, :now - 600 + $any % 60000"},
	{"mcpkeep_access_tokens (token_hash, grant_id, scope, created_at, expires_at)", 1,
		"$hash, 'grt_' || $n, 'mcp', :now, :now - 600 + $any % 60000"},
	{"mcpkeep_refresh_tokens (token_hash, grant_id, created_at, expires_at, spent_at, successor_hash, successor, successor_key_id)", 2,
		`$hash, 'grt_' || ($n % :n + 1), :now, :now - 25000 + $any % 2500000,
		CASE WHEN $n > :n THEN :now - 500 + $any % 1000 END, CASE WHEN $n > :n THEN $hash END,
		CASE WHEN $n > :n AND $n % 50 = 0 THEN 'sealed pair' END, CASE WHEN $n > :n AND $n % 50 = 0 THEN 'k' END`},
	{"mcpkeep_tls (name, value, value_key_id, updated_at)", 1, "'certificates/' || $any, 'sealed key', 'k', :now"},
	{"mcpkeep_browser_sessions (session_hash, user_id, created_at, expires_at)", 1, "$hash, 'usr_' || $n, :now - 4000, :now - 600 + $any % 60000"},
	{"mcpkeep_signing_keys (id, number, private_key, private_key_key_id, created_at, signs_at)", 1,
		"'key-' || $any, $n, 'sealed key', 'k', :now, :now"},
	{"mcpkeep_replicas (id, name, version, started_at, seen_at)", 1, "'r' || $any, 'host', '1', :now - 4000, :now - 600 + $n % 60000"},
	{"mcpkeep_events (id, type, actor, user_id, client_id, grant_id, created_at, number)", 1,
		`'ev_' || $any, CASE WHEN $n % 1000 = 0 THEN 'code_reuse' ELSE 'tokens_refreshed' END, 'client', 'usr_' || $n,
		'c' || ($n % 1000), 'grt_' || $n, :now - 25000 + $n % 2500000, CASE WHEN $n % 100 > 0 THEN $n END`},
	{"mcpkeep_refused_accounts (event_id, account, account_key_id)", 1, "'ev_' || $any, 'sealed account', 'k'"},
}

// fillMany stores n grants and what belongs to them.
func fillMany(t *testing.T, e dbtest.Engine, conn *sql.DB, n int) {
	t.Helper()
	dbtest.Exec(t, conn, "INSERT INTO mcpkeep_encryption_keys (id, active_id, canary, created_at) VALUES ('k', 'k', 'x', 1)")
	dbtest.Exec(t, conn, "UPDATE mcpkeep_client_counts SET counted_at = $1", planNow)
	for _, rows := range manyRows {
		values := strings.NewReplacer(
			"$any", "((CAST(g.i AS BIGINT) * 2654435761) % 4294967296)", "$n", "g.i", ":now", fmt.Sprint(planNow), ":n", fmt.Sprint(n),
			"$hash", "substr(((CAST(g.i AS BIGINT) * 2654435761) % 4294967296) || '-"+hash43+"', 1, 43)",
		).Replace(rows.values)
		statement := fmt.Sprintf("INSERT INTO %s SELECT %s FROM generate_series(1, %d) AS g(i)", rows.table, values, rows.per*n)
		if e.Name == "sqlite" {
			statement = fmt.Sprintf("WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < %d) INSERT INTO %s SELECT %s FROM g",
				rows.per*n, rows.table, values)
		} else {
			statement = strings.Replace(statement, `'{"sealed": "client"}'`, `CAST('{"sealed": "client"}' AS JSONB)`, 1)
			statement = strings.ReplaceAll(statement, "'2026-01-01 00:00:00'", "TIMESTAMP '2026-01-01 00:00:00'")
		}
		dbtest.Exec(t, conn, statement)
	}
}
