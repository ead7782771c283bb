package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestSessionsBelongToTheirCaller: a session id works for the user and client that it was
// given to, on every replica with the same keys, and for no one else; the upstream sees
// nothing of what is refused.
func TestSessionsBelongToTheirCaller(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		if id := r.Header.Get("Mcp-Session-Id"); id != "" && id != "s.1" {
			t.Errorf("the upstream got the session id %q", id)
		}
		w.Header().Set("Mcp-Session-Id", "s.1")
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(upstream.Close)
	cfg := config(t, upstream.URL)
	first, replica := front(t, open(t, cfg)), front(t, open(t, cfg))
	other := cfg
	other.Name = "other"
	otherUpstream := front(t, open(t, other))

	response, _ := send(t, http.MethodPost, first.URL, ping)
	id := response.Header.Get("Mcp-Session-Id")
	if !strings.HasPrefix(id, "s.1.") {
		t.Fatalf("got the session id %q", id)
	}
	reached.Store(0)
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
		if response, body := send(t, method, replica.URL, ping, "Mcp-Session-Id", id); response.StatusCode != http.StatusAccepted {
			t.Errorf("%s with the session: %d %s", method, response.StatusCode, body)
		}
	}
	if n := reached.Swap(0); n != 3 {
		t.Errorf("the upstream got %d of 3 requests", n)
	}
	for name, tt := range map[string]struct {
		url    string
		header []string
	}{
		"another user":     {first.URL, []string{"Mcp-Session-Id", id, "Test-Caller", "u_bob c_1"}},
		"another client":   {first.URL, []string{"Mcp-Session-Id", id, "Test-Caller", "u_alice c_2"}},
		"parts moved":      {first.URL, []string{"Mcp-Session-Id", id, "Test-Caller", "u_alic ec_1"}},
		"another upstream": {otherUpstream.URL, []string{"Mcp-Session-Id", id}},
		"the upstream's":   {first.URL, []string{"Mcp-Session-Id", "s.1"}},
		"no tag":           {first.URL, []string{"Mcp-Session-Id", "s.1."}},
		"a shorter tag":    {first.URL, []string{"Mcp-Session-Id", id[:len(id)-2]}},
		"another spelling": {first.URL, []string{"Mcp-Session-Id", id + "="}},
		"another id":       {first.URL, []string{"Mcp-Session-Id", "s.2" + id[3:]}},
		"two":              {first.URL, []string{"Mcp-Session-Id", id, "Mcp-Session-Id", id}},
		"huge":             {first.URL, []string{"Mcp-Session-Id", strings.Repeat("x", 5000) + id}},
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
			response, body := send(t, method, tt.url, ping, tt.header...)
			if response.StatusCode != http.StatusNotFound || !strings.Contains(body, `"code":-32001`) {
				t.Errorf("%s, %s: %d %s", name, method, response.StatusCode, body)
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d refused requests reached the upstream", n)
	}
}

// TestLostSession: the upstream's own 404 and 400 cross as they are: clients begin again then.
func TestLostSession(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]string{http.StatusNotFound: "text/plain", http.StatusBadRequest: "application/json"} {
		s := behind(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write([]byte("no such session"))
		})
		response, body := send(t, http.MethodPost, s.URL, ping)
		if response.StatusCode != status || body != "no such session" {
			t.Errorf("got %d %s, want %d", response.StatusCode, body, status)
		}
	}
}
