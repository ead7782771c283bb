package gateway_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// standIn is a proxy that does one thing wrong.
type standIn struct {
	wrong   func(*httputil.ReverseProxy) http.Handler
	version string
	shows   string // begins a line of the transcript that differs
}

func standIns() map[string]standIn {
	return map[string]standIn{
		"buffers":                              {buffers, withSessions, "call of progress"},
		"drops the session ID":                 {dropsSession, withSessions, "has a session"},
		"drops Last-Event-ID":                  {dropsPosition, withSessions, "resumed"},
		"answers 405 to GET":                   {refusesGet, withSessions, "notice: tools changed"},
		"swallows cancellations":               {swallows, withSessions, "cancellation seen"},
		"keeps calls that a client hung up on": {keepsCalls, withoutSessions, "cancellation seen"},
	}
}

// TestTourNotices: a tour through a proxy that does one thing wrong differs there, and
// through one that does nothing wrong nowhere.
func TestTourNotices(t *testing.T) {
	t.Parallel()
	const patience, impatience = 30 * time.Second, 1500 * time.Millisecond // what a proxy holds up has to be waited for
	cases := standIns()
	direct := map[string][]string{}
	for _, version := range []string{withSessions, withoutSessions} {
		p := newPlace(t, patience, version)
		direct[version] = visit(t, p, p.url, "", version)
		cases["nothing, "+version] = standIn{func(p *httputil.ReverseProxy) http.Handler { return p }, version, ""}
	}
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			behind := newPlace(t, patience, s.version)
			if s.shows != "" {
				behind.patience = impatience
			}
			u, err := url.Parse(behind.url)
			if err != nil {
				t.Fatal(err)
			}
			proxy := httptest.NewServer(s.wrong(&httputil.ReverseProxy{
				Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL, r.Out.Host = u, u.Host }, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
			}))
			t.Cleanup(func() {
				proxy.CloseClientConnections()
				proxy.Close()
			})
			got := visit(t, behind, proxy.URL, "", s.version)
			diff := cmp.Diff(direct[s.version], got)
			lost := func(line string) bool { return strings.HasPrefix(line, s.shows) && !slices.Contains(got, line) }
			switch {
			case s.shows == "" && diff != "":
				t.Errorf("it differs:\n%s", diff)
			case s.shows != "" && !slices.ContainsFunc(direct[s.version], lost):
				t.Errorf("nothing shows in %q:\n%s", s.shows, diff)
			}
		})
	}
}

// buffers sends a response when it is complete.
func buffers(p *httputil.ReverseProxy) http.Handler {
	p.FlushInterval = 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			p.ServeHTTP(w, r)
			return
		}
		whole := httptest.NewRecorder()
		p.ServeHTTP(whole, r)
		for name, values := range whole.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(whole.Code)
		_, _ = w.Write(whole.Body.Bytes())
	})
}

func dropsSession(p *httputil.ReverseProxy) http.Handler {
	p.ModifyResponse = func(r *http.Response) error {
		r.Header.Del("Mcp-Session-Id")
		return nil
	}
	return p
}

func dropsPosition(p *httputil.ReverseProxy) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Last-Event-ID")
		p.ServeHTTP(w, r)
	})
}

func refusesGet(p *httputil.ReverseProxy) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		p.ServeHTTP(w, r)
	})
}

func swallows(p *httputil.ReverseProxy) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || bytes.Contains(body, []byte("notifications/cancel")) {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.ServeHTTP(w, r)
	})
}

// keepsCalls lets a call continue without its client.
func keepsCalls(p *httputil.ReverseProxy) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		call := r.Clone(r.Context())
		if bytes.Contains(body, []byte(`"wait"`)) {
			ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context())) // without Done, the proxy would watch the connection
			defer cancel()
			call = call.WithContext(ctx)
		}
		call.Body = io.NopCloser(bytes.NewReader(body))
		p.ServeHTTP(w, call)
	})
}
