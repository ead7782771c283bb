//go:build otel

package traces_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

const (
	traceID  = "4bf92f3577b34da6a3ce929d0e0e4736"
	callerID = "00f067aa0ba902b7"
)

// traced adds the trace of the caller to each request.
type traced struct{}

func (traced) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Traceparent", "00-"+traceID+"-"+callerID+"-01")
	return http.DefaultTransport.RoundTrip(r)
}

// program is the build with spans.
func program(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("MCPKEEP_TEST_OTEL"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "mcpkeep")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags", "otel", "-o", path, "./cmd/mcpkeep")
	cmd.Dir = harness.Root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// parents notes what traceparent a site is sent.
type parents struct {
	mu   sync.Mutex
	list []string
}

func (p *parents) note(r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := r.Header.Get("Traceparent"); h != "" {
		p.list = append(p.list, h)
	}
}

func (p *parents) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.list)
}

// TestOneTrace: a sign-in at GitHub whose requests are spread over two replicas, and a call to
// an upstream, are one trace: each span has a parent in it, up to the caller's.
func TestOneTrace(t *testing.T) {
	t.Parallel()
	spans, upstream := newReceiver(t), &parents{}
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upstream.note(r)
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
	}))
	defer behind.Close()
	gh := githubtest.New(t)
	gh.AddUser(githubtest.User{ID: 7, Login: "octocat", Name: "Mona Sesame"})
	gh.SignInAs("octocat")
	base, replicas := replicated(t, gh, spans, behind.URL)
	c, b := harness.NewClient(base, traced{}), harness.NewBrowser(traced{})
	b.Sites = []string{gh.URL}
	if err := c.SignIn(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		call(t, base, c.AccessToken)
	}
	got := spans.of(t, traceID, complete)
	checkParents(t, got)
	checkPassedOn(t, got, upstream.all())
	for _, secret := range []string{c.AccessToken, c.RefreshToken, "octocat", "Mona", "code=", "127.0.0.1:" + port(gh.URL), gh.ClientSecret} {
		if strings.Contains(spans.received(), secret) {
			t.Errorf("the spans have %q", secret)
		}
	}
	for _, r := range replicas {
		if status := r.Term(); status != 0 {
			t.Errorf("status %d", status)
		}
	}
}

// replicated starts two replicas behind an address that sends them requests by turns.
func replicated(t *testing.T, gh *githubtest.Server, spans *receiver, upstream string) (base string, replicas []*harness.Process) {
	t.Helper()
	var turn atomic.Int64
	var proxies []*httputil.ReverseProxy
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxies[turn.Add(1)%2].ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	options := harness.Engines()[0].Options(t)
	options.Binary, options.Args = program(t), []string{"--upstream", upstream}
	options.Env = append(options.Env, "MCPKEEP_BASE_URL="+front.URL, "MCPKEEP_ENCRYPTION_KEYS="+harness.NewKey(t), "MCPKEEP_PROVIDER=github",
		"MCPKEEP_ALLOWED_USERS=octocat", "MCPKEEP_GITHUB_CLIENT_ID="+gh.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET="+gh.ClientSecret,
		"MCPKEEP_GITHUB_URL="+gh.URL, "MCPKEEP_GITHUB_API_URL="+gh.APIURL,
		"OTEL_EXPORTER_OTLP_ENDPOINT="+spans.url, "OTEL_BSP_SCHEDULE_DELAY=100")
	shared := options.Env
	for _, name := range []string{"first", "second"} {
		options.Listen, options.Env = harness.FreeAddress(t), append(slices.Clone(shared), "OTEL_SERVICE_NAME="+name)
		p := harness.Start(t, options)
		target, err := url.Parse(p.URL)
		if err != nil {
			t.Fatal(err)
		}
		replicas = append(replicas, p)
		proxies = append(proxies, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		}})
	}
	return front.URL, replicas
}

func call(t *testing.T, base, token string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := traced{}.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the call got %d", resp.StatusCode)
	}
}

// complete reports whether the spans of everything that must be there are.
func complete(spans []span) bool {
	names := map[string]bool{}
	for _, s := range spans {
		names[s.Name] = true
		names[s.service] = true
		names[s.service+" "+s.Name] = true
	}
	for _, want := range []string{"first", "second", "POST token", "GET callback", "POST consent", "GET authorize", "first POST mcp", "second POST mcp", "provider", "database write", "database access"} {
		if !names[want] {
			return false
		}
	}
	return len(named(spans, "upstream")) == 2
}

func named(spans []span, begin string) []span {
	return slices.DeleteFunc(slices.Clone(spans), func(s span) bool { return !strings.HasPrefix(s.Name, begin) })
}

func describe(spans []span) string {
	var b strings.Builder
	for _, s := range spans {
		fmt.Fprintf(&b, "\n%s: %s, %s of %s", s.service, s.Name, s.id(), s.parent())
	}
	return b.String()
}

// checkParents: requests belong to the caller, and everything else to a request.
func checkParents(t *testing.T, spans []span) {
	t.Helper()
	known := map[string]bool{}
	for _, s := range spans {
		known[s.id()] = true
	}
	for _, s := range spans {
		request := strings.HasPrefix(s.Name, "GET ") || strings.HasPrefix(s.Name, "POST ")
		if request && s.parent() != callerID || !request && !known[s.parent()] {
			t.Errorf("%s: the parent of %s is %s", s.service, s.Name, s.parent())
		}
	}
}

// checkPassedOn: the upstream is told the span of the request that it got.
func checkPassedOn(t *testing.T, spans []span, sent []string) {
	t.Helper()
	var want []string
	for _, s := range named(spans, "upstream") {
		want = append(want, "00-"+traceID+"-"+s.id()+"-01")
	}
	slices.Sort(want)
	slices.Sort(sent)
	if !slices.Equal(want, sent) {
		t.Errorf("the upstream got %q, the spans are %q", sent, want)
	}
}

func port(address string) string { return address[strings.LastIndex(address, ":")+1:] }
