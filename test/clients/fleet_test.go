//go:build clients

package clients_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// fleet is two replicas with tokens for scripts, behind an address that sends them requests by
// turns. Their users sign in at GitHub.
type fleet struct {
	t        *testing.T
	url      string
	replicas []*harness.Process
	database string
	github   *githubtest.Server
	upstream *eavesdropper
	printed  []string // by commands, after the tokens were made
}

func newFleet(t *testing.T, engine harness.Engine) *fleet {
	t.Helper()
	f := &fleet{t: t, github: githubtest.New(t), upstream: &eavesdropper{to: greeter()}}
	for _, login := range []string{stayer, leaver} {
		f.github.AddUser(githubtest.User{Login: login})
	}
	behind := httptest.NewServer(f.upstream)
	var turn atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.proxy(int(turn.Add(1))%2).ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
		behind.CloseClientConnections()
		behind.Close()
	})
	f.url = front.URL
	opts := engine.Options(t)
	f.database, opts.Args = opts.Database, []string{"--config", writeConfig(t, behind.URL+"/mcp")}
	opts.Env = append(opts.Env, "MCPKEEP_BASE_URL="+f.url, "MCPKEEP_PERSONAL_TOKENS=on", "MCPKEEP_ADMINS="+stayer, "MCPKEEP_LOG_LEVEL=debug",
		"MCPKEEP_PROVIDER=github", "MCPKEEP_ALLOWED_USERS="+stayer,
		"MCPKEEP_GITHUB_CLIENT_ID="+f.github.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET="+f.github.ClientSecret,
		"MCPKEEP_GITHUB_URL="+f.github.URL, "MCPKEEP_GITHUB_API_URL="+f.github.APIURL)
	f.replicas = []*harness.Process{harness.Start(t, opts), harness.Start(t, opts)}
	return f
}

func (f *fleet) proxy(replica int) http.Handler {
	target := &url.URL{Scheme: "http", Host: f.replicas[replica].Address()}
	return &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
}

// list restarts the replicas with a list of who may sign in.
func (f *fleet) list(users ...string) {
	f.t.Helper()
	for _, p := range f.replicas {
		p.SetEnv("MCPKEEP_ALLOWED_USERS=" + strings.Join(users, ","))
		p.Kill9()
		if err := p.Restart(); err != nil {
			f.t.Fatal(err)
		}
	}
}

// signIn returns the browser of a user who is signed in at the page of connections.
func (f *fleet) signIn(login string) *harness.Browser {
	f.t.Helper()
	f.github.SignInAs(login)
	b := harness.NewBrowser(nil)
	b.Sites = []string{f.github.URL}
	page, err := b.Submit(f.t.Context(), f.open(b, "/connections"))
	if err != nil || !strings.Contains(page.Body, login) {
		f.t.Fatalf("%v: %s is not signed in: %+v", err, login, page)
	}
	return b
}

func (f *fleet) open(b *harness.Browser, path string) *harness.Page {
	f.t.Helper()
	page, err := b.Open(f.t.Context(), f.url+path)
	if err != nil || page.Status != http.StatusOK {
		f.t.Fatalf("%s: %v %+v", path, err, page)
	}
	return page
}

// greeter is an MCP server without sessions.
func greeter() http.Handler {
	s := server.NewMCPServer("greeter", "1")
	s.AddTool(mcp.NewTool(greetingTool, mcp.WithDescription("Greets")), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText(greeting), nil
	})
	return server.NewStreamableHTTPServer(s, server.WithStateLess(true))
}

const greetingTool, greeting = "greet", "Good night to all jobs."

// eavesdropper notes the headers that an MCP server gets.
type eavesdropper struct {
	to http.Handler

	mu    sync.Mutex
	heard []string
}

func (e *eavesdropper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.heard = append(e.heard, r.URL.String())
	for _, values := range r.Header {
		e.heard = append(e.heard, values...)
	}
	e.mu.Unlock()
	e.to.ServeHTTP(w, r)
}

// all returns what it heard.
func (e *eavesdropper) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}
