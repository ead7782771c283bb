package repo_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// sharedClient is a client with everything that only this program knows.
func sharedClient(id string) storage.Client {
	return storage.Client{
		ID: id, CreatedAt: repotest.Now, SecretHash: storage.HashOf("secret of " + id), RegistrationTokenHash: storage.HashOf("token of " + id),
		Origin: storage.OriginOperator, Client: metadata.Client{
			Name: "Name", Scope: "mcp", RedirectURIs: []string{"https://app.example"}, GrantTypes: []string{"authorization_code"},
			ResponseTypes: []string{"code"}, AuthMethod: "client_secret_basic",
		},
	}
}

// TestClientsForFastMCP: FastMCP reads a client that registers or changes here with the keys that
// it has, or without any, and this program loses nothing of it, then and after FastMCP has ended.
func TestClientsForFastMCP(t *testing.T) {
	t.Parallel()
	theirs := keyring.Generate()
	for name, c := range map[string]struct {
		keys       string // of FastMCP's own
		plain      bool
		named      bool // in another table
		reads, ids bool // FastMCP can read it, the row names our key
	}{
		"the same keys": {ids: true}, "keys of its own": {keys: theirs, reads: true}, "in the clear": {plain: true, reads: true, ids: true},
		"keys, and in the clear": {keys: theirs, plain: true, reads: true}, "another table": {keys: theirs, named: true, ids: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
				url, key := e.URL(t), keyring.Generate()
				s, conn := repotest.Open(t, dbtest.Open(t, url), key), dbtest.SQL(t, url)
				f := repo.Foreign{Plain: c.plain, Named: c.named}
				python := new(keyring.Keyring)
				if c.keys != "" {
					f.Keys = repotest.Ring(t, c.keys, keyring.Generate())
					python = repotest.Ring(t, c.keys)
				}
				s.ShareTables(f)
				s.ShareScope("user")
				want := sharedClient("app")
				if err := s.CreateClient(t.Context(), want); err != nil {
					t.Fatal(err)
				}
				changed := want
				changed.Name = "Renamed"
				if err := s.UpdateClient(t.Context(), want, changed, repotest.Now); err != nil {
					t.Fatal(err)
				}
				row := dbtest.Rows(t, conn, "SELECT value, COALESCE(value_key_id, '') FROM oauth_clients")[0]
				seen, _, err := fastmcp.OpenClient(python, []byte(row[0]))
				if (err == nil) != c.reads || c.reads && (*seen.ClientName != "Renamed" || *seen.Scope != "user") {
					t.Errorf("FastMCP reads %v, %v", seen, err)
				}
				if strings.Contains(row[0], string(want.SecretHash)) || (row[1] == repotest.KeyID(t, key)) != c.ids || (row[1] == "") == c.ids {
					t.Errorf("the row names key %q and holds %s", row[1], row[0])
				}
				f.Over = true
				for range 2 {
					if is, err := s.Client(t.Context(), "app"); err != nil || !cmp.Equal(is, changed) {
						t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(changed, is))
					}
					s.ShareTables(f)
				}
			})
		})
	}
}

// TestClientInTheClear: what someone else can write into a row in the clear does not count, and
// the member of ours is good for its own client only.
func TestClientInTheClear(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		s, conn := repotest.Open(t, dbtest.Open(t, url), keyring.Generate()), dbtest.SQL(t, url)
		s.ShareTables(repo.Foreign{Plain: true})
		for _, id := range []string{"one", "two"} {
			if err := s.CreateClient(t.Context(), sharedClient(id)); err != nil {
				t.Fatal(err)
			}
		}
		value := func(id string) string {
			return dbtest.Value[string](t, conn, "SELECT value FROM oauth_clients WHERE key = $1", fastmcp.ClientKey(id))
		}
		set := func(id, value string) {
			dbtest.Exec(t, conn, "UPDATE oauth_clients SET value = $1 WHERE key = $2", value, fastmcp.ClientKey(id))
		}
		set("one", strings.ReplaceAll(strings.ReplaceAll(value("one"), "https://app.example", "https://evil.example"), "Name", "Trusted"))
		if is, err := s.Client(t.Context(), "one"); err != nil || !cmp.Equal(is, sharedClient("one")) {
			t.Errorf("rewritten: %v, %s", err, cmp.Diff(sharedClient("one"), is))
		}
		set("one", strings.ReplaceAll(value("two"), `"two"`, `"one"`))
		if _, err := s.Client(t.Context(), "one"); !errors.Is(err, storage.ErrUnreadable) {
			t.Errorf("another client's member: %v", err)
		}
	})
}

// TestFirstStartWithTheirKeys: on a database where every row is under keys of FastMCP's own, the
// first start is one with the right keys.
func TestFirstStartWithTheirKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, theirs := e.URL(t), repotest.Ring(t, keyring.Generate())
		dbtest.Exec(t, dbtest.SQL(t, url), "INSERT INTO oauth_clients (key, value) VALUES ($1, $2)", fastmcp.ClientKey("app"), string(repotest.SharedRow(t, theirs, "app")))
		s := repo.New(dbtest.Open(t, url), repotest.Ring(t, keyring.Generate()))
		if err := s.CheckKeys(t.Context(), repotest.Now); !errors.Is(err, sealed.ErrKey) {
			t.Errorf("without them: %v", err)
		}
		s.ShareTables(repo.Foreign{Keys: theirs})
		if err := s.CheckKeys(t.Context(), repotest.Now); err != nil {
			t.Error(err)
		}
		if c, err := s.Client(t.Context(), "app"); err != nil || c.ID != "app" {
			t.Errorf("%v, %v", c, err)
		}
	})
}
