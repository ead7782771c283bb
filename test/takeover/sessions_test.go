//go:build takeover

package takeover_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// remains is the database that a FastMCP server left, and the GitHub of its users. The rows
// are written as FastMCP writes them, because starting it for each session would take too
// long.
type remains struct {
	*testing.T
	gh      *githubtest.Server
	db      *sql.DB
	keys    *keyring.Keyring
	python  fastmcptest.Deployment
	options harness.Options
	users   int
}

const (
	oldSite   = "http://old.example.com" // of iss and aud
	oldClient = "python-client"
)

func leave(t *testing.T, engine harness.Engine) *remains {
	t.Helper()
	gh, key := githubtest.New(t), harness.NewKey(t)
	gh.SetTokenLifetime(30 * time.Second) // which mcpkeep renews at every question
	keys, err := keyring.Parse(key)
	if err != nil {
		t.Fatal(err)
	}
	at := engine.Database(t)
	r := &remains{T: t, gh: gh, db: dbtest.SQL(t, at), keys: keys, python: fastmcptest.New(oldSite, keys)}
	dbtest.Exec(t, r.db, `CREATE TABLE oauth_clients (key TEXT PRIMARY KEY, value JSONB NOT NULL,
		created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)`)
	r.put(fastmcp.ClientKey(oldClient), r.python.Row(t, map[string]any{
		"client_id": oldClient, "redirect_uris": []string{"http://127.0.0.1:9/callback"}, "grant_types": []string{"authorization_code", "refresh_token"},
		"response_types": []string{"code"}, "token_endpoint_auth_method": "none", "scope": "user", "client_name": "Old", "client_secret": nil,
	}))
	r.options = harness.Options{Database: at, Env: []string{
		"OAUTH_STORAGE_ENCRYPTION_KEY=" + key, "GITHUB_ALLOWED_USERNAMES=*",
		"FASTMCP_SERVER_AUTH_GITHUB_CLIENT_ID=" + gh.ClientID, "FASTMCP_SERVER_AUTH_GITHUB_CLIENT_SECRET=" + gh.ClientSecret,
		"MCPKEEP_GITHUB_URL=" + gh.URL, "MCPKEEP_GITHUB_API_URL=" + gh.APIURL,
		"MCPKEEP_FASTMCP_JWT_KEY=derived:" + fastmcptest.SigningText, "MCPKEEP_FASTMCP_ISS=" + oldSite + "/", "MCPKEEP_FASTMCP_AUD=" + oldSite + "/mcp",
	}}
	return r
}

func (r *remains) put(key string, value json.RawMessage) {
	r.Helper()
	dbtest.Exec(r.T, r.db, "INSERT INTO oauth_clients (key, value) VALUES ($1, $2)", key, string(value))
}

// signIn is the sign-in of another user at FastMCP: GitHub keeps ten tokens of each.
func (r *remains) signIn() fastmcptest.Session {
	r.Helper()
	r.users++
	login := fmt.Sprintf("user-%d", r.users)
	r.gh.AddUser(githubtest.User{Login: login})
	provider, err := identity.NewGitHub(identity.GitHubConfig{
		ClientID: r.gh.ClientID, ClientSecret: r.gh.ClientSecret, URL: r.gh.URL, APIURL: r.gh.APIURL,
	})
	if err != nil {
		r.Fatal(err)
	}
	request := identity.AuthRequest{State: "state", Verifier: oauth.NewVerifier(), RedirectURI: oldSite + "/auth/callback"}
	at, err := provider.AuthorizeURL(r.Context(), request)
	if err != nil {
		r.Fatal(err)
	}
	_, token, err := provider.Exchange(r.Context(), identity.ExchangeRequest{
		Code: r.gh.Authorize(r.T, at, r.gh.SessionCookie(login)).Query().Get("code"), Verifier: request.Verifier, RedirectURI: request.RedirectURI,
	})
	if err != nil {
		r.Fatal(err)
	}
	s := r.python.SignIn(r.T, oldClient, fastmcptest.Upstream{
		AccessToken: token.AccessToken, RefreshToken: token.RefreshToken, ExpiresAt: token.Expiry,
	}, time.Now())
	for key, value := range s.Rows {
		r.put(key, value)
	}
	return s
}

// session reads a session as FastMCP does.
func (r *remains) session(id string) fastmcp.Session {
	r.Helper()
	value := dbtest.Value[string](r.T, r.db, "SELECT value FROM oauth_clients WHERE key = $1", fastmcp.RowKey(fastmcp.SessionCollection, id))
	return fastmcptest.OpenSession(r, r.keys, id, value)
}

// works reports whether GitHub takes the access token of a session's row.
func (r *remains) works(id string) bool {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.gh.APIURL+"/user", http.NoBody)
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.session(id).AccessToken)
	return status(r.T, req) == http.StatusOK
}

func (r *remains) count(query string) int64 {
	r.Helper()
	return dbtest.Value[int64](r.T, r.db, query)
}

// outcome is what a request got: its status, 0 for no answer, whether it says when to come
// again, and the tokens.
type outcome struct {
	status int
	later  bool
	tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Error   string `json:"error"`
	}
}

const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},` +
	`"clientInfo":{"name":"t","version":"1"}}}`

// call calls the MCP endpoint of a server.
func call(t *testing.T, server, token string) outcome {
	t.Helper()
	return send(t, server+"/mcp", initialize, http.Header{
		"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"},
	})
}

// refresh asks a server for the successors of a refresh token.
func refresh(t *testing.T, server, token, client string) outcome {
	t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {client}}
	return send(t, server+"/token", form.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

var hurried = http.Client{Timeout: 30 * time.Second}

func send(t *testing.T, target, body string, header http.Header) (o outcome) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return o
	}
	req.Header = header
	res, err := hurried.Do(req)
	if err != nil {
		return o // it was killed
	}
	defer func() { _ = res.Body.Close() }()
	o.status, o.later = res.StatusCode, res.Header.Get("Retry-After") != ""
	_ = json.NewDecoder(res.Body).Decode(&o.tokens) // what is no token response has none
	return o
}
