package server_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestAdminServer: the page shows what the state says, what is wrong first, and is not there
// without a state.
func TestAdminServer(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 11, 58, 0, 0, time.UTC)
	var broken error
	s, gh := gitHubSite(t)
	gh.SignInAs("listed")
	s.config.Policy.Admins = []string{"listed"}
	s.config.Upstreams = func() any {
		return map[string]any{"notes": map[string]any{"status": "failing", "since": at, "error": "it does not answer"}, "tickets": map[string]any{"status": "ok"}}
	}
	s.config.State = func(context.Context) (server.State, error) {
		return server.State{
			Version: "1.2.3-test", Database: "postgres", Schema: 3, NeededSchema: 4, StartedAt: at, ProviderAnsweredAt: at, Self: "r1", Inspected: true,
			Keys: []server.KeyState{
				{ID: "k-first", State: "active, primary", CreatedAt: at, Rows: 12, Sealed: []server.SealedRows{{Column: "mcpkeep_users.profile", Rows: 7}}},
				{ID: "k-gone", State: "active, not configured", Missing: true},
			},
			Replicas: []storage.Replica{{ID: "r1", Name: "pod-1", Version: "1.2.3-test", SeenAt: at}, {ID: "r2", Name: "pod-2", Version: "1.2.2", SeenAt: at}},
			Findings: []server.Finding{{Status: "ok", What: "the schema is fine"}, {Status: "failed", What: "a key is missing", Why: "Rows stay closed.", Fix: "Bring it back.", Wrong: true}},
		}, broken
	}
	s.serve()
	b := s.browser()
	p := b.submit(b.visit("/admin/server"), nil)
	p.shows(t, http.StatusOK, "1.2.3-test", "3, but this program requires 4", "GitHub", "23 November 2026, 11:58 UTC", "k-first", "active, primary", "mcpkeep_users.profile",
		"k-gone", "not configured", "pod-1", "This page comes from it", "pod-2", "1.2.2", "it does not answer", "tickets", "a key is missing", "Bring it back.", "1 found nothing wrong")
	if strings.Contains(p.Body, "the schema is fine") {
		t.Error("what is fine is in the way")
	}
	b.visit(p.links(t)["People"]).shows(t, http.StatusOK, "listed")
	broken = storage.ErrUnavailable
	b.visit("/admin/server").shows(t, http.StatusServiceUnavailable, "Not available right now", "Reference")
	gh.SignInAs("octocat")
	other := s.browser()
	other.submit(other.visit("/admin/server"), nil).shows(t, http.StatusForbidden, "not an administrator")
	without := start(t)
	a := without.administrator()
	a.visit("/admin/server").shows(t, http.StatusNotFound, "Page not found")
	if strings.Contains(a.visit("/admin/people").Body, "/admin/server") {
		t.Error("a page that is not there has a link")
	}
}
