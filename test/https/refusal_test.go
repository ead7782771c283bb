//go:build https

package https_test

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

func (r *replica) renewalFailed() bool {
	return strings.Contains(r.Logs.String(), "could not be renewed; the present one is served until it expires")
}

// TestRefusals: whatever is wrong, the log says it in plain words with what to do.
func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(*testing.T, *authority)
		env   string
		want  string
	}{
		"nothing listens there": {func(_ *testing.T, a *authority) {
			a.front.only.Store(&replica{http: "127.0.0.1:1", https: "127.0.0.1:1"})
		}, "",
			"mcp.test cannot be reached from outside"},
		"another server": {anotherServer, "MCPKEEP_LISTEN_HTTP=" + "127.0.0.1:0", "another server answers for mcp.test"},
		"no such name": {func(*testing.T, *authority) {}, "MCPKEEP_BASE_URL=https://" + absent,
			absent + " cannot be looked up in DNS: make an A or AAAA record"},
		"CAA":        {func(_ *testing.T, a *authority) { a.answer(forbidden) }, "", "a CAA record in DNS forbids"},
		"rate limit": {func(_ *testing.T, a *authority) { a.answer(limited) }, "", "the authority gives out no more certificates for now"},
		"untrusted":  {func(*testing.T, *authority) {}, "MCPKEEP_TLS_CA=", "name its root in MCPKEEP_TLS_CA"},
		"no one":     {func(*testing.T, *authority) {}, "MCPKEEP_TLS_DIRECTORY=https://127.0.0.1:1/dir", "the certificate authority at https://127.0.0.1:1/dir does not answer"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, long)
			tt.spoil(t, a)
			r := a.start(t, harness.Options{Database: harness.SQLite(t), Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}}, tt.env)
			r.says(t, "no certificate, so HTTPS does not work: ")
			r.says(t, tt.want)
		})
	}
}

// limited is how Let's Encrypt refuses the sixth certificate of a week.
func limited(w http.ResponseWriter, r *http.Request) bool {
	return refuse(w, r, http.StatusTooManyRequests, "rateLimited", "too many certificates (5) already issued, retry after 2026-12-01")
}

// forbidden is how it refuses a name whose CAA record names another authority. Pebble does
// not look.
func forbidden(w http.ResponseWriter, r *http.Request) bool {
	return refuse(w, r, http.StatusForbidden, "caa", "CAA record for mcp.test prevents issuance")
}

func refuse(w http.ResponseWriter, r *http.Request, status int, kind, detail string) bool {
	if !strings.HasPrefix(r.URL.Path, "/order-plz") {
		return false
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "status": status, "detail": detail})
	return true
}

// anotherServer makes the name lead to a web server that is not ours.
func anotherServer(t *testing.T, a *authority) {
	t.Helper()
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.TLS = &tls.Config{NextProtos: []string{"acme-tls/1"}, MinVersion: tls.VersionTLS12}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	elsewhere := &replica{http: other.Listener.Addr().String(), https: secure.Listener.Addr().String()}
	a.front.only.Store(elsewhere)
}
