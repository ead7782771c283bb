package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/brand"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// TestBrand: what the operator chose is on the pages and in the metadata, and the logo is
// sent under a policy of its own.
func TestBrand(t *testing.T) {
	t.Parallel()
	const image = `<svg xmlns="http://www.w3.org/2000/svg"/>`
	s := start(t, func(set *setup) {
		set.Brand = server.Brand{
			Logo: &brand.Logo{Type: "image/svg+xml", Image: []byte(image)}, Terms: "https://example.com/terms", Privacy: "https://example.com/privacy",
			Support: pages.Support{Href: "mailto:help@example.com", Text: "help@example.com"},
		}
	})
	logo := s.get("/logo")
	if logo.Status != http.StatusOK || logo.Body != image || logo.Header.Get("Content-Type") != "image/svg+xml" ||
		!strings.HasPrefix(logo.Header.Get("Content-Security-Policy"), "default-src 'none';") || logo.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the logo: %+v", logo)
	}
	problem := s.get("/authorize?client_id=none", header{"Accept": "text/html"})
	for _, want := range []string{`src="/logo"`, `href="mailto:help@example.com"`, `href="https://example.com/terms"`, `href="https://example.com/privacy"`} {
		if !strings.Contains(problem.Body, want) {
			t.Errorf("the page lacks %s: %s", want, problem.Body)
		}
	}
	var metadata map[string]any
	if err := json.Unmarshal([]byte(s.get("/.well-known/oauth-authorization-server").Body), &metadata); err != nil {
		t.Fatal(err)
	}
	if metadata["op_tos_uri"] != "https://example.com/terms" || metadata["op_policy_uri"] != "https://example.com/privacy" {
		t.Errorf("the metadata: %v", metadata)
	}
}

// TestNoLogo: without a logo there is none, and pages ask for none.
func TestNoLogo(t *testing.T) {
	t.Parallel()
	s := start(t)
	if a := s.get("/logo"); a.Status != http.StatusNotFound {
		t.Errorf("status %d", a.Status)
	}
	if a := s.get("/authorize?client_id=none", header{"Accept": "text/html"}); strings.Contains(a.Body, "<img") || strings.Contains(a.Header.Get("Content-Security-Policy"), "img-src") {
		t.Errorf("%q: %s", a.Header.Get("Content-Security-Policy"), a.Body)
	}
}
