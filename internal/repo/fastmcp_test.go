package repo_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func TestClientsOfFastMCP(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key := e.URL(t), keyring.Generate()
		s, conn := repotest.Open(t, dbtest.Open(t, url), key), dbtest.SQL(t, url)
		insert := "INSERT INTO oauth_clients (key, value, created_at) VALUES ($1, $2, '2026-01-02 03:04:05')"
		dbtest.Exec(t, conn, insert, fastmcp.ClientKey("sealed"), string(repotest.SharedRow(t, repotest.Ring(t, key), "sealed")))
		dbtest.Exec(t, conn, insert, fastmcp.ClientKey("plain"), string(repotest.SharedRow(t, nil, "plain")))
		dbtest.Exec(t, conn, insert, "mcp-authorization-codes:other", "{}") // another collection of theirs
		for _, id := range []string{"sealed", "plain"} {
			c, err := s.Client(t.Context(), id)
			if err != nil {
				t.Errorf("client %s: %v", id, err)
				continue
			}
			got := []any{c.ID, c.RedirectURIs, c.GrantTypes, c.SecretHash, c.CreatedAt.Format("2006-01-02 15:04:05")}
			want := []any{
				id, []string{"http://127.0.0.1/cb"}, []string{"authorization_code", "refresh_token"},
				storage.Hash(""), "2026-01-02 03:04:05",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("client %s (-want +got):\n%s", id, diff)
			}
		}
		list, err := s.ListClients(t.Context(), "", 10, repotest.Now)
		if err != nil || len(list) != 2 {
			t.Errorf("list of %d, %v, want the two clients", len(list), err)
		}
	})
}

// What FastMCP keeps about a client is not lost.
func TestMetadataOfFastMCP(t *testing.T) {
	t.Parallel()
	d, key := dbtest.SQLite().Open(t), keyring.Generate()
	plaintext, err := fastmcp.EncodeClient(fastmcp.Client{
		ClientID: "full", ClientName: new("Name"), ClientURI: new("https://a.example/"), Scope: new("mcp"),
		RedirectURIs: []string{"https://a.example/cb"}, GrantTypes: []string{"authorization_code"}, ResponseTypes: []string{"code"},
		ApplicationType: new("native"), SoftwareID: new("s"), SoftwareVersion: new("1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := repotest.Open(t, d, key)
	err = d.InTx(t.Context(), func(q db.Querier) error {
		return q.CreateClient(t.Context(), sqlitedb.CreateClientParams{Key: fastmcp.ClientKey("full"), Value: plaintext})
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Client(t.Context(), "full")
	want := metadata.Client{
		Name: "Name", URI: "https://a.example/", RedirectURIs: []string{"https://a.example/cb"},
		GrantTypes: []string{"authorization_code"}, ResponseTypes: []string{"code"}, ApplicationType: "native", Scope: "mcp",
		SoftwareID: "s", SoftwareVersion: "1",
	}
	if diff := cmp.Diff(want, got.Client); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestSharedScope: a client that registers here may ask FastMCP for its scopes, and is still
// registered for its own here.
func TestSharedScope(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key := e.URL(t), keyring.Generate()
		s, conn := repotest.Open(t, dbtest.Open(t, url), key), dbtest.SQL(t, url)
		before := storage.Client{ID: "before", CreatedAt: repotest.Now, Client: metadata.Client{
			Scope: "mcp", RedirectURIs: []string{"http://127.0.0.1/cb"}, GrantTypes: []string{"authorization_code"}, ResponseTypes: []string{"code"},
		}}
		after, none := before, before
		after.ID, none.ID, none.Scope = "after", "none", ""
		if err := s.CreateClient(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		s.ShareScope("user repo")
		for _, c := range []storage.Client{after, none} {
			if err := s.CreateClient(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []storage.Client{before, after, none} {
			got, err := s.Client(t.Context(), want.ID)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			value := dbtest.Value[string](t, conn, "SELECT value FROM oauth_clients WHERE key = $1", fastmcp.ClientKey(want.ID))
			theirs, _, err := fastmcp.OpenClient(repotest.Ring(t, key), []byte(value))
			seen := "user repo"
			if want.ID == "before" {
				seen = "mcp"
			}
			if err != nil || db.Text(theirs.Scope) != seen {
				t.Errorf("FastMCP sees %q, %v; want %q", db.Text(theirs.Scope), err, seen)
			}
		}
	})
}
