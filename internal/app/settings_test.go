package app_test

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/app"
)

// TestProviders: what the settings make of the providers.
func TestProviders(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		provider app.Provider
		issuer   string
	}{
		"github": {app.Provider{ClientID: "id", ClientSecret: "s"}, "https://github.com"},
		"google": {app.Provider{ClientID: "id", ClientSecret: "s"}, "https://accounts.google.com"},
		"oidc":   {app.Provider{Issuer: "https://login.example.com/", ClientID: "id", ClientSecret: "s"}, "https://login.example.com"},
	} {
		tt.provider.Kind, tt.provider.Title = name, "Acme login"
		s := app.Settings{
			BaseURL: "https://mcp.example.com", Provider: tt.provider,
			Allow: app.Allow{Users: []string{" alice@example.com ", "bob@example.com"}},
		}
		checked, problems := s.Check(false)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if checked.Provider.Name() != name || checked.Provider.Issuer() != tt.issuer || checked.Policy.Users[0] != "alice@example.com" {
			t.Errorf("%s: %s, %s", name, checked.Provider.Name(), checked.Provider.Issuer())
		}
		if got := checked.Provider.Title(); got != "Acme login" {
			t.Errorf("%s: the title is %q", name, got)
		}
	}
}

// TestProviderThatIsDown does not stop the start, and the log says what is wrong.
func TestProviderThatIsDown(t *testing.T) {
	t.Parallel()
	out := new(syncBuffer)
	a, err := app.Open(t.Context(), app.Settings{
		BaseURL: "http://127.0.0.1:8080", DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "test.db"),
		Provider: app.Provider{Kind: "oidc", Issuer: "http://127.0.0.1:1", ClientID: "id", ClientSecret: "sesame"},
		Allow:    app.Allow{Anyone: true}, Logger: slog.New(slog.NewTextHandler(out, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(out.String(), "127.0.0.1:1") && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "127.0.0.1:1") || strings.Contains(out.String(), "sesame") {
		t.Errorf("the log has %q", out.String())
	}
}

// TestBaseURL: 8414-01. One spelling of the issuer.
func TestBaseURL(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://MCP.example.com/":    "https://mcp.example.com",
		"https://mcp.example.com:443": "https://mcp.example.com",
		"https://mcp.example.com:80":  "https://mcp.example.com:80",
		"http://localhost:80":         "http://localhost",
		"http://127.0.0.1:8080":       "http://127.0.0.1:8080",
		"http://LOCALHOST:8080":       "http://localhost:8080",
		"https://bücher.example":      "https://xn--bcher-kva.example",
	} {
		if got, problems := (app.Settings{BaseURL: given, Provider: app.Provider{Kind: app.Local}}).Check(true); got.BaseURL != want || len(problems) > 0 {
			t.Errorf("%q: %q, %v, want %q", given, got.BaseURL, problems, want)
		}
	}
}

// TestBaseURLRefused: a value that no client can connect to stops the start and is shown,
// unless it may contain a password.
func TestBaseURLRefused(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`"https://mcp.example.com"`: `"\"https://mcp.example.com\"" is not usable`, "https://": `"https://" is not usable`,
		"https://a.example https://b.example": `"https://a.example https://b.example" is not usable`,
		"http://0.0.0.0:8080":                 "an address to listen on", "https://[::]:8443": "an address to listen on", "https://0.0.0.0": "an address to listen on",
		"http://keep.localhost:8080": "is not encrypted", "https://a:sesame%40mcp.example.com": "not usable",
	} {
		_, problems := app.Settings{BaseURL: given}.Check(true)
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), want) || strings.Contains(problems[0].Error(), "sesame") {
			t.Errorf("%s: %v, want %s", given, problems, want)
		}
	}
	for _, given := range []string{"", "https://a:sesame@mcp.example.com", "https://a:sesame@mcp.example.com:x", "https://mcp.example.com/x", "http://mcp.example.com", "mcp.example.com", "http://10.0.0.1", "https://xn--a.example"} {
		_, problems := app.Settings{BaseURL: given}.Check(true)
		var e *app.SettingError
		if len(problems) != 1 || !errors.As(problems[0], &e) || e.Field != "BaseURL" || e.Want == "" || strings.Contains(e.Error(), "sesame") {
			t.Errorf("%q: %v", given, problems)
		}
	}
}

// TestEachProblem: what is wrong with one setting does not hide what is wrong with
// another, and each names its field.
func TestEachProblem(t *testing.T) {
	t.Parallel()
	_, problems := app.Settings{
		BaseURL: "https://mcp.example.com", Provider: app.Provider{Kind: "github", ClientID: "id", ClientSecret: "sesame"},
		Lifetimes: app.Lifetimes{AccessToken: app.Off}, Readopt: "on",
	}.Check(false)
	var text bytes.Buffer
	for _, err := range problems {
		text.WriteString(err.Error() + "\n")
	}
	want := `mcpkeep: Config.Lifetimes.AccessToken: 0s is out of range; want 1s to 24h
mcpkeep: Config.Readopt: "on" is not known; want off, known or open
mcpkeep: Config.Allow.Users: no one could sign in; want people here, domains in Config.Allow.Domains, organizations in Config.Allow.Orgs, or Config.Allow.Anyone=true
`
	if text.String() != want {
		t.Errorf("got\n%swant\n%s", text.String(), want)
	}
}

