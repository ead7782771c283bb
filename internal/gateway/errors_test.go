package gateway_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
)

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// failing responds with a status and JSON.
func failing(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// TestBrokenUpstreams: the client gets a JSON-RPC error with the id of its request, the
// reference, and nothing of what the upstream said.
func TestBrokenUpstreams(t *testing.T) {
	t.Parallel()
	with := func(status int, pairs ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				w.Header().Set(pairs[i], pairs[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte("secret-of-the-upstream"))
		}
	}
	const kind, isJSON = "Content-Type", "application/json"
	for name, tt := range map[string]struct {
		h    http.HandlerFunc
		want int
	}{
		"401":                  {with(401, kind, isJSON, "WWW-Authenticate", "Bearer"), 502},
		"403":                  {with(403, kind, isJSON), 502},
		"407":                  {with(407, kind, isJSON), 502},
		"421":                  {with(421, kind, "text/plain"), 502},
		"an HTML page":         {with(200, kind, "text/html"), 502},
		"an HTML error":        {with(500, kind, "text/html"), 502},
		"a plain error":        {with(503, kind, "text/plain"), 502},
		"another JSON error":   {failing(500, `{"error":"secret"}`), 502},
		"half a JSON error":    {failing(500, `{"jsonrpc":"2.0","error":"secret`), 502},
		"a failing stream":     {with(500, kind, "text/event-stream"), 502},
		"an odd status":        {failing(999, `{"jsonrpc":"2.0","error":"secret"}`), 502},
		"an HTML 404":          {with(404, kind, "text/html"), 404},
		"no type":              {with(200, kind, ""), 502},
		"gzip":                 {with(200, kind, isJSON, "Content-Encoding", "gzip"), 502},
		"to another host":      {with(307, "Location", "http://example.com/mcp"), 502},
		"to a metadata server": {with(308, "Location", "http://169.254.169.254/"), 502},
		"to another port":      {with(307, "Location", "http://127.0.0.1:1/mcp"), 502},
		"to itself":            {with(307, "Location", "/mcp"), 502},
		"around": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", r.URL.Path+"/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, 502},
		"a GET of a POST":   {with(303, "Location", "/other"), 502},
		"without a place":   {with(307), 502},
		"an endless header": {with(200, kind, isJSON, "X-Long", strings.Repeat("x", 1<<20)), 502},
		"an empty session":  {with(200, kind, isJSON, "Mcp-Session-Id", strings.Repeat("x", 2000)), 502},
		"hangs up":          {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502},
	} {
		response, body := send(t, http.MethodPost, behind(t, tt.h).URL, ping)
		var answer struct {
			ID    string `json:"id"`
			Error struct {
				Code    int    `json:"code"`
				Message string `json:"message"`
			} `json:"error"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || response.StatusCode != tt.want || answer.ID != "q-1" ||
			answer.Error.Code == 0 || !strings.Contains(answer.Error.Message, "ref123") {
			t.Errorf("%s: %d %s, want %d", name, response.StatusCode, body, tt.want)
		}
		if strings.Contains(body, "secret") || response.Header.Get("WWW-Authenticate") != "" || response.Header.Get("Location") != "" {
			t.Errorf("%s: %v %s", name, response.Header, body)
		}
	}
}

// TestErrorsOfTheServer: what an MCP server says in its own words crosses.
func TestErrorsOfTheServer(t *testing.T) {
	t.Parallel()
	const said = `{"jsonrpc":"2.0","id":1}`
	for _, status := range []int{200, 202, 400, 404, 405, 406, 409, 415, 429, 500, 503} {
		s := behind(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Allow", "POST")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(said))
		})
		response, body := send(t, http.MethodPost, s.URL, ping)
		if response.StatusCode != status || body != said || response.Header.Get("Allow") != "POST" {
			t.Errorf("%d became %d %s", status, response.StatusCode, body)
		}
	}
}

// TestUnreachable: nothing listens, or what listens does not respond in time.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	u := open(t, config(t, gone.URL))
	response, body := send(t, http.MethodPost, front(t, u).URL, ping)
	if response.StatusCode != http.StatusBadGateway || !strings.Contains(body, `"id":"q-1"`) || strings.Contains(body, "127.0.0.1") {
		t.Errorf("nothing listens: %d %s", response.StatusCode, body)
	}
	if h := u.Health(); h.Status != "failing" || strings.Contains(h.Error, "127.0.0.1") {
		t.Errorf("health: %+v", h)
	}
	release := make(chan bool)
	cfg := config(t, serve(t, func(http.ResponseWriter, *http.Request) { <-release }))
	defer close(release)
	cfg.Answer = 50 * time.Millisecond
	if response, body = send(t, http.MethodPost, front(t, open(t, cfg)).URL, ping); response.StatusCode != http.StatusGatewayTimeout || !strings.Contains(body, `"id":"q-1"`) {
		t.Errorf("no response: %d %s", response.StatusCode, body)
	}
}

// TestTooLarge: a request beyond the limit is refused in JSON-RPC, with and without a length.
// One with a length does not reach the upstream.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	cfg := config(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength >= 0 {
			t.Error("a part of the request reached the upstream")
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err == nil {
			t.Errorf("the upstream read a whole body of %d bytes", n)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	cfg.MaxBody = 100_000
	s := front(t, open(t, cfg))
	for name, body := range map[string]io.Reader{
		"with a length": strings.NewReader(strings.Repeat("x", 200_000)), "without": io.MultiReader(strings.NewReader(strings.Repeat("x", 200_000))),
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(name, err)
		}
		content, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusRequestEntityTooLarge || !strings.HasPrefix(string(content), `{"jsonrpc":"2.0","id":null,"error":`) {
			t.Errorf("%s: %d %s %v", name, response.StatusCode, content, err)
		}
	}
}

// TestRedirect: one on the same origin is followed with the body, and remembered.
func TestRedirect(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s := behind(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/mcp" {
			http.Redirect(w, r, "/mcp/", http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, r.Body)
	})
	message := `{"id":1,"params":"` + strings.Repeat("x", 500_000) + `"}`
	for range 3 {
		if response, body := send(t, http.MethodPost, s.URL, message); body != message || response.StatusCode != http.StatusOK {
			t.Fatalf("got %d %.80s", response.StatusCode, body)
		}
	}
	if n := asked.Load(); n != 4 {
		t.Errorf("the upstream was asked %d times, want 4", n)
	}
}

// TestRedirectEnds: an upstream that no longer redirects is found at its URL again, after the
// response that says so.
func TestRedirectEnds(t *testing.T) {
	t.Parallel()
	var updated atomic.Bool
	s := behind(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch slash := r.URL.Path == "/mcp/"; {
		case slash && updated.Load():
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "{}")
		case !slash && !updated.Load():
			http.Redirect(w, r, "/mcp/", http.StatusTemporaryRedirect)
		default:
			_, _ = io.Copy(w, r.Body)
		}
	})
	message := `{"id":1,"params":"` + strings.Repeat("x", 500_000) + `"}`
	for i, want := range []int{http.StatusOK, http.StatusNotFound, http.StatusOK} {
		updated.Store(i > 0)
		if response, body := send(t, http.MethodPost, s.URL, message); response.StatusCode != want || want == http.StatusOK && body != message {
			t.Errorf("request %d: %d %.80s, want %d", i, response.StatusCode, body, want)
		}
	}
	updated.Store(false) // and redirects again, for which the first body may have been too long
	_, _ = send(t, http.MethodPost, s.URL, message)
	if response, body := send(t, http.MethodPost, s.URL, message); response.StatusCode != http.StatusOK || body != message {
		t.Errorf("redirected again: %d %.80s", response.StatusCode, body)
	}
}

// TestRedirectToPage: a page that a browser is sent to does not take the place of the endpoint.
func TestRedirectToPage(t *testing.T) {
	t.Parallel()
	s := behind(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch {
		case r.URL.Path != "/mcp":
			_, _ = io.WriteString(w, "a page")
		case r.Method == http.MethodGet:
			http.Redirect(w, r, "/docs", http.StatusFound)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{}")
		}
	})
	if response, body := send(t, http.MethodGet, s.URL, ""); response.StatusCode != http.StatusBadGateway {
		t.Errorf("a page crossed: %d %s", response.StatusCode, body)
	}
	if response, body := send(t, http.MethodPost, s.URL, ping); response.StatusCode != http.StatusOK || body != "{}" {
		t.Errorf("afterwards: %d %s", response.StatusCode, body)
	}
}

// TestSocket: an upstream on a Unix socket.
func TestSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	upstream := &httptest.Server{Listener: l, Config: &http.Server{ReadHeaderTimeout: waitFor, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`"` + r.Host + r.URL.Path + `"`))
	})}}
	upstream.Start()
	t.Cleanup(upstream.Close)
	u := open(t, config(t, "unix:"+path+":/mcp"))
	if _, body := send(t, http.MethodPost, front(t, u).URL, ping); body != `"localhost/mcp"` {
		t.Error(body)
	}
}

func TestParseTarget(t *testing.T) {
	t.Parallel()
	for text, near := range map[string]bool{
		"http://127.0.0.1:9000/mcp": true, "http://localhost/mcp": true, "http://[::1]:1/x": true, "http://tickets:9000/mcp": true,
		"http://10.1.2.3/": true, "https://mcp.example.com/mcp": false, "https://8.8.8.8/mcp": false, "unix:/run/x.sock:/mcp": true,
		"http://mcp.example.com": false,
	} {
		target, err := gateway.ParseTarget(text)
		if err != nil || target.Near() != near {
			t.Errorf("%s: %v, %v", text, target, err)
		}
	}
	for _, text := range []string{
		"", "mcp", "127.0.0.1:9000/mcp", "ftp://x/y", "http://", "http:///mcp", "http://user:secret@x/mcp", "http://user@x", "http://x/mcp?a=secret",
		"http://x/mcp?", "http://x/mcp#secret", "http://x/mcp#", "http://x:0/mcp", "http://x:/mcp", "http://x:99999999/", "unix:x:/mcp", "unix:/x", "unix:/x:mcp",
		"unix:/x:/mcp?secret", "unix:/x:/mcp?", "unix:/x:/mcp#", "http://secret\x7f/", "//x/mcp",
	} {
		if target, err := gateway.ParseTarget(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, %v", text, target, err)
		}
	}
}

// TestMethods: only those of the transport reach the upstream.
func TestMethods(t *testing.T) {
	t.Parallel()
	s := behind(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the upstream got a %s", r.Method) })
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodTrace, http.MethodHead, "PROPFIND"} {
		if response, _ := send(t, method, s.URL, ""); response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, POST, DELETE" {
			t.Errorf("%s: %d, allowed %q", method, response.StatusCode, response.Header.Get("Allow"))
		}
	}
}
