package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestJWKS: anyone may read the key set, from a page as well, and keep it for as long as it
// says; a set without keys is not kept. The authorization server's metadata does not name it,
// since clients verify nothing with it.
func TestJWKS(t *testing.T) {
	t.Parallel()
	var keep time.Duration
	var failure error
	s := start(t, func(set *setup) {
		set.AssertionKeys = func(context.Context) ([]byte, time.Duration, error) { return []byte(`{"keys":[]}`), keep, failure }
	})
	const path = "/.well-known/jwks.json"
	if a := s.get(path); a.Status != http.StatusOK || a.Header.Get("Cache-Control") != "no-store" || strings.TrimSpace(a.Body) != `{"keys":[]}` {
		t.Errorf("without keys: %d %v %s", a.Status, a.Header, a.Body)
	}
	keep = 5 * time.Minute
	a := s.get(path)
	if a.Header.Get("Cache-Control") != "public, max-age=300" || a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", a.Header)
	}
	failure = fmt.Errorf("%w: x", storage.ErrUnavailable)
	if a := s.get(path); a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("without a database: %d %v", a.Status, a.Header)
	}
	if a := s.get("/.well-known/oauth-authorization-server"); strings.Contains(a.Body, "jwks_uri") {
		t.Errorf("the metadata names the key set: %s", a.Body)
	}
	if a := start(t).get(path); a.Status != http.StatusNotFound {
		t.Errorf("without assertions: %d", a.Status)
	}
}
