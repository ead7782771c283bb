package bearer_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/bearer"
)

const resource = "https://other.example/mcp"

// keep is the introspection endpoint of a mcpkeep.
type keep struct {
	*httptest.Server

	asked  atomic.Int64
	answer atomic.Value // http.HandlerFunc
}

func newKeep(t *testing.T) *keep {
	t.Helper()
	k := new(keep)
	k.says(active("mcp", resource))
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.asked.Add(1)
		answer, _ := k.answer.Load().(http.HandlerFunc)
		answer(w, r)
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *keep) says(h http.HandlerFunc) { k.answer.Store(h) }

// active answers that the token "good" is active.
func active(scope, audience string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if r.URL.Path != "/introspect" || r.Method != http.MethodPost || id != "rs" || secret != "sesame" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		said := map[string]any{"active": r.PostFormValue("token") == "good"}
		if said["active"] == true {
			said["aud"], said["scope"], said["sub"], said["client_id"] = audience, scope, "usr_1", "c_1"
			said["email"], said["groups"] = "alice@example.com", []string{"staff"}
		}
		_ = json.NewEncoder(w).Encode(said)
	}
}

// guard returns a guarded handler that says who called.
func (k *keep) guard(t *testing.T) http.Handler {
	t.Helper()
	g, err := bearer.New(bearer.Config{
		Issuer: k.URL, Resource: resource, ClientID: "rs", ClientSecret: "sesame", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := bearer.PersonFrom(r.Context())
		if !ok || r.Header.Get("Authorization")+r.Header.Get("Cookie") != "" {
			t.Errorf("person %+v, %v; headers %v", p, ok, r.Header)
		}
		_, _ = fmt.Fprintf(w, "%+v", p)
	}))
}

func call(h http.Handler, token string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, resource, strings.NewReader("{}"))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPerson(t *testing.T) {
	t.Parallel()
	got := call(newKeep(t).guard(t), "good", func(r *http.Request) { r.Header.Set("Cookie", "a=b") })
	const want = "{ID:usr_1 Email:alice@example.com Groups:[staff] ClientID:c_1 Scopes:[mcp]}"
	if got.Code != http.StatusOK || got.Body.String() != want {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if _, ok := bearer.PersonFrom(t.Context()); ok {
		t.Error("a person without a request")
	}
}

// TestChallenge: 6750-04, 9728-03. 401 and 403 say where to sign in.
func TestChallenge(t *testing.T) {
	t.Parallel()
	const metadata = `Bearer resource_metadata="https://other.example/.well-known/oauth-protected-resource/mcp", scope="mcp"`
	for name, tt := range map[string]struct {
		says   http.HandlerFunc
		token  string
		change func(*http.Request)
		status int
		want   string
	}{
		"no token":         {nil, "", nil, 401, metadata},
		"another scheme":   {nil, "", func(r *http.Request) { r.SetBasicAuth("a", "b") }, 401, metadata},
		"in the query":     {nil, "", func(r *http.Request) { r.URL.RawQuery = "access_token=good" }, 401, metadata},
		"inactive":         {nil, "bad", nil, 401, metadata + `, error="invalid_token", error_description="the access token is invalid, expired or revoked"`},
		"too long":         {nil, strings.Repeat("a", 9000), nil, 401, metadata + `, error="invalid_token", error_description="the access token is invalid, expired or revoked"`},
		"another audience": {active("mcp", "https://other.example/x"), "good", nil, 401, metadata + `, error="invalid_token", error_description="the access token is invalid, expired or revoked"`},
		"scope":            {active("openid", resource), "good", nil, 403, metadata + `, error="insufficient_scope", error_description="the access token does not grant access to this server"`},
		"twice":            {nil, "good", func(r *http.Request) { r.Header.Add("Authorization", "Bearer good") }, 400, metadata + `, error="invalid_request", error_description="more than one access token"`},
		"foreign origin":   {nil, "good", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, ""},
		"own origin":       {nil, "good", func(r *http.Request) { r.Header.Set("Origin", "https://other.example") }, 200, ""},
		"inspector":        {nil, "good", func(r *http.Request) { r.Header.Set("Origin", "http://localhost:6274") }, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeep(t)
			if tt.says != nil {
				k.says(tt.says)
			}
			change := tt.change
			if change == nil {
				change = func(*http.Request) {}
			}
			got := call(k.guard(t), tt.token, change)
			if got.Code != tt.status || got.Header().Get("WWW-Authenticate") != tt.want {
				t.Errorf("%d %s", got.Code, got.Header().Get("WWW-Authenticate"))
			}
		})
	}
}

