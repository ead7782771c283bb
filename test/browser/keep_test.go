//go:build browser

package browser_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
)

const (
	verifier = "a-code-verifier-of-the-tests-of-at-least-43-characters"
	// state holds what must come back untouched and must not become markup.
	state = `s"'><img src=x onerror=alert(2)>&amp;=%20+/ü`
)

// startLocal starts a server with the local provider.
func startLocal(t *testing.T) keep {
	t.Helper()
	return start(t)
}

// startGitHub starts a server with a GitHub where octocat has an account. Its
// host is another site than the server's to the browser, as the real one is.
func startGitHub(t *testing.T, env ...string) (keep, *githubtest.Server) {
	t.Helper()
	gh := githubtest.New(t)
	gh.AddUser(githubtest.User{Login: "octocat", Name: "The Octocat"})
	gh.AddUser(githubtest.User{Login: "mallory"})
	return start(t, append(env, "MCPKEEP_PROVIDER=github", "MCPKEEP_ALLOWED_USERS=octocat",
		"MCPKEEP_GITHUB_CLIENT_ID="+gh.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET="+gh.ClientSecret,
		"MCPKEEP_GITHUB_URL="+githubURL(gh), "MCPKEEP_GITHUB_API_URL="+gh.APIURL)...), gh
}

func githubURL(gh *githubtest.Server) string {
	return strings.Replace(gh.URL, "127.0.0.1", "localhost", 1)
}

// register registers a public client (RFC 7591) and returns its id.
func (k keep) register(t *testing.T, name, redirectURI string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"client_name": name, "redirect_uris": []string{redirectURI}, "token_endpoint_auth_method": "none",
		"grant_types": []string{"authorization_code", "refresh_token"},
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(k.url+"/register", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var client struct {
		ID    string `json:"client_id"`
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&client); err != nil || client.ID == "" {
		t.Fatalf("register: %s %s (%v)", resp.Status, client.Error, err)
	}
	return client.ID
}

// authorizeURL is what an app opens in the browser (RFC 6749 section 4.1.1).
func (k keep) authorizeURL(clientID, redirectURI string) string {
	return k.url + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {redirectURI}, "state": {state},
		"scope": {"mcp offline_access"}, "resource": {k.url + "/mcp"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}.Encode()
}

// connect registers an app and returns the URL that it opens.
func (k keep) connect(t *testing.T, name string, a *app) string {
	t.Helper()
	return k.authorizeURL(k.register(t, name, a.redirectURI), a.redirectURI)
}

// redeem exchanges a code and returns the fields of the answer (RFC 6749
// section 4.1.3).
func (k keep) redeem(t *testing.T, clientID, redirectURI, code string) map[string]any {
	t.Helper()
	resp, err := http.PostForm(k.url+"/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {clientID}, "redirect_uri": {redirectURI},
		"code": {code}, "code_verifier": {verifier}, "resource": {k.url + "/mcp"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var fields map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&fields); err != nil {
		t.Fatal(err)
	}
	return fields
}
