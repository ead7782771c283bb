package identity_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

// canned serves one fixed answer for the path, and a plain account for /user.
func canned(t *testing.T, path string, answer http.HandlerFunc) (*identity.GitHub, string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc(path, answer)
	if path == "/user" {
		mux.HandleFunc("/user/orgs", reply(http.StatusOK, `[{"login":"a"}]`))
	} else {
		mux.HandleFunc("/user", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-OAuth-Scopes", "read:org, read:user")
			_, _ = fmt.Fprint(w, `{"id":1,"login":"octocat"}`)
		})
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	g, err := identity.NewGitHub(identity.GitHubConfig{
		ClientID: "id", ClientSecret: "hush-hush-hush", URL: srv.URL, APIURL: srv.URL, Orgs: true, Timeout: 5 * time.Second,
		// Closing any test server ends the idle connections of the default transport, between
		// two redirects as well.
		HTTPClient: srv.Client(),
		Now:        func() time.Time { return time.Unix(1_800_000_000, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, srv.URL
}

func reply(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}
}

func TestGitHubAPIAnswers(t *testing.T) {
	t.Parallel()
	const gone = "X-RateLimit-Remaining"
	tests := map[string]struct {
		answer http.HandlerFunc
		kind   error
		text   string
		after  time.Duration
	}{
		"401":                       {reply(401, `{"message":"Bad credentials"}`), identity.ErrRefused, "revoked", 0},
		"401 of a proxy":            {reply(401, `<h1>Proxy authentication</h1>`), identity.ErrUnavailable, "401", 0},
		"403 suspended":             {reply(403, `{"message":"Sorry. Your account was suspended."}`, gone, "0"), identity.ErrRefused, "suspended", 0},
		"403 unverified":            {reply(403, `{"message":"At least one email address must be verified to do that."}`), identity.ErrRefused, "verified", 0},
		"403 primary":               {reply(403, `{"message":"API rate limit exceeded"}`, gone, "0", "X-RateLimit-Reset", "1800000042"), identity.ErrUnavailable, "rate limit", 42 * time.Second},
		"403 primary, reset past":   {reply(403, `{"message":"API rate limit exceeded"}`, gone, "0", "X-RateLimit-Reset", "1700000000"), identity.ErrUnavailable, "rate limit", 0},
		"403 primary, reset absurd": {reply(403, `{"message":"API rate limit exceeded"}`, gone, "0", "X-RateLimit-Reset", "9223372036854775807"), identity.ErrUnavailable, "rate limit", time.Hour},
		"403 secondary":             {reply(403, `{"message":"You have exceeded a secondary rate limit"}`, "Retry-After", "7"), identity.ErrUnavailable, "rate limit", 7 * time.Second},
		"403 secondary, no header":  {reply(403, `{"message":"You have exceeded a secondary rate limit"}`), identity.ErrUnavailable, "rate limit", time.Minute},
		"403 of an address":         {reply(403, `{"message":"API rate limit exceeded for 1.2.3.4. (But here's the good news: Authenticated requests get a higher rate limit.)"}`), identity.ErrUnavailable, "rate limit", time.Minute},
		"403 abuse":                 {reply(403, `{"message":"You have triggered an abuse detection mechanism"}`), identity.ErrUnavailable, "rate limit", time.Minute},
		"403 other":                 {reply(403, `{"message":"Resource not accessible by integration"}`), identity.ErrMisconfigured, "Resource not accessible", 0},
		"403 of a proxy":            {reply(403, `<h1>Forbidden</h1>`), identity.ErrUnavailable, "403", 0},
		"404":                       {reply(404, `not here`), identity.ErrMisconfigured, "API URL", 0},
		"400 version":               {reply(400, `{"message":"The version is not supported"}`), identity.ErrMisconfigured, "version", 0},
		"429":                       {reply(429, ``, "Retry-After", "90000"), identity.ErrUnavailable, "429", time.Hour},
		"429 in GitHub's words":     {reply(429, `{"message":"You have exceeded a secondary rate limit"}`), identity.ErrUnavailable, "rate limit", time.Minute},
		"429 enormous":              {reply(429, ``, "Retry-After", "9223372036854775807"), identity.ErrUnavailable, "429", time.Hour},
		"429 negative":              {reply(429, ``, "Retry-After", "-5"), identity.ErrUnavailable, "429", 0},
		"500":                       {reply(500, `{"message":"Server Error"}`), identity.ErrUnavailable, "500", 0},
		"502 page":                  {reply(502, `<h1>Bad gateway</h1>`), identity.ErrUnavailable, "502", 0},
		"503 with a time":           {reply(503, ``, "Retry-After", "30"), identity.ErrUnavailable, "503", 30 * time.Second},
		"empty":                     {reply(200, ``), identity.ErrUnavailable, "JSON", 0},
		"truncated":                 {reply(200, `{"id":1,"login":"octo`), identity.ErrUnavailable, "JSON", 0},
		"cut off":                   {reply(200, `{"id":1`, "Content-Length", "5000"), identity.ErrUnavailable, "incomplete", 0},
		"HTML":                      {reply(200, `<html>`, "Content-Type", "text/html"), identity.ErrUnavailable, "text/html", 0},
		"id is text":                {reply(200, `{"id":"1","login":"octocat"}`), identity.ErrUnavailable, "JSON", 0},
		"no id":                     {reply(200, `{"login":"octocat"}`), identity.ErrUnavailable, "contains no account", 0},
		"negative id":               {reply(200, `{"id":-1,"login":"octocat"}`), identity.ErrUnavailable, "contains no account", 0},
		"no login":                  {reply(200, `{"id":1}`), identity.ErrUnavailable, "contains no account", 0},
		"an array":                  {reply(200, `[{"id":1,"login":"octocat"}]`), identity.ErrUnavailable, "JSON", 0},
		"too long":                  {reply(200, `{"id":1,"login":"octocat","bio":"`+strings.Repeat("x", 1<<20)+`"}`), identity.ErrUnavailable, "incomplete", 0},
		"redirect elsewhere":        {reply(302, ``, "Location", "https://evil.example/user"), identity.ErrMisconfigured, "https://evil.example", 0},
		"redirect to other port":    {reply(307, ``, "Location", "http://127.0.0.1:1/user"), identity.ErrMisconfigured, "another origin", 0},
		"redirect loop":             {reply(302, ``, "Location", "/user"), identity.ErrUnavailable, "redirects", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, issuer := canned(t, "/user", tt.answer)
			_, _, err := g.Recheck(t.Context(), identity.Token{Issuer: issuer, AccessToken: "gho_secret"})
			wantError(t, err, tt.kind, tt.text)
			if strings.Contains(err.Error(), "gho_secret") {
				t.Error("the error holds the token")
			}
			if busy := new(identity.UnavailableError); errors.As(err, &busy) {
				if own := tt.text == "rate limit" && !strings.Contains(name, "of an address"); own != busy.Own || busy.RetryAfter != tt.after {
					t.Errorf("retry after %v, own limit %t; want %v, %t", busy.RetryAfter, busy.Own, tt.after, own)
				}
			}
			if refusal := new(identity.RefusedError); errors.Is(err, identity.ErrRefused) && !errors.As(err, &refusal) {
				t.Errorf("%T is not for showing", err)
			}
		})
	}
}

func TestGitHubTokenAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		kind   error
		text   string
	}{
		"bad_verification_code":        {reply(200, `{"error":"bad_verification_code"}`), identity.ErrRefused, "code"},
		"unverified_user_email":        {reply(200, `{"error":"unverified_user_email"}`), identity.ErrRefused, "email"},
		"access_denied":                {reply(200, `{"error":"access_denied"}`), identity.ErrRefused, "canceled"},
		"incorrect_client_credentials": {reply(200, `{"error":"incorrect_client_credentials"}`), identity.ErrMisconfigured, "client secret"},
		"invalid_client":               {reply(401, `{"error":"invalid_client"}`), identity.ErrMisconfigured, "client secret"},
		"redirect_uri_mismatch":        {reply(200, `{"error":"redirect_uri_mismatch"}`), identity.ErrMisconfigured, "/auth/callback"},
		"application_suspended":        {reply(200, `{"error":"application_suspended"}`), identity.ErrMisconfigured, "suspended"},
		"slow_down":                    {reply(200, `{"error":"slow_down"}`), identity.ErrUnavailable, "slow_down"},
		"error as a form":              {reply(200, `error=bad_verification_code`, "Content-Type", "application/x-www-form-urlencoded"), identity.ErrRefused, "code"},
		"unknown error":                {reply(200, `{"error":"brand_new\u001b[31m"}`), identity.ErrMisconfigured, `"brand_new\x1b[31m"`},
		"long error":                   {reply(200, `{"error":"`+strings.Repeat("x", 5000)+`"}`), identity.ErrMisconfigured, "xxx…"},
		"unknown client":               {reply(404, `{"error":"Not Found"}`), identity.ErrMisconfigured, "client ID"},
		"no token":                     {reply(200, `{"token_type":"bearer","scope":"read:user"}`), identity.ErrUnavailable, "incomplete or malformed"},
		"wrong type":                   {reply(200, `{"access_token":12345678901}`), identity.ErrUnavailable, "incomplete or malformed"},
		"truncated":                    {reply(200, `{"access_token":"gho_`), identity.ErrUnavailable, "incomplete or malformed"},
		"cut off":                      {reply(200, `{"access_token"`, "Content-Length", "5000"), identity.ErrUnavailable, "incomplete"},
		"page":                         {reply(200, `<html>`, "Content-Type", "text/html"), identity.ErrUnavailable, "incomplete or malformed"},
		"rate limit":                   {reply(403, `{}`, "Retry-After", "7"), identity.ErrUnavailable, "rate limit"},
		"403 of a proxy":               {reply(403, `<h1>`), identity.ErrUnavailable, "403"},
		"429":                          {reply(429, ``), identity.ErrUnavailable, "429"},
		"502":                          {reply(502, `<h1>`), identity.ErrUnavailable, "502"},
		"503 with a code":              {reply(503, `{"error":"incorrect_client_credentials"}`), identity.ErrUnavailable, "503"},
		"redirect elsewhere":           {reply(307, ``, "Location", "https://evil.example/token"), identity.ErrMisconfigured, "another origin"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, _ := canned(t, "/login/oauth/access_token", tt.answer)
			_, _, err := g.Exchange(t.Context(), identity.ExchangeRequest{Code: "code-code-code", Verifier: verifier, RedirectURI: callback})
			wantError(t, err, tt.kind, tt.text)
			for _, secret := range []string{"hush-hush-hush", "code-code-code", verifier, "12345678901"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q holds a secret", err)
				}
			}
			if len(err.Error()) > 400 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestGitHubRequestHeaders(t *testing.T) {
	t.Parallel()
	var got http.Header
	g, issuer := canned(t, "/user/orgs", func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		if r.URL.RawQuery != "per_page=100" {
			t.Errorf("query %q", r.URL.RawQuery)
		}
		_, _ = fmt.Fprint(w, `[]`)
	})
	if _, _, err := g.Recheck(t.Context(), identity.Token{Issuer: issuer, AccessToken: "gho_x"}); err != nil {
		t.Fatal(err)
	}
	got.Del("Accept-Encoding")
	want := http.Header{
		"Accept": {"application/vnd.github+json"}, "Authorization": {"Bearer gho_x"},
		"User-Agent": {"mcpkeep (+https://github.com/mcpkeep/mcpkeep)"}, "X-Github-Api-Version": {"2022-11-28"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestGitHubOrganisationLinks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		link string // %s is the API's origin
		orgs []string
		kind error
		text string
	}{
		"next":              {`<%s/next>; rel="next", <%[1]s/last>; rel="last"`, []string{"a", "b"}, nil, ""},
		"next comes second": {`<%s/last>; rel="last", <%[1]s/next>; rel="next"`, []string{"a", "b"}, nil, ""},
		"unquoted":          {`<%s/next>; rel=next`, []string{"a", "b"}, nil, ""},
		"relative":          {`</next>; rel="next"`, []string{"a", "b"}, nil, ""},
		"none":              {``, []string{"a"}, nil, ""},
		"no next":           {`<%s/next>; rel="prev"`, []string{"a"}, nil, ""},
		"other relation":    {`<%s/next>; rel="nextish"`, []string{"a"}, nil, ""},
		"hostile":           {`<https://evil.example/next>; rel="next"`, nil, identity.ErrMisconfigured, "https://evil.example"},
		"scheme-relative":   {`<//evil.example/next>; rel="next"`, nil, identity.ErrMisconfigured, "evil.example"},
		"other port":        {`<http://127.0.0.1:1/next>; rel="next"`, nil, identity.ErrMisconfigured, "127.0.0.1:1"},
		"other scheme":      {`<file:///etc/passwd>; rel="next"`, nil, identity.ErrMisconfigured, "file://"},
		"user in front":     {`<http://127.0.0.1@evil.example/next>; rel="next"`, nil, identity.ErrMisconfigured, "points to"},
		"not a URL":         {`<http://[/>; rel="next"`, nil, identity.ErrUnavailable, "not a URL"},
		"itself":            {`<%s/user/orgs>; rel="next"`, nil, identity.ErrUnavailable, "too many pages"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var issuer string
			calls := 0
			g, issuer := canned(t, "/", func(w http.ResponseWriter, r *http.Request) {
				calls++
				if r.URL.Path == "/next" {
					_, _ = fmt.Fprint(w, `[{"login":"b"}]`)
					return
				}
				link := tt.link
				if strings.Contains(link, "%s") {
					link = fmt.Sprintf(link, issuer)
				}
				w.Header().Set("Link", link)
				_, _ = fmt.Fprint(w, `[{"login":"a"}]`)
			})
			p, _, err := g.Recheck(t.Context(), identity.Token{Issuer: issuer, AccessToken: "gho_x"})
			if tt.kind != nil {
				wantError(t, err, tt.kind, tt.text)
			} else if diff := cmp.Diff(tt.orgs, p.Orgs); err != nil || diff != "" {
				t.Errorf("%v, organizations (-want +got):\n%s", err, diff)
			}
			if calls > 20 {
				t.Errorf("%d pages fetched", calls)
			}
		})
	}
}

// TestGitHubWithoutScopes: a server that says nothing of scopes, and a GitHub App's
// token, which has none, are believed; the list of organizations decides.
func TestGitHubWithoutScopes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		token  string
		header []string
		ok     bool
	}{
		"no header":      {"gho_x", nil, true},
		"GitHub App":     {"ghu_x", []string{"X-OAuth-Scopes", ""}, true},
		"OAuth app":      {"gho_x", []string{"X-OAuth-Scopes", ""}, false},
		"administrators": {"gho_x", []string{"X-OAuth-Scopes", "repo, admin:org"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			account := reply(200, `{"id":1,"login":"octocat"}`, tt.header...)
			g, issuer := canned(t, "/user", account)
			p, _, err := g.Recheck(t.Context(), identity.Token{Issuer: issuer, AccessToken: tt.token})
			if !tt.ok {
				if err != nil || !strings.Contains(p.Withheld, "read:org") || len(p.Orgs) > 0 {
					t.Errorf("%v, withheld %q, organizations %v", err, p.Withheld, p.Orgs)
				}
				return
			}
			if diff := cmp.Diff([]string{"a"}, p.Orgs); err != nil || diff != "" {
				t.Errorf("%v, organizations (-want +got):\n%s", err, diff)
			}
		})
	}
}
