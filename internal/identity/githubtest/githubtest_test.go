package githubtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
)

const (
	callback = "https://keep.example.com/auth/callback"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

func start(t *testing.T) *githubtest.Server {
	t.Helper()
	s := githubtest.New(t)
	s.AddUser(githubtest.User{ID: 583231, Login: "octocat", Name: "The Octocat", Email: "octocat@github.com", Orgs: []string{"github"}})
	s.SignInAs("octocat")
	return s
}

func authorizeURL(s *githubtest.Server, change func(url.Values)) string {
	q := url.Values{
		"client_id": {s.ClientID}, "redirect_uri": {callback}, "state": {"xyz"}, "scope": {"read:user read:org"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	if change != nil {
		change(q)
	}
	return s.URL + "/login/oauth/authorize?" + q.Encode()
}

func code(t *testing.T, s *githubtest.Server) string {
	t.Helper()
	c := s.Authorize(t, authorizeURL(s, nil)).Query().Get("code")
	if c == "" {
		t.Fatal("no code came back")
	}
	return c
}

// redeem posts to the token endpoint and returns the JSON answer.
func redeem(t *testing.T, s *githubtest.Server, change url.Values) map[string]any {
	t.Helper()
	form := url.Values{
		"client_id": {s.ClientID}, "client_secret": {s.ClientSecret}, "redirect_uri": {callback}, "code_verifier": {verifier},
	}
	for name, v := range change {
		form[name] = v
	}
	req := request(t, http.MethodPost, s.URL+"/login/oauth/access_token", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, body := do(t, req)
	fields := map[string]any{"status": resp.StatusCode}
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return fields
}

func request(t *testing.T, method, address string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func do(t *testing.T, req *http.Request) (*http.Response, []byte) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func get(t *testing.T, address, token string) (*http.Response, string) {
	t.Helper()
	req := request(t, http.MethodGet, address, nil)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, body := do(t, req)
	return resp, string(body)
}

func token(t *testing.T, s *githubtest.Server) string {
	t.Helper()
	fields := redeem(t, s, url.Values{"code": {code(t, s)}})
	access, _ := fields["access_token"].(string)
	if access == "" {
		t.Fatalf("no token: %v", fields)
	}
	return access
}

func TestWebFlow(t *testing.T) {
	t.Parallel()
	s := start(t)
	back := s.Authorize(t, authorizeURL(s, nil))
	if got := back.Scheme + "://" + back.Host + back.Path; got != callback || back.Query().Get("state") != "xyz" {
		t.Fatalf("sent back to %s", back)
	}
	fields := redeem(t, s, url.Values{"code": {back.Query().Get("code")}})
	access, _ := fields["access_token"].(string)
	delete(fields, "access_token")
	want := map[string]any{"status": 200, "token_type": "bearer", "scope": "read:user,read:org"}
	if diff := cmp.Diff(want, fields); diff != "" || !strings.HasPrefix(access, "gho_") {
		t.Fatalf("token %q, other fields (-want +got):\n%s", access, diff)
	}
	resp, body := get(t, s.APIURL+"/user", access)
	if !strings.Contains(body, `"id":583231`) || resp.Header.Get("X-OAuth-Scopes") != "read:user, read:org" {
		t.Errorf("user: %s, scopes %q", body, resp.Header.Get("X-OAuth-Scopes"))
	}
	if n := s.Calls("/user"); n != 1 {
		t.Errorf("%d calls of /user", n)
	}
}

func TestTokenAnswerIsAFormWithoutAccept(t *testing.T) {
	t.Parallel()
	s := start(t)
	form := url.Values{"client_id": {s.ClientID}, "client_secret": {"wrong"}}
	req := request(t, http.MethodPost, s.URL+"/login/oauth/access_token?"+form.Encode(), nil)
	resp, body := do(t, req)
	values, err := url.ParseQuery(string(body))
	if err != nil || values.Get("error") != "incorrect_client_credentials" ||
		!strings.HasPrefix(resp.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		t.Errorf("%s %s", resp.Header.Get("Content-Type"), body)
	}
}

func TestAuthorizeErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(url.Values)
		server func(*githubtest.Server)
		want   string
	}{
		"canceled":         {server: func(s *githubtest.Server) { s.SetDenying(true) }, want: "access_denied"},
		"no challenge":     {change: func(q url.Values) { q.Del("code_challenge") }, want: "invalid_request"},
		"plain challenge":  {change: func(q url.Values) { q.Set("code_challenge_method", "plain") }, want: "invalid_request"},
		"other host":       {change: func(q url.Values) { q.Set("redirect_uri", "https://evil.example/auth/callback") }, want: "redirect_uri_mismatch"},
		"other port":       {change: func(q url.Values) { q.Set("redirect_uri", "https://keep.example.com:8443/auth/callback") }, want: "redirect_uri_mismatch"},
		"other path":       {change: func(q url.Values) { q.Set("redirect_uri", "https://keep.example.com/auth/callbackx") }, want: "redirect_uri_mismatch"},
		"path below":       {change: func(q url.Values) { q.Set("redirect_uri", callback+"/sub") }, want: ""},
		"subdomain":        {change: func(q url.Values) { q.Set("redirect_uri", "https://a.keep.example.com/auth/callback") }, want: ""},
		"no redirect URI":  {change: func(q url.Values) { q.Del("redirect_uri") }, want: "redirect_uri_mismatch"},
		"loopback, a port": {server: func(s *githubtest.Server) { s.SetCallbackURL("http://127.0.0.1/cb") }, change: func(q url.Values) { q.Set("redirect_uri", "http://127.0.0.1:1234/cb") }, want: ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.SetCallbackURL(callback)
			if tt.server != nil {
				tt.server(s)
			}
			q := s.Authorize(t, authorizeURL(s, tt.change)).Query()
			if q.Get("error") != tt.want || q.Get("state") != "xyz" || (q.Get("code") == "") == (tt.want == "") {
				t.Errorf("sent back with %v, want error %q", q, tt.want)
			}
		})
	}
}

func TestAuthorizeShowsAPage(t *testing.T) {
	t.Parallel()
	s := start(t)
	if resp, _ := get(t, authorizeURL(s, func(q url.Values) { q.Set("client_id", "other") }), ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("unknown client: %s", resp.Status)
	}
	s.SignInAs("")
	if resp, body := get(t, authorizeURL(s, nil), ""); resp.StatusCode != http.StatusOK || !strings.Contains(body, "Sign in to GitHub") {
		t.Errorf("no one signed in: %s %s", resp.Status, body)
	}
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.AddUser(githubtest.User{Login: "hubot"})
	back := s.Authorize(t, authorizeURL(s, nil), s.SessionCookie("hubot"))
	fields := redeem(t, s, url.Values{"code": {back.Query().Get("code")}})
	if _, body := get(t, s.APIURL+"/user", fields["access_token"].(string)); !strings.Contains(body, `"login":"hubot"`) {
		t.Errorf("signed in as %s", body)
	}
}

func TestTokenErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		form   url.Values
		before func(*githubtest.Server)
		want   string
		status int
	}{
		"wrong secret":   {form: url.Values{"client_secret": {"x"}}, want: "incorrect_client_credentials", status: 200},
		"unknown client": {form: url.Values{"client_id": {"x"}}, want: "Not Found", status: 404},
		"unknown code":   {form: url.Values{"code": {"x"}}, want: "bad_verification_code", status: 200},
		"wrong verifier": {form: url.Values{"code_verifier": {strings.Repeat("a", 43)}}, want: "bad_verification_code", status: 200},
		"other redirect": {form: url.Values{"redirect_uri": {"https://evil.example/"}}, want: "redirect_uri_mismatch", status: 200},
		"expired code":   {before: func(s *githubtest.Server) { s.Advance(githubtest.CodeLifetime + time.Second) }, want: "bad_verification_code", status: 200},
		"deleted user":   {before: func(s *githubtest.Server) { s.DeleteUser("octocat") }, want: "bad_verification_code", status: 200},
		"bad refresh":    {form: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {""}}, want: "bad_refresh_token", status: 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			form := url.Values{"code": {code(t, s)}}
			if tt.before != nil {
				tt.before(s)
			}
			for k, v := range tt.form {
				form[k] = v
			}
			if got := redeem(t, s, form); got["error"] != tt.want || got["status"] != tt.status {
				t.Errorf("got %v, want %s with status %d", got, tt.want, tt.status)
			}
		})
	}
}

func TestCodeIsSpentOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	form := url.Values{"code": {code(t, s)}}
	first, second := redeem(t, s, form), redeem(t, s, form)
	if first["access_token"] == nil || second["error"] != "bad_verification_code" {
		t.Errorf("first %v, second %v", first, second)
	}
}

func TestOldestTokenGoesBeyondTen(t *testing.T) {
	t.Parallel()
	s := start(t)
	tokens := []string{token(t, s)}
	for range githubtest.TokensPerUser {
		tokens = append(tokens, token(t, s))
	}
	for i, want := range map[int]int{0: http.StatusUnauthorized, 1: http.StatusOK, githubtest.TokensPerUser: http.StatusOK} {
		if resp, _ := get(t, s.APIURL+"/user", tokens[i]); resp.StatusCode != want {
			t.Errorf("token %d: %s, want %d", i, resp.Status, want)
		}
	}
}

func TestAPIErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*githubtest.Server)
		header http.Header
		want   int
		text   string
	}{
		"no token":     {header: http.Header{"Authorization": nil}, want: 401, text: "Requires authentication"},
		"wrong token":  {header: http.Header{"Authorization": {"Bearer gho_x"}}, want: 401, text: "Bad credentials"},
		"other scheme": {header: http.Header{"Authorization": {"Basic eDp5"}}, want: 401, text: "Bad credentials"},
		"revoked":      {change: func(s *githubtest.Server) { s.RevokeTokens("octocat") }, want: 401, text: "Bad credentials"},
		"deleted":      {change: func(s *githubtest.Server) { s.DeleteUser("octocat") }, want: 401, text: "Bad credentials"},
		"suspended":    {change: func(s *githubtest.Server) { s.Suspend("octocat", true) }, want: 403, text: "suspended"},
		"no agent":     {header: http.Header{"User-Agent": {""}}, want: 403, text: "User-Agent"},
		"version":      {header: http.Header{"X-Github-Api-Version": {"2001-01-01"}}, want: 400, text: "not supported"},
		"unavailable":  {change: func(s *githubtest.Server) { s.SetFault(githubtest.ServiceUnavailable) }, want: 503, text: "No server"},
		"primary":      {change: func(s *githubtest.Server) { s.SetFault(githubtest.PrimaryRateLimit) }, want: 403, text: "rate limit exceeded"},
		"secondary":    {change: func(s *githubtest.Server) { s.SetFault(githubtest.SecondaryRateLimit) }, want: 403, text: "secondary rate limit"},
		"page":         {change: func(s *githubtest.Server) { s.SetFault(githubtest.HTMLPage) }, want: 200, text: "Unicorn"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			req := request(t, http.MethodGet, s.APIURL+"/user", nil)
			req.Header.Set("Authorization", "Bearer "+token(t, s))
			for k, v := range tt.header {
				req.Header[k] = v
			}
			if tt.change != nil {
				tt.change(s)
			}
			resp, body := do(t, req)
			if resp.StatusCode != tt.want || !strings.Contains(string(body), tt.text) {
				t.Errorf("got %s %s, want %d %q", resp.Status, body, tt.want, tt.text)
			}
		})
	}
}

func TestOrgPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SetOrgs("octocat", "a", "b", "c")
	s.SetOrgPageSize(2)
	access := token(t, s)
	resp, first := get(t, s.APIURL+"/user/orgs?per_page=100", access)
	next := s.APIURL + "/user/orgs?per_page=2&page=2"
	if want := `<` + next + `>; rel="next", <` + next + `>; rel="last"`; resp.Header.Get("Link") != want {
		t.Errorf("Link %s, want %s", resp.Header.Get("Link"), want)
	}
	resp, second := get(t, next, access)
	if resp.Header.Get("Link") != "" || strings.Count(first, `"login"`) != 2 || !strings.Contains(second, `"login":"c"`) {
		t.Errorf("first page %s, second %s with Link %q", first, second, resp.Header.Get("Link"))
	}
	if _, past := get(t, s.APIURL+"/user/orgs?page=99", access); strings.TrimSpace(past) != "[]" {
		t.Errorf("page past the end: %s", past)
	}
}

func TestOrgsNeedAScope(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.LimitScopes("read:user")
	if resp, body := get(t, s.APIURL+"/user/orgs", token(t, s)); resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "read:org") {
		t.Errorf("%s %s", resp.Status, body)
	}
}

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SetTokenLifetime(8 * time.Hour)
	first := redeem(t, s, url.Values{"code": {code(t, s)}})
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first["refresh_token"].(string)}}
	s.Advance(9 * time.Hour)
	if resp, _ := get(t, s.APIURL+"/user", first["access_token"].(string)); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("expired token: %s", resp.Status)
	}
	second, third := redeem(t, s, form), redeem(t, s, form)
	if resp, _ := get(t, s.APIURL+"/user", second["access_token"].(string)); resp.StatusCode != http.StatusOK {
		t.Errorf("renewed token: %s", resp.Status)
	}
	if third["error"] != "bad_refresh_token" {
		t.Errorf("spent refresh token: %v", third)
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	s := start(t)
	access := token(t, s)
	s.RenameUser("octocat", "monalisa")
	again := s.AddUser(githubtest.User{Login: "octocat"})
	if again.ID == 583231 {
		t.Error("the login's new owner has the old owner's id")
	}
	if _, body := get(t, s.APIURL+"/user", access); !strings.Contains(body, `"id":583231,"login":"monalisa"`) {
		t.Errorf("after renaming: %s", body)
	}
}

func TestConnectionResetAndSlowness(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SetFault(githubtest.ConnectionReset)
	if resp, err := http.DefaultClient.Do(request(t, http.MethodGet, s.APIURL+"/user", nil)); err == nil {
		_ = resp.Body.Close()
		t.Errorf("got %s instead of a broken connection", resp.Status)
	}
	s.SetFault(githubtest.Healthy)
	s.SetSlow(50 * time.Millisecond)
	began := time.Now()
	get(t, s.APIURL+"/user", "")
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
}