// TestPlainHTTP: AS-07. Without encryption on private networks only, when the operator
// says so.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	for given, private := range map[string]bool{
		"http://10.1.2.3:8080": true, "http://172.16.0.1": true, "http://172.31.255.255": true, "http://192.168.1.5:8080": true, "http://[fd00::1]:8080": true,
		"http://100.64.0.1": true, "http://nas.local": true, "http://mcpkeep:8080": true, "http://mcp_keep:8080": true, "http://keep.corp.internal": true,
		"http://keep.default.svc.cluster.local": true, "http://keep.home.arpa": true,

		"http://mcp.example.com": false, "http://172.32.0.1": false, "http://192.169.0.1": false, "http://11.0.0.1": false, "http://[2001:db8::1]": false,
		"http://169.254.169.254": false, "http://0.0.0.0": false, "http://2130706433": false, "http://local.example.com": false, "http://mcp.local.example.com": false,
		"http://0x7f": false, "http://192.168.1.5.example.com": false,
	} {
		for _, allowed := range []bool{false, true} {
			got, problems := app.Settings{BaseURL: "https://mcp.example.com", Names: []string{given}, AllowHTTP: allowed, Provider: app.Provider{Kind: "local"}}.Check(true)
			want := private && allowed
			if ok := len(problems) == 0; ok != want || ok && got.Names[0] != given {
				t.Errorf("%s, allowed %t: %v %v", given, allowed, got.Names, problems)
			}
		}
	}
}

// TestPrivate: a server is private if it listens on loopback and has no other name: what
// others reach through a proxy needs a provider, and a password that is hard to guess.
func TestPrivate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		loopback bool
		base     string
		names    []string
		private  bool
	}{
		"loopback":                 {true, "http://127.0.0.1:8080", nil, true},
		"all loopback names":       {true, "http://localhost:8080", []string{"http://127.0.0.1:8080", "http://[::1]:8080"}, true},
		"listens elsewhere":        {false, "http://127.0.0.1:8080", nil, false},
		"behind a proxy":           {true, "https://mcp.example.com", nil, false},
		"one public name":          {true, "http://127.0.0.1:8080", []string{"https://mcp.example.com"}, false},
		"a name of the network":    {true, "https://keep.local", nil, false},
		"an address of it":         {true, "https://192.168.1.5", nil, false},
		"localhost as a subdomain": {true, "https://localhost.example.com", nil, false},
	} {
		for kind, refused := range map[string]int{"": 1, app.Local: 0} {
			s := app.Settings{BaseURL: tt.base, Names: tt.names, Provider: app.Provider{Kind: kind}}
			checked, problems := s.Check(tt.loopback)
			if tt.private {
				refused = 0
			}
			if checked.Private != tt.private || len(problems) != refused {
				t.Errorf("%s, provider %q: private %t, problems %v", name, kind, checked.Private, problems)
			}
			s.Provider.Kind, s.Provider.Password = app.Local, "a"
			if _, problems := s.Check(tt.loopback); (len(problems) == 0) != tt.private {
				t.Errorf("%s, a password of one letter: problems %v", name, problems)
			}
		}
	}
}

// TestChangedPassword: a changed password leaves connections alive, and the log says so, with
// the command that ends them. The first one and the same one again say nothing.
func TestChangedPassword(t *testing.T) {
	t.Parallel()
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	for i, tt := range []struct {
		password string
		said     bool
	}{{"first password", false}, {"first password", false}, {"second password", true}} {
		out := new(syncBuffer)
		a, err := app.Open(t.Context(), app.Settings{
			BaseURL: "http://127.0.0.1:8080", DatabaseURL: database, Logger: slog.New(slog.NewTextHandler(out, nil)),
			Provider: app.Provider{Kind: app.Local, Password: tt.password},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		said := strings.Contains(out.String(), "existing connections continue") && strings.Contains(out.String(), "mcpkeep grants revoke --user owner")
		if said != tt.said || strings.Contains(out.String(), tt.password) {
			t.Errorf("start %d: %s", i, out.String())
		}
	}
}

// TestReadoptRedirectsRefused: a redirect URI that no app could send stops the start.
func TestReadoptRedirectsRefused(t *testing.T) {
	t.Parallel()
	for _, given := range []string{"https://n8n.example.com/*", "https://*.example.com/cb", "n8n.example.com/cb", "http://n8n.example.com/cb", `"https://n8n.example.com/cb"`, "https://a.example/x https://b.example/x"} {
		_, problems := app.Settings{BaseURL: "http://127.0.0.1:8080", ReadoptRedirects: []string{"https://n8n.example.com/cb", given}}.Check(true)
		var e *app.SettingError
		if len(problems) != 1 || !errors.As(problems[0], &e) || e.Field != "ReadoptRedirects" || e.Want == "" {
			t.Errorf("%s: %v", given, problems)
		}
	}
}
