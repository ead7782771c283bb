package mcpserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/mcpserver"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const (
	legacy = "2025-11-25"
	modern = "2026-07-28"
)

// eras are the two kinds of requests, by the revision that the raw requests name.
var eras = []string{legacy, modern}

// endpoint is the handler behind a middleware that takes the bearer token for
// the name of a person.
type endpoint struct {
	t       *testing.T
	handler http.Handler
	url     string
	store   *fakeStore
	people  map[string]principal.Principal
	log     *logBuffer
	called  chan audit.Call
}

// serve starts a server with Ada, an administrator, Bob and Eve, each of whom
// is connected through the same client, and Ada through a second one.
func serve(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{t: t, store: newFakeStore(), people: make(map[string]principal.Principal), log: &logBuffer{}, called: make(chan audit.Call, 1000)}
	e.store.clients["client-1"] = storage.Client{
		ID: "client-1", SecretHash: storage.HashOf("client-secret"), CreatedAt: now.Add(-48 * time.Hour),
		Client: metadata.Client{
			Name:          "Chat App",
			URI:           "https://chat.example",
			RedirectURIs:  []string{"https://chat.example/callback"},
			GrantTypes:    []string{"authorization_code", "refresh_token"},
			ResponseTypes: []string{"code"},
			Scope:         "mcp",
			AuthMethod:    "client_secret_post",
		},
	}
	e.store.clients["client-2"] = storage.Client{ID: "client-2", Client: metadata.Client{Name: "Editor", RedirectURIs: []string{"http://127.0.0.1/cb"}}}
	for _, name := range []string{"ada", "bob", "eve"} {
		e.addPerson(name)
	}
	ada := e.people["ada"]
	ada.Admin = true
	e.people["ada"] = ada
	e.connect("ada", "grant-ada-2", "client-2")

	handler := mcpserver.New(mcpserver.Config{
		Store: e.store, Version: "1.2.3", BaseURL: "https://keep.example",
		Logger: slog.New(slog.NewJSONHandler(e.log, nil)),
		Now:    func() time.Time { return now },
		Called: func(c audit.Call) {
			select {
			case e.called <- c:
			default: // no one looks
			}
		},
		Status: func(context.Context) mcpserver.Status {
			return mcpserver.Status{Database: "sqlite", SchemaVersion: 5, StartedAt: now.Add(-90 * time.Minute)}
		},
	})
	e.handler = e.authenticate(handler)
	server := httptest.NewServer(e.handler)
	t.Cleanup(server.Close)
	e.url = server.URL
	return e
}

func (e *endpoint) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if p, ok := e.people[name]; ok {
			r = r.WithContext(principal.NewContext(r.Context(), p))
		}
		next.ServeHTTP(w, r)
	})
}

// addPerson makes a person with a connection through client-1. It must not be
// called while the server serves.
func (e *endpoint) addPerson(name string) {
	e.people[name] = principal.Principal{
		GrantID: "grant-" + name, ClientID: "client-1",
		User: storage.User{ID: "user-" + name, Person: storage.Person{
			Issuer: "https://github.com", Subject: "subject-" + name, Login: "login-" + name,
			Name: "Name of " + name, Email: name + "@example.com",
		}},
		Scope: "mcp:manage mcp:admin", Resource: "https://keep.example/mcp", ExpiresAt: now.Add(time.Hour),
	}
	e.connect(name, "grant-"+name, "client-1")
}

func (e *endpoint) connect(name, grantID, clientID string) {
	e.store.grants[grantID] = storage.Grant{
		ID: grantID, UserID: "user-" + name, ClientID: clientID, ClientName: e.store.clients[clientID].Name,
		Scope: "mcp", CreatedAt: now.Add(-24 * time.Hour), LastUsedAt: now.Add(-time.Minute),
	}
}

// rpc posts a request of the era as the person, and checks that the answer holds
// no null.
func (e *endpoint) rpc(as, era, method string, params map[string]any) reply {
	e.t.Helper()
	return e.send(e.request(as, era, method, params))
}

// request makes a well-formed request of the era with id 1.
func (e *endpoint) request(as, era, method string, params map[string]any) *http.Request {
	e.t.Helper()
	params = maps.Clone(params)
	if params == nil {
		params = make(map[string]any)
	}
	header := http.Header{"Mcp-Protocol-Version": {era}}
	if era == modern {
		header.Set("Mcp-Method", method)
		if name, ok := params["name"].(string); ok {
			header.Set("Mcp-Name", name)
		}
		params["_meta"] = map[string]any{
			"io.modelcontextprotocol/protocolVersion":    era,
			"io.modelcontextprotocol/clientInfo":         map[string]any{"name": "test", "version": "1"},
			"io.modelcontextprotocol/clientCapabilities": map[string]any{},
		}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		e.t.Fatal(err)
	}
	return e.raw(as, string(body), header)
}

// raw makes a POST with that body.
func (e *endpoint) raw(as, body string, header http.Header) *http.Request {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, e.url, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header = header.Clone()
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	r.Header.Set("Authorization", "Bearer "+as)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	return r
}

func (e *endpoint) send(r *http.Request) reply {
	e.t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	out := reply{t: e.t, status: response.StatusCode, header: response.Header, raw: string(body)}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(body, &out.json); err != nil {
			e.t.Fatalf("answer is not JSON: %v\n%s", err, body)
		}
		noNull(e.t, "$", out.json)
	}
	return out
}

// call calls a tool, and fails unless there is a tool result.
func (e *endpoint) call(as, era, tool string, arguments any) reply {
	e.t.Helper()
	params := map[string]any{"name": tool}
	if arguments != nil {
		params["arguments"] = arguments
	}
	r := e.rpc(as, era, "tools/call", params)
	if r.status != http.StatusOK || r.result() == nil {
		e.t.Fatalf("%s as %s: no result: %d %s", tool, as, r.status, r.raw)
	}
	return r
}

// logBuffer is a log that goroutines may write while the test reads.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
