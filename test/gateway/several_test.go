package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// configured starts mcpkeep with a configuration file and returns the path of the file.
func configured(t *testing.T, content string, env ...string) (p *harness.Process, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "mcpkeep.yaml")
	write(t, path, content)
	return harness.Start(t, harness.Options{Database: harness.SQLite(t), Args: []string{"--config", path}, Env: env}), path
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// signInAt signs a client in for the endpoint at a path.
func signInAt(t *testing.T, p *harness.Process, path string) *harness.Client {
	t.Helper()
	c := harness.NewClient(p.URL, nil)
	c.Resource = p.URL + path
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// TestSeveral: each upstream of a file is an endpoint of its own, with its own tokens, and
// gets the operator's credential.
func TestSeveral(t *testing.T) {
	t.Parallel()
	first, second := newUpstream(t), newUpstream(t)
	p, _ := configured(t, `{"mcpServers": {
		"tickets": {"url": "`+second.url+`", "title": "Ticket system", "headers": {"Authorization": "Bearer ${TICKETS_KEY}"}, "identity": "none"},
		"default": {"url": "`+first.url+`"}}}`, "TICKETS_KEY=key-of-tickets")
	tokens := map[string]string{}
	for _, path := range []string{"/mcp", "/tickets/mcp", "/mcpkeep/mcp"} {
		tokens[path] = signInAt(t, p, path).AccessToken
	}
	for path := range tokens {
		for of, token := range tokens {
			if status, body := post(t, p.URL+path, token, ""); (status == http.StatusUnauthorized) != (of != path) {
				t.Errorf("the token of %s at %s: %d %s", of, path, status, body)
			}
		}
		if status, body := get(t, p.URL+"/.well-known/oauth-protected-resource"+path); status != http.StatusOK || !strings.Contains(body, p.URL+path+`"`) {
			t.Errorf("metadata of %s: %d %s", path, status, body)
		}
	}
	last := func(u *upstream) (h http.Header) {
		for len(u.seen) > 0 {
			h = <-u.seen
		}
		return h
	}
	if h := last(second); h.Get("Authorization") != "Bearer key-of-tickets" || h.Get("X-Mcpkeep-User") != "" {
		t.Errorf("tickets got %v", h)
	}
	if h := last(first); h.Get("Authorization") != "" || h.Get("X-Mcpkeep-User") == "" {
		t.Errorf("default got %v", h)
	}
	var ready struct {
		Upstreams map[string]any `json:"upstreams"`
	}
	if _, body := get(t, p.URL+"/readyz"); json.Unmarshal([]byte(body), &ready) != nil || len(ready.Upstreams) != 2 {
		t.Errorf("readyz says %s", body)
	}
	if strings.Contains(p.Logs.String(), "key-of-tickets") {
		t.Error("the log has the operator's credential")
	}
}

// stream opens an event stream; the channel is closed when it ends.
func stream(t *testing.T, url, token string) <-chan bool {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the stream got %d", response.StatusCode)
	}
	ended := make(chan bool)
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, response.Body)
	}()
	return ended
}

// logged waits until the log has a text.
func logged(t *testing.T, p *harness.Process, text string) {
	t.Helper()
	for began := time.Now(); !strings.Contains(p.Logs.String(), text); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("the log has no %q", text)
		}
	}
}

// TestReload: at SIGHUP a bad file changes nothing. With a good one, an upstream that is as
// before keeps its streams, one that went ends them and answers 404, and a new one is there.
func TestReload(t *testing.T) {
	t.Parallel()
	first, second := newUpstream(t), newUpstream(t)
	entry := func(name, url string) string { return "  " + name + ": {url: \"" + url + "\"}\n" }
	p, path := configured(t, "mcpServers:\n"+entry("default", first.url)+entry("old", second.url))
	at, old := signInAt(t, p, "/mcp"), signInAt(t, p, "/old/mcp")
	stays, goes := stream(t, p.URL+"/mcp", at.AccessToken), stream(t, p.URL+"/old/mcp", old.AccessToken)

	write(t, path, "mcpServers:\n"+entry("default", "http://user:secret@127.0.0.1/mcp"))
	hangUp(t, p)
	logged(t, p, path+":2:18: contains a user or password")
	m := harness.Connect(t, old)
	if err := harness.CallIn(t.Context(), m, "test_tool_with_logging", nil); err != nil {
		t.Errorf("after a bad file: %v", err)
	}
	write(t, path, "# changed\nmcpServers:\n"+entry("new", second.url)+entry("default", first.url))
	hangUp(t, p)
	logged(t, p, "configuration read again")
	select {
	case <-goes:
	case <-time.After(time.Minute):
		t.Error("the stream of an upstream that went is still open")
	}
	if status, _ := post(t, p.URL+"/old/mcp", old.AccessToken, m.GetSessionId()); status != http.StatusNotFound {
		t.Errorf("an upstream that went: %d", status)
	}
	if err := harness.CallIn(t.Context(), harness.Connect(t, signInAt(t, p, "/new/mcp")), "test_tool_with_logging", nil); err != nil {
		t.Errorf("a new upstream: %v", err)
	}
	select {
	case <-stays:
		t.Error("the stream of an upstream that did not change ended")
	default:
	}
}

func hangUp(t *testing.T, p *harness.Process) {
	t.Helper()
	if err := syscall.Kill(p.PID(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// TestBadFile: the start stops with one line that has the place, and so does config check.
func TestBadFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.yaml")
	write(t, path, "mcpServers:\n  a: {url: \"http://127.0.0.1/mcp\", typo: 1}\n")
	want := path + ":2:36: typo is not known here; want one of "
	for _, args := range [][]string{{"serve", "--config", path}, {"config", "check", path}} {
		r := harness.Run(t.Context(), t, []string{"DATABASE_URL=" + harness.SQLite(t)}, args...)
		if r.Status != 2 || !strings.HasPrefix(r.Stderr, want) || strings.Count(r.Stderr, "\n") != 1 {
			t.Errorf("%v: status %d, %q", args, r.Status, r.Stderr)
		}
	}
	write(t, path, "mcpServers: {a: {url: 'http://127.0.0.1/mcp', autoApprove: []}}")
	if r := harness.Run(t.Context(), t, nil, "config", "check", path); r.Status != 0 || r.Stdout != "a at /a/mcp: http://127.0.0.1/mcp\n" || !strings.Contains(r.Stderr, "autoApprove") {
		t.Errorf("a good file: %+v", r)
	}
	r := harness.Run(t.Context(), t, nil, "serve", "--config", path, "--upstream", "http://127.0.0.1/mcp")
	if r.Status != 2 || !strings.Contains(r.Stderr, "MCPKEEP_CONFIG (--config): MCPKEEP_UPSTREAM is set too") {
		t.Errorf("both: %+v", r)
	}
}
