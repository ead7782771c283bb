//go:build chaos

package outside_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
)

// spy stands before the fake GitHub and notes the secrets that pass.
type spy struct {
	url string

	mu    sync.Mutex
	found secrets
}

// What passes between the program and GitHub, by name of the parameter.
var upstreamSecrets = map[string]string{
	"code": "GitHub code", "code_verifier": "our PKCE verifier", "state": "our state",
	"access_token": "GitHub token", "refresh_token": "GitHub refresh token", "client_secret": "GitHub client secret",
}

func newSpy(t *testing.T, gh *githubtest.Server, found secrets) *spy {
	t.Helper()
	target, err := url.Parse(gh.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := &spy{found: found}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: s.noteAnswer,
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.note(r.URL.RawQuery)
		s.note(string(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// note takes the secrets out of a query or form.
func (s *spy) note(form string) {
	values, err := url.ParseQuery(form)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, what := range upstreamSecrets {
		s.found.add(what, values[name]...)
	}
}

// noteAnswer takes the tokens out of an answer of the token endpoint.
func (s *spy) noteAnswer(res *http.Response) error {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	if !strings.Contains(res.Header.Get("Content-Type"), "json") {
		s.note(string(body))
		return nil
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return err
	}
	form := url.Values{}
	for name, value := range fields {
		if text, ok := value.(string); ok {
			form.Set(name, text)
		}
	}
	s.note(form.Encode())
	return nil
}

// assertSawEverything checks that the search has all kinds of secrets.
func (s *spy) assertSawEverything(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, what := range []string{"GitHub code", "our PKCE verifier", "our state", "GitHub token", "GitHub client secret"} {
		if len(s.found[what]) == 0 {
			t.Errorf("%s: none passed by", what)
		}
	}
}
