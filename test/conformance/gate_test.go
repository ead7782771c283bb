//go:build conformance

package conformance_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/server/servertest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// gate serves an MCP server behind mcpkeep's handlers, and returns the URL of a
// proxy that adds an access token to each request: the suite cannot send one.
func gate(t *testing.T, protected http.Handler) string {
	t.Helper()
	site := httptest.NewUnstartedServer(nil)
	base := "http://" + site.Listener.Addr().String()
	s, err := server.New(server.Config{
		BaseURL: base, Loopback: true, Name: "Conformance", Store: store(t), Provider: identity.Local{},
		Resources: []server.Resource{{Path: "/mcp", Handler: protected}},
		Lifetimes: server.Lifetimes{AccessToken: time.Hour, RefreshToken: time.Hour},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	site.Config.Handler = s.Handler()
	site.Start()
	t.Cleanup(site.Close)
	c := harness.NewClient(base, nil)
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	return withToken(t, base, c.AccessToken) + "/mcp"
}

// gateway runs the program in front of an MCP server, and returns the URL of the same kind of
// proxy.
func gateway(t *testing.T, upstream string) string {
	t.Helper()
	p := harness.Start(t, harness.Options{Database: harness.SQLite(t), Args: []string{"--upstream", upstream}})
	c := harness.NewClient(p.URL, nil)
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	return withToken(t, p.URL, c.AccessToken) + "/mcp"
}

// store is a database with the harness's person.
func store(t *testing.T) storage.Store {
	t.Helper()
	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}
	r := repo.New(dbtest.SQLite().Open(t), keys)
	if err := r.CheckKeys(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	p := identity.Local{}.Person()
	hash, err := identity.HashPassword(harness.Password)
	if err != nil {
		t.Fatal(err)
	}
	person := storage.Person{Issuer: p.Issuer, Subject: p.Subject, Login: p.Login, Name: p.Name}
	if err := r.SetPassword(t.Context(), person, hash, false, time.Now()); err != nil {
		t.Fatal(err)
	}
	return r
}

// withToken is a proxy that changes nothing but the Authorization header.
func withToken(t *testing.T, target, token string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(servertest.BodyFirst(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.Host = r.In.Host
			r.Out.Header.Set("Authorization", "Bearer "+token)
		},
		FlushInterval: -1,
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}
