//go:build conformance

package conformance_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/server/servertest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// front stands before the server. For a confidential client it lists one client
// authentication method in the metadata of the authorization server: the suite uses
// none whenever that is listed, even for a client that it has a secret of. Everything
// else passes as it is.
type front struct {
	url    string
	target *harness.Process
	method string
	used   atomic.Int32 // token requests with the method
}

func serveFront(t *testing.T, method string) *front {
	t.Helper()
	f := &front{method: method}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		target, _ := url.Parse(f.target.URL) // the harness parsed it
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	if method != "none" {
		proxy.ModifyResponse = f.rewrite
	}
	srv := httptest.NewServer(servertest.BodyFirst(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" && methodOf(r) == f.method {
			f.used.Add(1)
		}
		proxy.ServeHTTP(w, r)
	})))
	t.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

// methodOf says how a token request authenticates its client.
func methodOf(r *http.Request) string {
	body, _ := io.ReadAll(r.Body) // what is not there is not sent on either
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	switch {
	case strings.HasPrefix(r.Header.Get("Authorization"), "Basic "):
		return "client_secret_basic"
	case form.Has("client_secret"):
		return "client_secret_post"
	default:
		return "none"
	}
}

// rewrite leaves one method in the list.
func (f *front) rewrite(res *http.Response) error {
	if !strings.HasPrefix(res.Request.URL.Path, "/.well-known/oauth-authorization-server") || res.StatusCode != http.StatusOK {
		return nil
	}
	var metadata map[string]any
	if err := json.NewDecoder(res.Body).Decode(&metadata); err != nil {
		return err
	}
	metadata["token_endpoint_auth_methods_supported"] = []string{f.method}
	body, err := json.Marshal(metadata)
	if err != nil {
		return err
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Del("Content-Length")
	return nil
}

// assertUsed checks that the suite authenticated as it should.
func (f *front) assertUsed(t *testing.T) {
	t.Helper()
	if n := f.used.Load(); n != 1 {
		t.Errorf("%d token requests with %s, want 1", n, f.method)
	}
}
