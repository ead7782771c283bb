//go:build takeover

package takeover_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// deployment is a place where first FastMCP serves and then mcpkeep, whose settings are
// FastMCP's own variables, and where the test's GitHub is.
type deployment struct {
	gh      *githubtest.Server
	address string
	setup   map[string]any
	options harness.Options
}

func deploy(t *testing.T, lifetime time.Duration) *deployment {
	t.Helper()
	return deployOn(t, lifetime, filepath.Join(t.TempDir(), "app.db"))
}

// deployOn is deploy with a file of SQLite, or the URL of a PostgreSQL database, where FastMCP
// uses py-key-value's own store.
func deployOn(t *testing.T, lifetime time.Duration, database string) *deployment {
	t.Helper()
	d := &deployment{gh: githubtest.New(t), address: harness.FreeAddress(t)}
	d.gh.SetTokenLifetime(lifetime)
	d.gh.AddUser(githubtest.User{ID: 7, Login: "octocat"})
	d.gh.SignInAs("octocat")
	_, text, _ := strings.Cut(d.address, ":")
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	key, location := harness.NewKey(t), database
	if !strings.Contains(database, "://") {
		location = "sqlite:" + database
	}
	d.setup = map[string]any{
		"port": port, "database": database, "key": key, "clientId": d.gh.ClientID, "clientSecret": d.gh.ClientSecret,
		"site": d.gh.URL, "api": d.gh.APIURL, "redirectPath": "/oauth/github",
	}
	d.options = harness.Options{Database: location, Listen: d.address, Env: []string{
		"OAUTH_STORAGE_ENCRYPTION_KEY=" + key, "GITHUB_ALLOWED_USERNAMES=octocat",
		"FASTMCP_SERVER_AUTH_GITHUB_CLIENT_ID=" + d.gh.ClientID, "FASTMCP_SERVER_AUTH_GITHUB_CLIENT_SECRET=" + d.gh.ClientSecret,
		"FASTMCP_SERVER_AUTH_GITHUB_BASE_URL=" + d.url(), "FASTMCP_SERVER_AUTH_GITHUB_REDIRECT_PATH=/oauth/github",
		"MCPKEEP_GITHUB_URL=" + d.gh.URL, "MCPKEEP_GITHUB_API_URL=" + d.gh.APIURL,
	}}
	return d
}

func (d *deployment) url() string { return "http://" + d.address }

// mcp answers with the status of a call with an access token.
func (d *deployment) mcp(t *testing.T, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url()+"/mcp",
		strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	return status(t, req)
}

// refresh answers with the status of a refresh.
func (d *deployment) refresh(t *testing.T, h held) int {
	t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {h.Refresh}, "client_id": {h.Client}}
	if h.Secret != "" {
		form.Set("client_secret", h.Secret)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url()+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return status(t, req)
}

func status(t *testing.T, req *http.Request) int {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}
