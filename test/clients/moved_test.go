//go:build clients

package clients_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// moving are the libraries whose sessions are moved to another replica.
var moving = []string{"typescript1", "typescript2", "python", "fastmcp", "mcp-go", "go"}

// TestMoved: a session at a server with a URL continues at another replica, and after kill -9,
// with the same id and no handshake. One at a process gets 404 there: the application connects
// again, as these SDKs demand. Clients without sessions notice nothing. No one signs in again.
func TestMoved(t *testing.T) {
	t.Parallel()
	for _, lib := range libraries() {
		if !slices.Contains(moving, lib.key) {
			continue
		}
		t.Run(lib.key+"/HTTP", func(t *testing.T) {
			t.Parallel()
			place, _ := places()["everything, HTTP"](t)
			h := record(t, place.Server)
			m := move(t, lib, map[string]any{"url": h.url})
			for _, to := range m.moves() {
				to()
				if err := m.echo(); err != nil {
					t.Errorf("the session ended: %v", err)
				}
			}
			if begun, sessions := h.seen(); begun != 1 || len(sessions) != 1 {
				t.Errorf("the server saw %d handshakes, and the sessions %v", begun, sessions)
			}
			m.signedInOnce()
		})
		t.Run(lib.key+"/stdio", func(t *testing.T) {
			t.Parallel()
			place, _ := places()["everything, stdio"](t)
			m := move(t, lib, map[string]any{"command": place.Command, "args": place.Args, "limits": map[string]any{"memory": "none"}})
			for i, to := range m.moves() {
				before := m.lost()
				to()
				how := m.afterwards()
				if lost := m.lost() - before; (how == reconnected) != (lost > 0) {
					t.Errorf("move %d: %q, and %d requests got 404", i+1, how, lost)
				}
				if how == byItself && strings.HasPrefix(lib.key, "typescript") { // the others speak the revision without sessions
					t.Errorf("move %d: the session was not lost", i+1)
				}
			}
			m.signedInOnce()
		})
	}
}

// moved is a client at an address behind which are two replicas.
type moved struct {
	t      *testing.T
	client driver
	a, b   *harness.Process
	route  *harness.Route
}

// move signs a client in at the first replica, and has it call a tool.
func move(t *testing.T, lib library, entry map[string]any) *moved {
	t.Helper()
	content, err := json.Marshal(map[string]any{"mcpServers": map[string]any{"default": entry}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mcpkeep.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(nil)
	address := "http://" + front.Listener.Addr().String()
	opts := harness.Engines()[0].Options(t)
	opts.Args = []string{"--config", path, "--base-url", address}
	m := &moved{t: t, a: harness.Start(t, opts), b: harness.Start(t, opts)}
	m.route = harness.NewRoute(m.a)
	front.Config.Handler = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", r.In.Host, r.In.Host
		},
		Transport: m.route, FlushInterval: -1,
	}
	front.Start()
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	m.client = lib.start(t, setup{Server: address + "/mcp", RedirectURI: lib.redirectURI(t)})
	if err := m.client.connect(); err != nil {
		t.Fatal(err)
	}
	if err := m.echo(); err != nil {
		t.Fatal(err)
	}
	return m
}

// moves are what happens to the session: it goes to another replica, which is killed then.
func (m *moved) moves() []func() {
	return []func(){
		func() { m.route.To(m.b) },
		func() {
			m.b.Kill9()
			if err := m.b.Restart(); err != nil {
				m.t.Fatal(err)
			}
		},
	}
}

// afterwards says how a client gets on when its session may have ended.
func (m *moved) afterwards() outcome {
	m.t.Helper()
	if m.echo() == nil {
		return byItself
	}
	if err := m.client.connect(); err != nil {
		m.t.Fatal(err)
	}
	if err := m.echo(); err != nil {
		m.t.Error(err)
	}
	return reconnected
}

// echo calls a tool.
func (m *moved) echo() error {
	r, err := m.client.call("echo", map[string]any{"message": "hello"})
	if err == nil && !strings.Contains(string(r.Content), "hello") {
		m.t.Errorf("the result is %s", r.Content)
	}
	return err
}

// count counts lines in the log of both replicas.
func (m *moved) count(is func(harness.Entry) bool) (n int) {
	for _, p := range []*harness.Process{m.a, m.b} {
		for _, e := range p.Logs.Entries() {
			if is(e) {
				n++
			}
		}
	}
	return n
}

// lost counts requests for sessions that are not there.
func (m *moved) lost() int {
	return m.count(func(e harness.Entry) bool {
		return e["path"] == "/mcp" && e["method"] == http.MethodPost && e["status"] == 404.0
	})
}

func (m *moved) signedInOnce() {
	m.t.Helper()
	if n := m.count(func(e harness.Entry) bool { return e["event"] == "grant_created" }); n != 1 {
		m.t.Errorf("the client signed in %d times", n)
	}
}

// recorder is in front of a server and remembers handshakes and sessions.
type recorder struct {
	url      string
	mu       sync.Mutex
	begun    int
	sessions []string
}

func record(t *testing.T, endpoint string) *recorder {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(p *httputil.ProxyRequest) {
		p.Out.URL.Scheme, p.Out.URL.Host = target.Scheme, target.Host
	}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		r.note(in)
		proxy.ServeHTTP(w, in)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	r.url = s.URL + target.Path
	return r
}

func (r *recorder) note(in *http.Request) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return // mcpkeep has gone
	}
	in.Body = io.NopCloser(strings.NewReader(string(body)))
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.Contains(string(body), `"method":"initialize"`) {
		r.begun++
	}
	if id := in.Header.Get("Mcp-Session-Id"); id != "" && !slices.Contains(r.sessions, id) {
		r.sessions = append(r.sessions, id)
	}
}

func (r *recorder) seen() (begun int, sessions []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun, slices.Clone(r.sessions)
}
