package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// FuzzAdmin: whatever a link to the pages of users and administrators says, an administrator gets
// a page; and no form that was not made for the session changes anything.
func FuzzAdmin(f *testing.F) {
	s := start(f)
	c := s.register(map[string]any{"client_name": "Kept"})
	got := c.connect()
	b := s.administrator()
	owner, grant := s.lastEvent(storage.EventSessionOpened).UserID, s.lastEvent(storage.EventGrantCreated).GrantID
	cookies := "__Host-mcpkeep-session=" + b.session()
	for _, seed := range []string{
		"", "q=kept&after=usr_1", "show=unused&after=%00", "user=" + owner + "&client=" + c.id, "grant=" + grant, "type=grant_created&before=ev_0", "days=7&before=1",
		"client=" + c.id + "&csrf=x", "id=c_1&name=x&redirect_uris=https%3A%2F%2Fx.example&auth_method=none", "%zz;&=", "next=%2Fadmin&password=" + password,
		"after=usr_%ff", "q=" + strings.Repeat("x", 5000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, values string) {
		one := s.within(t)
		for _, path := range []string{
			"/connections", "/connections/end", "/admin", "/admin/people", "/admin/apps", "/admin/connections", "/admin/events", "/admin/people/disable",
			"/admin/people/enable", "/admin/apps/delete", "/admin/apps/prune", "/admin/apps/register", "/admin/connections/end",
		} {
			h := http.Header{"Accept": {"text/html"}, "Cookie": {cookies}, "Sec-Fetch-Site": {"same-origin"}}
			if a := one.raw(http.MethodGet, path, values, "", h); a.Status >= http.StatusInternalServerError {
				t.Errorf("GET %s?%s: %d", path, values, a.Status)
			}
			h.Set("Content-Type", "application/x-www-form-urlencoded")
			a := one.raw(http.MethodPost, path, "", values, h)
			if a.Status < http.StatusBadRequest || a.Status >= http.StatusInternalServerError {
				t.Errorf("POST %s of %q: %d", path, values, a.Status)
			}
		}
		one.wantAccess(t, got.access, true)
	})
}
