package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/conformance/everything"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

func TestMain(m *testing.M) {
	harness.ServedBareProxy()
	if !everything.ServedStdio() {
		harness.Main(m)
	}
}

// upstream is an mcp-go server that remembers the headers of its last request.
type upstream struct {
	url  string
	seen chan http.Header
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{seen: make(chan http.Header, 100)}
	server := everything.New()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case u.seen <- r.Header.Clone():
		default:
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	u.url = s.URL + "/mcp"
	return u
}

// protect starts mcpkeep in front of an upstream and signs a client in.
func protect(t *testing.T, target string) (*harness.Process, *harness.Client) {
	t.Helper()
	p := harness.Start(t, harness.Options{Database: harness.SQLite(t), Args: []string{"--upstream", target}})
	return p, signIn(t, p)
}

func signIn(t *testing.T, p *harness.Process) *harness.Client {
	t.Helper()
	c := harness.NewClient(p.URL, nil)
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	return c
}
