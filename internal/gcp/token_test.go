package gcp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
)

// TestToken: a token is used again for its scope while it is valid for long enough.
func TestToken(t *testing.T) {
	c, client := cloud(t)
	get := func(scope string) string {
		t.Helper()
		text, err := client.Token(t.Context(), scope)
		if err != nil || !c.Valid(text, scope) {
			t.Fatalf("%q, %v", text, err)
		}
		return text
	}
	login := get(gcp.ScopeLogin)
	if get(gcp.ScopeLogin) != login {
		t.Error("a valid token was not used again")
	}
	if c.Valid(get(gcp.ScopeLogin), gcp.ScopeCloud) || get(gcp.ScopeCloud) == login {
		t.Error("the token for logging in is good for more")
	}
	c.SetLifetime(30 * time.Second)
	client, err := gcp.New()
	if err != nil {
		t.Fatal(err)
	}
	short, err := client.Token(t.Context(), gcp.ScopeLogin)
	if err != nil {
		t.Fatal(err)
	}
	if next, err := client.Token(t.Context(), gcp.ScopeLogin); next == short || err != nil {
		t.Errorf("a token that is about to expire was used again (%v)", err)
	}
}

func TestService(t *testing.T) {
	c, client := cloud(t)
	got, err := client.Service(t.Context())
	want := gcp.Service{Project: gcptest.Project, ProjectNumber: gcptest.Number, Region: gcptest.Region, Account: gcptest.Account}
	if got != want || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	before := c.Requests()
	if again, err := client.Service(t.Context()); again != want || err != nil || c.Requests() != before {
		t.Errorf("the second time: %+v, %v, %d requests", again, err, c.Requests()-before)
	}
	if origin := got.Origin("mcp"); origin != "https://mcp-123456789012.europe-west1.run.app" {
		t.Error(origin)
	}
}

// TestMetadataServerOdd: what is not Google's, or says nonsense, is an error and not a wait.
func TestMetadataServerOdd(t *testing.T) {
	for what, tt := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"another server": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Del("Metadata-Flavor")
			_, _ = io.WriteString(w, "hi")
		}, "not Google's metadata server"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Metadata-Flavor", "Google")
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, "redirects"},
		"too large": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Metadata-Flavor", "Google")
			_, _ = io.WriteString(w, strings.Repeat("x", 2<<20))
		}, "longer than"},
		"no token": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Metadata-Flavor", "Google")
			_, _ = io.WriteString(w, "{}")
		}, "no token"},
	} {
		t.Run(what, func(t *testing.T) {
			c, client := cloud(t)
			c.Before(tt.answer)
			if text, err := client.Token(t.Context(), gcp.ScopeLogin); text != "" || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q, %v; want %q", text, err, tt.want)
			}
		})
	}
}

// TestEndpointsOnThisMachine: a token goes to no one but Google, unless a test asks for it
// here.
func TestEndpointsOnThisMachine(t *testing.T) {
	for _, tt := range []struct {
		variable, value string
		ok              bool
	}{
		{gcp.EnvMetadataHost, "metadata.google.internal", true},
		{gcp.EnvMetadataHost, "169.254.169.254:80", true},
		{gcp.EnvMetadataHost, "127.0.0.1:8081", true},
		{gcp.EnvMetadataHost, "localhost:8081", true},
		{gcp.EnvMetadataHost, "[::1]:8081", true},
		{gcp.EnvMetadataHost, "metadata.example", false},
		{gcp.EnvMetadataHost, "10.0.0.1:80", false},
		{gcp.EnvSecretManager, "http://127.0.0.1:8081/", true},
		{gcp.EnvSecretManager, "https://example.com", false},
		{gcp.EnvSecretManager, "http://user:pw@127.0.0.1", false},
		{gcp.EnvSecretManager, "http://127.0.0.1/path", false},
		{gcp.EnvSecretManager, "http://127.0.0.1.example.com", false},
		{gcp.EnvSecretManager, "127.0.0.1:8081", false},
	} {
		t.Run(tt.variable+"="+tt.value, func(t *testing.T) {
			t.Setenv(tt.variable, tt.value)
			if _, err := gcp.New(); (err == nil) != tt.ok || err != nil && !strings.HasPrefix(err.Error(), tt.variable+": not on this machine") {
				t.Error(err)
			}
		})
	}
}