// TestMetadata: 9728-01. At the path of the resource and at the root.
func TestMetadata(t *testing.T) {
	t.Parallel()
	k := newKeep(t)
	h := k.guard(t)
	want := `{"authorization_servers":["` + k.URL + `"],"bearer_methods_supported":["header"],"resource":"` + resource + `","scopes_supported":["mcp"]}` + "\n"
	for _, path := range []string{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://other.example"+path, nil))
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if n := k.asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
	preflight := httptest.NewRecorder()
	question := httptest.NewRequest(http.MethodOptions, resource, nil)
	question.Header.Set("Access-Control-Request-Headers", "authorization,mcp-param-region,x-other")
	h.ServeHTTP(preflight, question)
	allowed := preflight.Header().Get("Access-Control-Allow-Headers")
	if preflight.Code != http.StatusNoContent || preflight.Header().Get("Access-Control-Allow-Origin") != "*" ||
		!strings.HasSuffix(allowed, ", mcp-param-region") {
		t.Errorf("preflight: %d, allowed %q", preflight.Code, allowed)
	}
}

// TestAway: a mcpkeep that cannot be asked is no reason to sign in again, and what it
// did not say is not remembered.
func TestAway(t *testing.T) {
	t.Parallel()
	k := newKeep(t)
	elsewhere := httptest.NewServer(active("mcp", resource))
	t.Cleanup(elsewhere.Close)
	h := k.guard(t)
	for name, says := range map[string]http.HandlerFunc{
		"unavailable": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"wrong secret": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
		},
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/introspect", http.StatusTemporaryRedirect)
		},
		"hung up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		k.says(says)
		got := call(h, "good")
		if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") != "5" || got.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %d %v", name, got.Code, got.Header())
		}
	}
	k.says(active("mcp", resource))
	if got := call(h, "good"); got.Code != http.StatusOK {
		t.Errorf("when it is back: %d", got.Code)
	}
}

// TestAsksOnce: of many requests with a token one asks, and for less than a second.
func TestAsksOnce(t *testing.T) {
	t.Parallel()
	k := newKeep(t)
	h := k.guard(t)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if got := call(h, "good"); got.Code != http.StatusOK {
				t.Errorf("status %d", got.Code)
			}
		})
	}
	all.Wait()
	if n := k.asked.Load(); n > 2 { // one more when the machine is slow
		t.Errorf("asked %d times", n)
	}
	k.says(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"active":false}`) })
	time.Sleep(time.Second)
	if got := call(h, "good"); got.Code != http.StatusUnauthorized {
		t.Errorf("revoked a second ago: %d", got.Code)
	}
}

// TestConfig: an error names the field, and no secret.
func TestConfig(t *testing.T) {
	t.Parallel()
	good := bearer.Config{Issuer: "https://mcp.example.com/", Resource: resource, ClientID: "rs", ClientSecret: "sesame"}
	if _, err := bearer.New(good); err != nil {
		t.Error(err)
	}
	for field, change := range map[string]func(*bearer.Config){
		"Config.Issuer: not":  func(c *bearer.Config) { c.Issuer = "http://a:sesame@mcp.example.com" },
		"Config.Issuer: has":  func(c *bearer.Config) { c.Issuer = "https://mcp.example.com/x" },
		"Config.Resource":     func(c *bearer.Config) { c.Resource = "other.example" },
		"Config.ClientSecret": func(c *bearer.Config) { c.ClientSecret = "" },
	} {
		bad := good
		change(&bad)
		if _, err := bearer.New(bad); err == nil || !strings.Contains(err.Error(), field) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestAllowHTTP: plain http is accepted on loopback, and on private networks if that is
// allowed, and nowhere else.
func TestAllowHTTP(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]struct{ never, allowed bool }{
		"http://127.0.0.1:8080": {true, true}, "http://localhost": {true, true}, "https://mcp.example.com": {true, true},
		"http://10.0.0.7:8080": {false, true}, "http://192.168.1.2": {false, true}, "http://100.64.1.1": {false, true},
		"http://keep": {false, true}, "http://keep.default.svc": {false, true}, "http://Nas.local": {false, true}, "http://[fd00::1]": {false, true},
		"http://mcp.example.com": {false, false}, "http://8.8.8.8": {false, false}, "http://2130706433": {false, false},
		"http://10.0.0.7.example.com": {false, false}, "ftp://10.0.0.7": {false, false}, "http://:80": {false, false},
	} {
		for allow, want := range map[bool]bool{false: want.never, true: want.allowed} {
			_, issuer := bearer.New(bearer.Config{Issuer: url, Resource: resource, ClientID: "a", ClientSecret: "b", AllowHTTP: allow})
			_, endpoint := bearer.New(bearer.Config{Issuer: "https://mcp.example.com", Resource: url + "/mcp", ClientID: "a", ClientSecret: "b", AllowHTTP: allow})
			if (issuer == nil) != want || (endpoint == nil) != want {
				t.Errorf("%s, allowed %v: %v, %v", url, allow, issuer, endpoint)
			}
		}
	}
}
