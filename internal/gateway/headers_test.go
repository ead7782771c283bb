package gateway_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestForgedHeaders: what a client may not say does not reach the upstream, however it is
// spelled, and what it may say does.
func TestForgedHeaders(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 1)
	host := make(chan string, 1)
	s := behind(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Clone()
		host <- r.Host + r.URL.RequestURI()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{}"))
	})
	pairs := []string{"Connection", "mcp-name, X-Mcpkeep-User, Traceparent, close"}
	for _, name := range forged {
		pairs = append(pairs, name, "forged")
	}
	pairs = append(pairs, "X-Mcpkeep-User", "again", "Mcp-Name", "for this hop", "Traceparent", "for this hop",
		"Mcp-Method", "tools/call", "Mcp-Param-A_b", "1", "Accept", "application/json, text/event-stream", "Content-Type", "application/json", "Last-Event-Id", "7", "User-Agent", "client/1")
	send(t, http.MethodPost, s.URL+"/other/%2e%2e/path?query=1", ping, pairs...)
	want := http.Header{
		"Accept": {"application/json, text/event-stream"}, "Content-Type": {"application/json"}, "Content-Length": {"44"},
		"Last-Event-Id": {"7"}, "Mcp-Method": {"tools/call"}, "Mcp-Param-A_b": {"1"}, "User-Agent": {"client/1"},
		"X-Mcpkeep-User": {"u_alice"}, "X-Mcpkeep-Email": {"alice@example.com"}, "X-Mcpkeep-Name": {"Alice M%C3%BCller"},
		"X-Mcpkeep-Groups": {"leads,a%2C b"}, "X-Mcpkeep-Client": {"c_1"}, "X-Mcpkeep-Scope": {"mcp"},
	}
	if diff := cmp.Diff(want, <-seen); diff != "" {
		t.Error(diff)
	}
	if got := <-host; !strings.HasPrefix(got, "127.0.0.1:") || !strings.HasSuffix(got, "/mcp") {
		t.Errorf("the upstream was asked for %s", got)
	}
}

var forged = []string{
	"Authorization", "authorization", "Proxy-Authorization", "Cookie", "Cookie2", "Forwarded", "Via", "Upgrade", "Te", "Trailer", "Keep-Alive",
	"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-User", "X-Forwarded-Email", "X-Real-Ip", "X-Original-Url",
	"X-Auth-Request-User", "X-Auth-Request-Email", "Remote-User", "X-Remote-User", "X-Goog-Iap-Jwt-Assertion", "Cf-Access-Jwt-Assertion",
	"X-Mcpkeep-User", "x-mcpkeep-user", "X-MCPKEEP-USER", "X_Mcpkeep_User", "x_mcpkeep_email", "X-Mcpkeep_Groups", "X-Mcpkeep-Assertion",
	"Mcp-Session_Id", "Mcp-Session_id", "Mcp_Session_Id", "Mcp-Param_User",
	"X-Mcpkeep-Anything", "X-Mcpkeep-", "Origin", "Referer", "Accept-Encoding", "Expect-Ct", "Range", "If-None-Match", "Sec-Fetch-Site",
	"Access-Control-Request-Method", "Proxy-Connection", "X-Http-Method-Override", "X-Api-Key", "Early-Data",
}

// TestResponseHeaders: cookies, CORS and challenges of the upstream do not reach clients.
func TestResponseHeaders(t *testing.T) {
	t.Parallel()
	s := behind(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{
			"Content-Type": "application/json", "Mcp-Protocol-Version": "2025-11-25", "Retry-After": "3", "Set-Cookie": "a=b",
			"Access-Control-Allow-Origin": "*", "WWW-Authenticate": "Bearer", "Server": "x", "X-Powered-By": "y", "Location": "/z",
			"Strict-Transport-Security": "max-age=1", "Content-Security-Policy": "x", "Clear-Site-Data": "*", "Alt-Svc": "h3",
			"Connection": "Mcp-This-Hop", "Mcp-This-Hop": "1",
		} {
			w.Header().Set(name, value)
		}
		_, _ = w.Write([]byte("{}"))
	})
	response, body := send(t, http.MethodPost, s.URL, ping)
	names := slices.Sorted(maps.Keys(response.Header))
	if diff := cmp.Diff([]string{"Content-Length", "Content-Type", "Date", "Mcp-Protocol-Version", "Retry-After"}, names); diff != "" || body != "{}" {
		t.Error(diff, body)
	}
}

// TestIdentityValues: nothing that a provider reports breaks out of its header.
func TestIdentityValues(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	cases := map[string]string{
		"a\r\nX-Mcpkeep-User: root": "a%0D%0AX-Mcpkeep-User: root", "100%": "100%25", " padded ": "%20padded%20",
		"日本": "%E6%97%A5%E6%9C%AC", "\x00\x7f": "%00%7F", "\xff": "%FF", strings.Repeat("é", 5000): strings.Repeat("%C3%A9", 5000),
	}
	for text, want := range cases {
		s := behindAs(t, text, func(w http.ResponseWriter, r *http.Request) {
			seen <- r.Header.Get("X-Mcpkeep-Name")
			w.WriteHeader(http.StatusAccepted)
		})
		response, _ := send(t, http.MethodPost, s.URL, ping)
		if got := <-seen; got != want || response.StatusCode != http.StatusAccepted {
			t.Errorf("%.40q: got %.60q (%d), want %.60q", text, got, response.StatusCode, want)
		}
	}
}

// TestVouch: a proxy gets the headers that the upstream would get, and none for an upstream
// that is not to know.
func TestVouch(t *testing.T) {
	t.Parallel()
	for _, identify := range []bool{true, false} {
		cfg := config(t, "http://127.0.0.1:9/mcp")
		cfg.Identify = identify
		h := http.Header{}
		if err := open(t, cfg).Vouch(t.Context(), h, alice); err != nil {
			t.Fatal(err)
		}
		if (h.Get("X-Mcpkeep-User") == "u_alice") != identify || (h.Get("X-Mcpkeep-Name") == "Alice M%C3%BCller") != identify || (len(h) > 0) != identify {
			t.Errorf("%v: %v", identify, h)
		}
	}
}
