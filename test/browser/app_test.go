//go:build browser

package browser_test

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const callbackPath = "/callback"

// app is an MCP client as far as a browser sees it: a redirect URI that waits
// for the answer.
type app struct {
	redirectURI string
	answers     chan url.Values
}

// ServeHTTP takes the answer.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, callbackPath) {
		a.answers <- r.URL.Query()
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprint(w, `<!doctype html><html lang="en"><title>The app</title><h1>Back in the app</h1>`)
}

func newAnswers() chan url.Values { return make(chan url.Values, 8) }

// loopbackApp waits at a free port of a loopback address.
func loopbackApp(t *testing.T, host string) *app {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skipf("no loopback address %s: %v", host, err)
	}
	a := &app{redirectURI: "http://" + listener.Addr().String() + callbackPath, answers: newAnswers()}
	srv := &httptest.Server{Listener: listener, Config: &http.Server{Handler: a, ReadHeaderTimeout: patience}}
	srv.Start()
	t.Cleanup(srv.Close)
	return a
}

// answer waits for what the browser brought to the app.
func (a *app) answer(t *testing.T) url.Values {
	t.Helper()
	select {
	case v := <-a.answers:
		return v
	case <-time.After(patience):
		t.Fatal("the browser did not arrive at the app")
		return nil
	}
}

// noAnswer fails the test if the browser brought anything.
func (a *app) noAnswer(t *testing.T) {
	t.Helper()
	select {
	case v := <-a.answers:
		t.Errorf("the app got an answer: %v", v)
	default:
	}
}

const hostedHost = "app.example.com"

// hosted are apps with a website: https://app.example.com, which the browser
// resolves to a server of the tests.
var hosted hostedApps

type hostedApps struct {
	once sync.Once
	srv  *httptest.Server
	apps sync.Map // path to *app
}

func (h *hostedApps) resolverRule() string {
	h.once.Do(func() { h.srv = httptest.NewTLSServer(h) })
	return "MAP " + hostedHost + " " + h.srv.Listener.Addr().String()
}

// ServeHTTP passes a request to the app it belongs to.
func (h *hostedApps) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := h.apps.Load(r.URL.Path)
	if !ok || r.Host != hostedHost {
		http.NotFound(w, r)
		return
	}
	a.(*app).ServeHTTP(w, r)
}

// hostedApp waits at a path of the website.
func hostedApp(t *testing.T) *app {
	t.Helper()
	path := "/" + strings.ToLower(rand.Text()) + callbackPath
	a := &app{redirectURI: "https://" + hostedHost + path, answers: newAnswers()}
	hosted.apps.Store(path, a)
	return a
}
