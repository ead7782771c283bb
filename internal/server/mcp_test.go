package server_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

const (
	plainChallenge = `Bearer resource_metadata="` + base + `/.well-known/oauth-protected-resource/mcp", scope="mcp"`
	badToken       = plainChallenge + `, error="invalid_token", error_description="`
)

// TestUnauthorized: TL-09, RS-15, RS-01 to RS-04, RS-11 to RS-14, C-07, D5, 9728-06,
// 9728-07. Authentication comes first, whatever else the request is.
func TestUnauthorized(t *testing.T) {
	t.Parallel()
	s := start(t)
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"}
	variants := map[string]header{
		"C-07 plain":                   {},
		"C-07 2024-11-05":              {"MCP-Protocol-Version": "2024-11-05"},
		"C-07 1999-01-01":              {"MCP-Protocol-Version": "1999-01-01"},
		"RS-11 in a session":           {"Mcp-Session-Id": "mcp-session-1"},
		"wrong content type":           {"Content-Type": "text/plain", "Accept": "image/png"},
		"another scheme":               {"Authorization": "Basic Yzp4"},
		"6750-06 a cookie is no token": {"Cookie": "access_token=" + oauth.NewAccessToken()},
	}
	for name, h := range variants {
		for _, method := range methods {
			for _, path := range []string{"/mcp", "/mcp/", "/mcp?x=1"} {
				a := s.do(method, path, "{", h)
				if a.Status != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") != plainChallenge {
					t.Errorf("%s: %s %s: %d, challenge %q", name, method, path, a.Status, a.Header.Get("WWW-Authenticate"))
				}
			}
		}
	}
}

