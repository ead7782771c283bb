package setups_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestHTTP2 signs a client in over HTTP/2 without TLS, as a proxy that speaks it does, at
// the port where another client uses HTTP/1.1.
func TestHTTP2(t *testing.T) {
	p := harness.Start(t, harness.Options{Database: "sqlite:" + filepath.Join(t.TempDir(), "mcpkeep.db")})
	for major, set := range map[int]func(*http.Protocols){
		1: func(p *http.Protocols) { p.SetHTTP1(true) }, 2: func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		through := &http.Transport{Protocols: new(http.Protocols)}
		set(through.Protocols)
		t.Cleanup(through.CloseIdleConnections)
		c := harness.NewClient(p.URL, through)
		if err := c.SignIn(t.Context(), harness.NewBrowser(through)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Call(t.Context(), "whoami"); err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Transport: through, Timeout: patience}).Get(p.URL + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.ProtoMajor != major {
			t.Errorf("the server speaks %s, want HTTP/%d", res.Proto, major)
		}
	}
}

// TestOrigins: at a server that allows two origins, the preflight and the answer agree for
// these, for its own page and for a foreign one, which can read why it is refused.
func TestOrigins(t *testing.T) {
	p := harness.Start(t, harness.Options{
		Database: "sqlite:" + filepath.Join(t.TempDir(), "mcpkeep.db"),
		Env:      []string{"MCPKEEP_ALLOWED_ORIGINS=https://app.example.com, chrome-extension:"},
	})
	c := harness.NewClient(p.URL, nil)
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	for origin, want := range map[string]int{
		"https://app.example.com": http.StatusOK, "chrome-extension://abcdefgh": http.StatusOK, p.URL: http.StatusOK,
		"https://evil.example": http.StatusForbidden, "http://app.example.com": http.StatusForbidden, "null": http.StatusForbidden,
	} {
		preflight := send(t, http.MethodOptions, p.URL, origin, "", http.Header{"Access-Control-Request-Method": {http.MethodPost}})
		call := send(t, http.MethodPost, p.URL, origin, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, http.Header{
			"Authorization": {"Bearer " + c.AccessToken}, "Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"},
		})
		if call.StatusCode != want || preflight.StatusCode != http.StatusNoContent {
			t.Errorf("%s: preflight %d, call %d, want %d", origin, preflight.StatusCode, call.StatusCode, want)
		}
		allowed := call.Header.Get("Access-Control-Allow-Origin")
		if allowed == "" || allowed != preflight.Header.Get("Access-Control-Allow-Origin") || call.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: the page cannot read the answer, or with credentials: %v", origin, call.Header)
		}
	}
}

// send sends a request to the MCP endpoint as a browser does for a page.
func send(t *testing.T, method, server, origin, body string, header http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server+"/mcp", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	req.Header.Set("Origin", origin)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res
}
