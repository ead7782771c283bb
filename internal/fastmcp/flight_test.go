package fastmcp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// Rows of a sign-in in progress, as FastMCP 4.2.3 stores them.
const (
	pythonTransaction = `{"txn_id":"txn-1","client_id":"client-1","client_redirect_uri":"http://localhost:33418/callback","client_state":"st",` +
		`"code_challenge":"ch","code_challenge_method":"S256","scopes":["user","repo"],"created_at":1750000000.25,` +
		`"resource":"https://mcp.example.com/mcp","proxy_code_verifier":"ver-1","csrf_token":null,"csrf_expires_at":null,"consent_token":"c"}`
	pythonCode = `{"code":"code-1","client_id":"client-1","redirect_uri":"http://localhost:33418/callback","code_challenge":"ch",` +
		`"code_challenge_method":"S256","scopes":["user"],"idp_tokens":{"access_token":"ghu_1","expires_in":28800,"refresh_token":"ghr_1",` +
		`"scope":"","token_type":"bearer","expires_at":1750028800},"expires_at":1750000300.5,"created_at":1750000000.5}`
)

func TestTransactionRow(t *testing.T) {
	t.Parallel()
	got, err := fastmcp.DecodeTransaction([]byte(pythonTransaction), "txn-1")
	if err != nil {
		t.Fatal(err)
	}
	want := []any{"txn-1", "client-1", "http://localhost:33418/callback", "st", "ch", "S256", []string{"user", "repo"}, "https://mcp.example.com/mcp", "ver-1", int64(1750000000250)}
	have := []any{got.ID, got.ClientID, got.RedirectURI, got.State, got.CodeChallenge, got.CodeChallengeMethod, got.Scopes, got.Resource, got.Verifier, got.CreatedAt.UnixMilli()}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	// FastMCP 2.13 without PKCE at the provider, and a client without state.
	for old, with := range map[string]string{`"st"`: `""`, `"ch"`: `null`, `,"resource":"https://mcp.example.com/mcp","proxy_code_verifier":"ver-1"`: ``} {
		if _, err := fastmcp.DecodeTransaction([]byte(strings.Replace(pythonTransaction, old, with, 1)), "txn-1"); err != nil {
			t.Errorf("%s: %v", with, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(text, "ver-1") || strings.Contains(text, "txn-1") {
		t.Errorf("it shows its secrets: %s", text)
	}
}

func TestCodeRow(t *testing.T) {
	t.Parallel()
	got, err := fastmcp.DecodeCode([]byte(pythonCode), "code-1")
	if err != nil {
		t.Fatal(err)
	}
	want := []any{"code-1", "client-1", "http://localhost:33418/callback", "ch", "S256", int64(1750000300500), "ghu_1", "ghr_1", int64(1750028800)}
	have := []any{got.Code, got.ClientID, got.RedirectURI, got.CodeChallenge, got.CodeChallengeMethod, got.ExpiresAt.UnixMilli(),
		got.Upstream.AccessToken, got.Upstream.RefreshToken, got.Upstream.ExpiresAt.Unix()}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	oauthApp := strings.Replace(pythonCode, `"expires_in":28800,"refresh_token":"ghr_1",`, ``, 1)
	oauthApp = strings.Replace(oauthApp, `,"expires_at":1750028800}`, `}`, 1)
	got, err = fastmcp.DecodeCode([]byte(oauthApp), "code-1")
	if err != nil || got.Upstream.RefreshToken != "" || !got.Upstream.ExpiresAt.IsZero() {
		t.Errorf("of an OAuth app: %+v, %v", got.Upstream.ExpiresAt, err)
	}
	if text := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(text, "ghu_1") || strings.Contains(text, "code-1") {
		t.Errorf("it shows its secrets: %s", text)
	}
}

// TestFlightRowsRefused: a row with a member missing or of another type, and one in the place
// of another, is not read.
func TestFlightRowsRefused(t *testing.T) {
	t.Parallel()
	for row, changes := range map[string][][2]string{
		pythonTransaction: {
			{`"txn-1"`, `"txn-2"`}, {`"client_id"`, `"client"`}, {`"client-1"`, `""`}, {`"st"`, `null`}, {`"S256"`, `null`}, {`["user","repo"]`, `"user"`},
			{`1750000000.25`, `"1750000000"`}, {`1750000000.25`, `0`}, {`"ver-1"`, `7`}, {`{`, `[`},
		},
		pythonCode: {
			{`"code-1"`, `"code-2"`}, {`"redirect_uri"`, `"redirect"`}, {`"ghu_1"`, `""`}, {`"ghu_1"`, `null`}, {`"ghr_1"`, `{}`},
			{`1750000300.5`, `null`}, {`1750000300.5`, `-1`}, {`"client-1"`, `["client-1"]`},
		},
	} {
		for _, c := range changes {
			changed := []byte(strings.Replace(row, c[0], c[1], 1))
			_, asTransaction := fastmcp.DecodeTransaction(changed, "txn-1")
			_, asCode := fastmcp.DecodeCode(changed, "code-1")
			if !errors.Is(asTransaction, fastmcp.ErrRow) || !errors.Is(asCode, fastmcp.ErrRow) {
				t.Errorf("%s in place of %s is taken: %v, %v", c[1], c[0], asTransaction, asCode)
			}
		}
	}
}

// TestShownKey: the keys of codes and transactions, which are secrets, are not shown.
func TestShownKey(t *testing.T) {
	t.Parallel()
	const secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, collection := range []string{fastmcp.CodeCollection, fastmcp.TransactionCollection} {
		if got := fastmcp.ShownKey(fastmcp.RowKey(collection, secret)); strings.Contains(got, secret) || !strings.HasPrefix(got, collection+":sha256-") {
			t.Errorf("it shows %q", got)
		}
	}
	if key := fastmcp.RowKey(fastmcp.ClientCollection, "client-1"); fastmcp.ShownKey(key) != key {
		t.Error("it hides a client")
	}
	if !fastmcp.IsSecret(secret) || fastmcp.IsSecret(secret[1:]) || fastmcp.IsSecret(secret[1:]+"=") {
		t.Error("IsSecret")
	}
}
