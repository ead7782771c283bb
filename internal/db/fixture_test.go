package db_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// hash43 is as long as the hashes that columns hold.
var hash43 = strings.Repeat("h", 43)

// fixture has a row for each table, in an order that foreign keys allow.
var fixture = []struct {
	insert string
	args   []any
}{
	{"INSERT INTO oauth_clients (key, value) VALUES ($1, $2)", []any{"mcp-oauth-proxy-clients:c", `{"v": 1}`}},
	{"INSERT INTO mcpkeep_instance (id, instance_id) VALUES (1, 'i')", nil},
	{"INSERT INTO mcpkeep_encryption_keys (id, active_id, canary, created_at) VALUES ('k', 'k', 'x', 1)", nil},
	{`INSERT INTO mcpkeep_users (id, issuer, subject, profile, profile_key_id, created_at)
		VALUES ('u', 'i', 's', 'x', 'k', 1)`, nil},
	{`INSERT INTO mcpkeep_authorizations (id, client_id, browser_hash, request, request_key_id, created_at, expires_at)
		VALUES ('a', 'c', $1, 'x', 'k', 1, 2)`, []any{hash43}},
	{`INSERT INTO mcpkeep_grants (id, user_id, client_id, scope, resource, provider_checked_at, created_at, last_used_at)
		VALUES ('g', 'u', 'c', '', 'r', 1, 1, 1)`, nil},
	{"INSERT INTO mcpkeep_personal_tokens (grant_id, name, name_key_id, expires_at) VALUES ('g', 'x', 'k', 2)", nil},
	{"INSERT INTO mcpkeep_adopted_tokens (token_hash, grant_id, jti) VALUES ($1, 'g', 'j')", []any{hash43}},
	{"INSERT INTO mcpkeep_adoptions (upstream_token_id, lease, began_at) VALUES ('up', 'l', 1)", nil},
	{`INSERT INTO mcpkeep_codes (code_hash, grant_id, redirect_uri, code_challenge, created_at, expires_at)
		VALUES ($1, 'g', 'r', $1, 1, 2)`, []any{hash43}},
	{`INSERT INTO mcpkeep_access_tokens (token_hash, grant_id, scope, created_at, expires_at)
		VALUES ($1, 'g', '', 1, 2)`, []any{hash43}},
	{`INSERT INTO mcpkeep_refresh_tokens (token_hash, grant_id, created_at, expires_at) VALUES ($1, 'g', 1, 2)`, []any{hash43}},
	{`INSERT INTO mcpkeep_client_documents (client_id, url, site, admitted_at, review_at) VALUES ('c', 'c', 's', 1, 1)`, nil},
	{"INSERT INTO mcpkeep_resources (url, client_key, created_at) SELECT 'https://other.example/mcp', key, 1 FROM oauth_clients LIMIT 1", nil},
	{"INSERT INTO mcpkeep_unknown_clients (id_hash, seen_at, seen_before) VALUES ($1, 1, 0)", []any{hash43}},
	{"INSERT INTO mcpkeep_client_assertions (client_id, jti_hash, expires_at) VALUES ('c', $1, 1)", []any{hash43}},
	{"INSERT INTO mcpkeep_commits (id, created_at) VALUES ('m', 1)", nil},
	{"INSERT INTO mcpkeep_imported_rows (key_hash, imported_at) VALUES ($1, 1)", []any{hash43}},
	{"INSERT INTO mcpkeep_tls (name, value, value_key_id, updated_at) VALUES ('n', 'x', 'k', 1)", nil},
	{"INSERT INTO mcpkeep_browser_sessions (session_hash, user_id, created_at, expires_at) VALUES ($1, 'u', 1, 2)", []any{hash43}},
	{`INSERT INTO mcpkeep_signing_keys (id, number, private_key, private_key_key_id, created_at, signs_at)
		VALUES ('s', 1, 'x', 'k', 1, 1)`, nil},
	{"INSERT INTO mcpkeep_replicas (id, name, version, started_at, seen_at) VALUES ('r', 'host', '1', 1, 2)", nil},
	{"INSERT INTO mcpkeep_events (id, type, actor, created_at) VALUES ('e', 't', 'server', 1)", nil},
	{"INSERT INTO mcpkeep_refused_accounts (event_id, account, account_key_id) VALUES ('e', 'x', 'k')", nil},
}

// fill puts a row into each table and fails the test when one has none.
func fill(t *testing.T, conn *sql.DB) {
	t.Helper()
	for _, f := range fixture {
		dbtest.Exec(t, conn, f.insert, f.args...)
	}
	for _, table := range dbtest.Tables(t, conn) {
		if n := dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM "+table); n == 0 {
			t.Errorf("the fixture has no row for table %s", table)
		}
	}
}

func countClients(t *testing.T, conn *sql.DB) int64 {
	t.Helper()
	return dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM oauth_clients")
}
