package identity_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

func TestNewGitHubURLs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ site, issuer string }{
		"github.com":          {"", "https://github.com"},
		"spelled out":         {"https://github.com", "https://github.com"},
		"slash":               {"https://github.com/", "https://github.com"},
		"capitals and port":   {"HTTPS://GitHub.com:443", "https://github.com"},
		"enterprise server":   {"https://ghe.example.com:8443", "https://ghe.example.com:8443"},
		"data residency":      {"https://octocorp.ghe.com", "https://octocorp.ghe.com"},
		"loopback":            {"http://127.0.0.1:4000", "http://127.0.0.1:4000"},
		"loopback, port 80":   {"http://127.0.0.1:80", "http://127.0.0.1"},
		"IPv6 loopback":       {"http://[::1]:4000", "http://[::1]:4000"},
		"name of loopback":    {"http://localhost:4000", "http://localhost:4000"},
		"empty port":          {"https://github.com:", "https://github.com"},
		"enterprise, default": {"https://ghe.example.com:443/", "https://ghe.example.com"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := identity.NewGitHub(identity.GitHubConfig{ClientID: "id", ClientSecret: "hush", URL: tt.site})
			if err != nil {
				t.Fatal(err)
			}
			if g.Issuer() != tt.issuer || g.FormAction() != tt.issuer {
				t.Errorf("issuer %s, form-action %s, want %s", g.Issuer(), g.FormAction(), tt.issuer)
			}
			u, err := g.AuthorizeURL(t.Context(), identity.AuthRequest{State: "s", Verifier: verifier, RedirectURI: callback})
			if err != nil || !strings.HasPrefix(u, tt.issuer+"/login/oauth/authorize?") {
				t.Errorf("authorization URL %s, %v", u, err)
			}
		})
	}
}

func TestNewGitHubRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config identity.GitHubConfig
		text   string
	}{
		"no client id":   {identity.GitHubConfig{ClientSecret: "hush-hush"}, "client ID"},
		"no secret":      {identity.GitHubConfig{ClientID: "id"}, "client secret"},
		"plain http":     {with("http://github.example.com", ""), "https://"},
		"plain http API": {with("", "http://api.example.com"), "API URL"},
		"other scheme":   {with("ftp://github.com", ""), "https://"},
		"relative":       {with("github.com", ""), "GitHub URL"},
		"path":           {with("https://github.com/login", ""), "without a path"},
		"query":          {with("https://github.com?a=b", ""), "absolute"},
		"fragment":       {with("https://github.com#a", ""), "absolute"},
		"credentials":    {with("https://me:hush-hush@github.com", ""), "absolute"},
		"not a URL":      {with("https://me:hush-hush@github.com:port", ""), "absolute"},
		"no host":        {with("https://:443", ""), "absolute"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := identity.NewGitHub(tt.config)
			if g != nil {
				t.Fatal("accepted")
			}
			wantError(t, err, identity.ErrMisconfigured, tt.text)
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("%v holds a secret", err)
			}
		})
	}
}

func with(site, api string) identity.GitHubConfig {
	return identity.GitHubConfig{ClientID: "id", ClientSecret: "hush-hush", URL: site, APIURL: api}
}

func TestDefaultAPIURL(t *testing.T) {
	t.Parallel()
	for site, want := range map[string]string{
		"https://github.com":           "https://api.github.com",
		"https://octocorp.ghe.com":     "https://api.octocorp.ghe.com",
		"https://ghe.example.com":      "https://ghe.example.com/api/v3",
		"https://ghe.com.example.net":  "https://ghe.com.example.net/api/v3",
		"https://github.com.evil.test": "https://github.com.evil.test/api/v3",
	} {
		u, err := url.Parse(site)
		if err != nil {
			t.Fatal(err)
		}
		if got := identity.DefaultAPI(u); got != want {
			t.Errorf("%s: %s, want %s", site, got, want)
		}
	}
}