// TestBearer: C11, 6750-01 to 6750-04, RS-10, C10.
func TestBearer(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	got := c.connect()
	dead := c.connect()
	s.form("/revoke", map[string][]string{"token": {dead.refresh}, "client_id": {c.id}}).want(t, http.StatusOK, "")
	tests := map[string]struct {
		authorization string
		status        int
	}{
		"6750-01 as issued":         {"Bearer " + got.access, http.StatusOK},
		"6750-01 lower case":        {"bearer " + got.access, http.StatusOK},
		"6750-01 upper case":        {"BEARER " + got.access, http.StatusOK},
		"6750-01 two spaces":        {"Bearer  " + got.access, http.StatusUnauthorized},
		"6750-01 no space":          {"Bearer" + got.access, 0},
		"6750-01 empty":             {"Bearer ", http.StatusUnauthorized},
		"6750-01 garbage":           {"Bearer \x7f\xff\"", http.StatusUnauthorized},
		"6750-01 parameters behind": {"Bearer " + got.access + ", x=y", http.StatusUnauthorized},
		"C10 refresh token":         {"Bearer " + got.refresh, http.StatusUnauthorized},
		"C10 never issued":          {"Bearer " + oauth.NewAccessToken(), http.StatusUnauthorized},
		"C10 someone else's JWT":    {"Bearer eyJhbGciOiJub25lIn0.e30.", http.StatusUnauthorized},
		"one character changed":     {"Bearer " + got.access[:len(got.access)-1] + "_", http.StatusUnauthorized},
		"in upper case":             {"Bearer " + strings.ToUpper(got.access), http.StatusUnauthorized},
		"oversized":                 {"Bearer " + big(60_000), http.StatusUnauthorized},
		"7009-04 revoked":           {"Bearer " + dead.access, http.StatusUnauthorized},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := s.call("", header{"Authorization": tt.authorization})
			challenge := a.Header.Get("WWW-Authenticate")
			switch tt.status {
			case http.StatusOK:
				if a.Status != http.StatusOK || challenge != "" {
					t.Errorf("%d %s %q", a.Status, a.Body, challenge)
				}
			case 0:
				if a.Status != http.StatusUnauthorized || challenge != plainChallenge {
					t.Errorf("%d, challenge %q", a.Status, challenge)
				}
			default:
				a.want(t, http.StatusUnauthorized, "invalid_token")
				if !strings.HasPrefix(challenge, badToken) || strings.Count(challenge, `"`) != 8 {
					t.Errorf("challenge %q", challenge)
				}
			}
		})
	}
	t.Run("6750-02 in the query", func(t *testing.T) {
		a := s.do(http.MethodPost, "/mcp?access_token="+got.access, listTools, header{"Content-Type": "application/json"})
		if a.Status != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") != plainChallenge {
			t.Errorf("%d, challenge %q", a.Status, a.Header.Get("WWW-Authenticate"))
		}
	})
	t.Run("6750-02 in the body", func(t *testing.T) {
		s.form("/mcp", map[string][]string{"access_token": {got.access}}).want(t, http.StatusUnauthorized, "invalid_token")
	})
	t.Run("6750-02 in header and query", func(t *testing.T) {
		a := s.do(http.MethodPost, "/mcp?access_token="+got.access, listTools, header{"Authorization": "Bearer " + got.access})
		a.want(t, http.StatusBadRequest, "invalid_request")
	})
	t.Run("RS-13 two headers", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, resource, strings.NewReader(listTools))
		if err != nil {
			t.Fatal(err)
		}
		req.Header["Authorization"] = []string{"Bearer " + got.access, "Bearer " + got.access}
		a := s.send(req)
		a.want(t, http.StatusBadRequest, "invalid_request")
		if challenge := a.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="invalid_request"`) {
			t.Errorf("challenge %q", challenge)
		}
	})
}

// TestAccessTokenLife: 6749-09, C16, AS-18.
func TestAccessTokenLife(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.register().connect()
	s.clock.advance(time.Hour - time.Second)
	s.wantAccess(t, got.access, true)
	s.clock.advance(time.Second)
	s.wantAccess(t, got.access, false)
}

// TestAudience: AS-19, RS-09, 8707-06, 9700-05. A token is for one resource.
func TestAudience(t *testing.T) {
	t.Parallel()
	s := start(t)
	other := s.replica(func(c *server.Config) { c.BaseURL = "https://other.example" })
	twin := s.replica(func(*server.Config) {})
	got := s.register().connect()
	s.wantAccess(t, got.access, true)
	twin.wantAccess(t, got.access, true)
	other.wantAccess(t, got.access, false)
	s.wantAccess(t, got.access, true)
}

// TestInsufficientScope: RS-05, RS-06.
func TestInsufficientScope(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	got := tokensOf(t, c.exchange(c.code("offline_access")))
	a := s.call(got.access)
	a.want(t, http.StatusForbidden, "insufficient_scope")
	want := plainChallenge + `, error="insufficient_scope"`
	if challenge := a.Header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, want) {
		t.Errorf("challenge %q, want %q", challenge, want)
	}
}

// TestOrigin: TM-02, D1, TL-02. It is checked before the token. Preflight and answer say
// the same about who may read; a refusal is readable, and the log names the setting.
func TestOrigin(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) {
		var err error
		set.AllowedOrigins, err = oauth.NewOriginPolicy([]string{"https://app.example", "https://b\u00fccher.example", "chrome-extension:", "app:"})
		if err != nil {
			t.Fatal(err)
		}
	})
	token := s.register().connect().access
	tests := map[string]bool{
		"": true, base: true, "http://localhost:6274": true, "http://127.0.0.1:9": true, "http://[::1]:6274": true, "https://localhost": true,
		"http://localhost": true, "https://KEEP.example.com": true, base + ":443": true,
		"https://app.example": true, "https://APP.example:443": true, "https://xn--bcher-kva.example": true, "https://b\u00fccher.example": true,
		"chrome-extension://abcdefgh": true, "app://obsidian.md": true,

		"null": false, "https://evil.example": false, base + ".evil.example": false, "https://evil" + base[len("https://"):]: false,
		"http://keep.example.com": false, base + ":8443": false, base + "/": false, base + ":80": false,
		"http://app.example": false, "https://app.example:8443": false, "https://x.app.example": false, "moz-extension://abcdefgh": false, "app:": false, "app://": false, "app://x/y": false,
		"http://localhost.evil.example": false, "http://127.0.0.1.evil.example": false, "http://localhost@evil.example": false,
		"http://evil.example@localhost": false, "http://localhost/path": false, "ftp://localhost": false, "localhost": false,
		"ms-browser-extension://localhost": false, "http://0.0.0.0": false, "http://127.0.0.2": false, "file://": false, "%": false,
	}
	for origin, ok := range tests {
		t.Run(origin, func(t *testing.T) {
			h := header{}
			if origin != "" {
				h["Origin"] = origin
			}
			with, without := s.call(token, h), s.call("", h)
			if ok && (with.Status != http.StatusOK || without.Status != http.StatusUnauthorized) {
				t.Errorf("%d with token, %d without; want 200, 401", with.Status, without.Status)
			}
			if !ok {
				with.want(t, http.StatusForbidden, "invalid_request")
				without.want(t, http.StatusForbidden, "invalid_request")
			}
			preflight := s.do(http.MethodOptions, "/mcp", "", h, header{"Access-Control-Request-Method": "POST"})
			if preflight.Status != http.StatusNoContent {
				t.Errorf("preflight: %d", preflight.Status)
			}
			for name, a := range map[string]answer{"preflight": preflight, "with token": with, "without": without} {
				if got := a.Header.Get("Access-Control-Allow-Origin"); got != "*" || a.Header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s: Access-Control-Allow-Origin %q", name, got)
				}
			}
			if line := s.log.String(); !ok && !strings.Contains(line, "MCPKEEP_ALLOWED_ORIGINS") {
				t.Error("the log does not name the setting")
			}
		})
	}
}

// TestAuthenticatedRequests: TL-05, TL-09, D9, RS-14, D11, RS-10. What the
// handler gets holds no credentials.
func TestAuthenticatedRequests(t *testing.T) {
	t.Parallel()
	var got http.Header
	s := start(t)
	token := s.register().connect().access
	behind := s.replica(func(c *server.Config) {
		c.Resources = protecting(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Clone()
			w.WriteHeader(http.StatusAccepted)
		}))
	})
	a := behind.call(token, header{"Cookie": "a=b", "X-Kept": "1"})
	if a.Status != http.StatusAccepted || got.Get("Authorization") != "" || got.Get("Cookie") != "" || got.Get("X-Kept") != "1" {
		t.Errorf("%d; the handler got %v", a.Status, got)
	}
	if a.Header.Get("Vary") != "Authorization" {
		t.Errorf("Vary is %q", a.Header.Get("Vary"))
	}
	large := s.do(http.MethodPost, "/mcp", big(5<<20), header{"Authorization": "Bearer " + token, "Content-Type": "application/json"})
	large.want(t, http.StatusRequestEntityTooLarge, "invalid_request")
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if a := s.do(method, "/mcp", "", header{"Authorization": "Bearer " + token}); a.Status != http.StatusMethodNotAllowed {
			t.Errorf("TL-05: %s: %d", method, a.Status)
		}
	}
	if a := s.call(token, header{"MCP-Protocol-Version": "1999-01-01"}); a.Status != http.StatusBadRequest {
		t.Errorf("TL-09: %d %s", a.Status, a.Body)
	}
}

// TestBodyWithoutLength: D9. A body that does not say how long it is, is read up to the bound.
func TestBodyWithoutLength(t *testing.T) {
	t.Parallel()
	var got int64
	var failure error
	s := start(t)
	token := s.register().connect().access
	behind := s.replica(func(c *server.Config) {
		c.Resources = protecting(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got, failure = io.Copy(io.Discard, r.Body)
		}))
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/mcp", io.MultiReader(strings.NewReader(big(5<<20))))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	behind.send(req)
	var tooLarge *http.MaxBytesError
	if got > 4<<20 || !errors.As(failure, &tooLarge) {
		t.Errorf("read %d bytes, then %v", got, failure)
	}
}
