//go:build takeover

package takeover_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// tables are where versions of FastMCP keep their rows in the same database: in a table
// oauth_clients on SQLite, and in py-key-value's own on PostgreSQL.
var tables = map[string]func(t *testing.T) string{
	"2.14.7": func(t *testing.T) string { t.Helper(); return filepath.Join(t.TempDir(), "app.db") },
	"4.2.3":  func(t *testing.T) string { t.Helper(); return pgtest.New(t) },
}

// flight is a sign-in that its user has not finished.
type flight struct {
	client  *harness.Client
	browser *harness.Browser
	page    *harness.Page
}

// depart begins a sign-in at FastMCP, up to its consent page.
func (d *deployment) depart(t *testing.T) *flight {
	t.Helper()
	f := &flight{client: harness.NewClient(d.url(), nil), browser: harness.NewBrowser(nil)}
	f.client.Scope, f.client.FastMCP = "user", true
	err := f.client.Register(t.Context())
	if err == nil {
		f.page, err = f.browser.Open(t.Context(), f.client.AuthorizeURL())
	}
	if err != nil || f.page.Left != nil {
		t.Fatalf("up to FastMCP's consent page: %v, %+v", err, f.page)
	}
	return f
}

// submit sends the page's form.
func (f *flight) submit(t *testing.T) {
	t.Helper()
	page, err := f.browser.Submit(t.Context(), f.page)
	if err != nil {
		t.Fatal(err)
	}
	f.page = page
}

// land finishes a sign-in at mcpkeep, where its user is on the consent page.
func (f *flight) land(t *testing.T, server string) {
	t.Helper()
	if f.page.Status != http.StatusOK || !strings.Contains(f.page.Body, "wants to connect") {
		t.Fatalf("no consent page of mcpkeep: %d %.500s", f.page.Status, f.page.Body)
	}
	f.submit(t)
	if f.page.Left == nil {
		t.Fatalf("the sign-in does not end: %d %.500s", f.page.Status, f.page.Body)
	}
	code, err := f.client.Code(f.page.Left)
	if err == nil {
		err = f.client.Exchange(t.Context(), code)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := call(t, server, f.client.AccessToken); got.status != http.StatusOK {
		t.Errorf("the access token gets %d", got.status)
	}
	if err := f.client.Refresh(t.Context()); err != nil {
		t.Errorf("refresh: %v", err)
	}
}

// TestInFlight: when traffic moves, one user is on FastMCP's consent page, one is at GitHub, and
// the client of a third holds a code. All of them finish at mcpkeep, and no code works twice.
func TestInFlight(t *testing.T) {
	t.Parallel()
	for version, table := range tables {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			d := deployOn(t, 8*time.Hour, table(t))
			stop := serve(t, version, d.setup)
			reading, away, back := d.depart(t), d.depart(t), d.depart(t)
			away.submit(t)
			back.browser.Sites = []string{d.gh.URL}
			back.submit(t)
			if away.page.Left == nil || !strings.HasPrefix(away.page.Left.String(), d.gh.URL) || back.page.Left == nil {
				t.Fatalf("FastMCP sends users to %v and %v", away.page.Left, back.page.Left)
			}
			code, err := back.client.Code(back.page.Left)
			if err != nil {
				t.Fatal(err)
			}
			stop()
			harness.Start(t, d.options)

			reading.browser.Sites = []string{d.gh.URL}
			reading.submit(t)
			reading.land(t, d.url())

			away.browser.Sites = []string{d.gh.URL, d.url()}
			if away.page, err = away.browser.Open(t.Context(), away.page.Left.String()); err != nil {
				t.Fatal(err)
			}
			away.land(t, d.url())

			if err := back.client.Exchange(t.Context(), code); err != nil {
				t.Fatalf("a code of FastMCP: %v", err)
			}
			if got := call(t, d.url(), back.client.AccessToken); got.status != http.StatusOK {
				t.Errorf("a code of FastMCP gave a token that gets %d", got.status)
			}
			if err := back.client.Exchange(t.Context(), code); harness.StatusOf(err) != http.StatusBadRequest {
				t.Errorf("the same code again: %v", err)
			}
		})
	}
}
