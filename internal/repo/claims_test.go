package repo_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestClaimName: a claim is written when it is new or another one, and never into a row
// that FastMCP wrote or that does not open.
func TestClaimName(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key := e.URL(t), keyring.Generate()
		s, conn := repotest.Open(t, dbtest.Open(t, url), key), dbtest.SQL(t, url)
		insert := "INSERT INTO oauth_clients (key, value) VALUES ($1, $2)"
		dbtest.Exec(t, conn, insert, fastmcp.ClientKey("sealed"), string(repotest.SharedRow(t, repotest.Ring(t, key), "sealed")))
		dbtest.Exec(t, conn, insert, fastmcp.ClientKey("plain"), string(repotest.SharedRow(t, nil, "plain")))
		dbtest.Exec(t, conn, insert, fastmcp.ClientKey("lost"), string(repotest.SharedRow(t, repotest.Ring(t, keyring.Generate()), "lost")))
		err := s.CreateClient(t.Context(), storage.Client{ID: "ours", Client: metadata.Client{RedirectURIs: []string{"http://127.0.0.1/cb"}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			claim  storage.NameClaim
			writes bool
		}{
			{storage.NameClaim{ClientID: "sealed", Name: "App"}, false},
			{storage.NameClaim{ClientID: "plain", Name: "App"}, false},
			{storage.NameClaim{ClientID: "lost", Name: "App"}, false},
			{storage.NameClaim{ClientID: "unknown", Name: "App"}, false},
			{storage.NameClaim{ClientID: "ours", Name: "agent", Weak: true}, true},
			{storage.NameClaim{ClientID: "ours", Name: "agent"}, false},
			{storage.NameClaim{ClientID: "ours", Name: "other", Weak: true}, false},
			{storage.NameClaim{ClientID: "ours", Name: "App"}, true},
			{storage.NameClaim{ClientID: "ours", Name: "App"}, false},
			{storage.NameClaim{ClientID: "ours", Name: "App 2"}, true},
		} {
			before := dbtest.Dump(t, conn)
			if err := s.ClaimName(t.Context(), step.claim, repotest.Now); err != nil {
				t.Errorf("%+v: %v", step.claim, err)
			}
			if wrote := dbtest.Dump(t, conn) != before; wrote != step.writes {
				t.Errorf("%+v: wrote %v, want %v", step.claim, wrote, step.writes)
			}
		}
		if c, err := s.Client(t.Context(), "ours"); err != nil || c.ClaimedName != "App 2" || c.Name != "" {
			t.Errorf("%+v, %v", c, err)
		}
	})
}
