package rekey_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// crowd is a FastMCP server's clients with their sessions, which many take over, delete and
// re-encrypt at the same time.
type crowd struct {
	world
	python   fastmcptest.Deployment
	table    string // of FastMCP's rows
	clients  []string
	sessions []fastmcptest.Session
	rows     map[string]string // as FastMCP writes them
	next     atomic.Int64      // for IDs
	over     chan struct{}
}

const (
	crowdClients  = 6
	crowdSessions = 4 // of each client
)

// newCrowd stores the rows under the old key, in oauth_clients or in a table of FastMCP's own.
func newCrowd(t *testing.T, e dbtest.Engine, own bool) *crowd {
	t.Helper()
	w, next := newWorld(t, e), keyring.Generate()
	c := &crowd{world: w, python: fastmcptest.New("https://mcp.example", repotest.Ring(t, w.Key)), table: "oauth_clients", rows: map[string]string{}, over: make(chan struct{})}
	f := repo.Foreign{}
	if own {
		c.table = "tokens"
		dbtest.Exec(t, w.Conn, "CREATE TABLE tokens (key TEXT PRIMARY KEY, value JSONB)")
		table, err := dbtest.Open(t, w.URL).FindForeignTable(t.Context(), db.ForeignName{Table: c.table, Layout: db.LayoutKey})
		if err != nil {
			t.Fatal(err)
		}
		f.Tables = []*db.ForeignTable{table}
	}
	for i := range crowdClients {
		id := fmt.Sprint("app-", i)
		c.clients = append(c.clients, id)
		c.rows[fastmcp.ClientKey(id)] = string(repotest.SharedRow(t, repotest.Ring(t, w.Key), id))
		for range crowdSessions {
			u := fastmcptest.Upstream{AccessToken: "gho", RefreshToken: "ghr", ExpiresAt: repotest.Now.Add(time.Hour)}
			s := c.python.SignIn(t, id, u, repotest.Now)
			c.sessions = append(c.sessions, s)
			for key, value := range s.Rows {
				c.rows[key] = string(value)
			}
		}
	}
	for key, value := range c.rows {
		dbtest.Exec(t, w.Conn, "INSERT INTO "+c.table+" (key, value) VALUES ($1, $2)", key, value)
	}
	repotest.Open(t, w.DB, next, w.Key)
	c.world = w.with(t, next, w.Key)
	c.ShareTables(f)
	ring := repotest.Ring(t, next, w.Key)
	c.Share(rekey.Shared{Tables: f.Tables, Opening: ring, Sealing: ring, Clients: ring})
	return c
}

// rewrites writes rows again as FastMCP does, one at a time, so that a rotation always has
// something to do.
func (c *crowd) rewrites(t *testing.T) {
	for {
		for key, value := range c.rows {
			select {
			case <-c.over:
				return
			default:
				dbtest.Exec(t, c.Conn, "UPDATE "+c.table+" SET value = $1 WHERE key = $2", value, key)
			}
		}
	}
}

// rotates re-encrypts them.
func (c *crowd) rotates(t *testing.T) {
	o := rotationOf(nil)
	o.Foreign, o.Rows = true, 50
	for {
		select {
		case <-c.over:
			return
		default:
			if _, err := c.Rotate(asOperator(t.Context()), o); err != nil && !errors.Is(err, rekey.ErrStillSealing) {
				t.Errorf("rotate: %v", err)
				return
			}
		}
	}
}

// tokenOf is what a client presents.
func tokenOf(s fastmcptest.Session, refresh bool) storage.ForeignToken {
	t := storage.ForeignToken{
		Hash: storage.HashOf(s.Access), ID: s.AccessID, ClientID: s.ClientID, IssuedAt: repotest.Now, ExpiresAt: repotest.Now.Add(time.Hour),
	}
	if refresh {
		t.Hash, t.ID, t.Refresh = storage.HashOf(s.Refresh), s.RefreshID, true
	}
	return t
}

// expected are the errors of steps that come too late.
func expected(err error) bool {
	return err == nil || errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrSpent)
}

// adopts takes a session over as a server does, renews its provider token, and adds its other
// token.
func (c *crowd) adopts(t *testing.T, s fastmcptest.Session, refresh bool) {
	n := c.next.Add(1)
	if _, err := c.Client(t.Context(), s.ClientID); !expected(err) {
		t.Errorf("read a client: %v", err)
	}
	a := storage.Adoption{SessionID: s.ID, ID: fmt.Sprint("attempt-", n), Until: repotest.Now.Add(time.Minute)}
	_, err := c.StartAdoption(t.Context(), a, repotest.Now)
	if err == nil {
		who := repotest.Person
		who.Subject = fmt.Sprint("user-", s.ClientID) // so that they meet at users as well
		err = c.FinishAdoption(t.Context(), a, storage.AdoptionResult{
			Person: &who, ProviderToken: []byte("gho"), Token: tokenOf(s, refresh), GrantID: fmt.Sprint("grt_adopted-", n), Scope: "mcp", Resource: "https://mcp.example/mcp",
			Renewed: &storage.UpstreamTokens{AccessToken: "gho-2", RefreshToken: "ghr-2", ExpiresAt: repotest.Now.Add(time.Hour)},
		}, repotest.Now)
	}
	if !expected(err) {
		t.Errorf("adopt: %v", err)
	}
	if err := c.AdoptToken(t.Context(), tokenOf(s, !refresh), repotest.Now); !expected(err) {
		t.Errorf("add the other token: %v", err)
	}
}

// deletes deletes a client.
func (c *crowd) deletes(t *testing.T, id string) {
	if err := c.DeleteClient(t.Context(), id, repotest.Now); !expected(err) {
		t.Errorf("delete %s: %v", id, err)
	}
}

// TestLockOrder: while rows of FastMCP are re-encrypted, its sessions are taken over and its
// clients are used and deleted, no step waits for one that waits for it: nothing fails, and
// PostgreSQL finds no deadlock.
func TestLockOrder(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
			c := newCrowd(t, e, own)
			var steps, background sync.WaitGroup
			background.Go(func() { c.rewrites(t) })
			background.Go(func() { c.rotates(t) })
			for i, s := range c.sessions {
				steps.Go(func() { c.adopts(t, s, i%2 == 0) })
				steps.Go(func() { c.adopts(t, s, i%2 == 1) })
				steps.Go(func() {
					if _, err := c.Client(t.Context(), s.ClientID); !expected(err) {
						t.Errorf("read a client: %v", err)
					}
					if i%crowdSessions == crowdSessions-1 {
						c.deletes(t, s.ClientID)
					}
				})
			}
			steps.Wait()
			for _, id := range c.clients { // the others at the same time, too
				steps.Go(func() { c.deletes(t, id) })
			}
			steps.Wait()
			if n := dbtest.Value[int64](t, c.Conn, "SELECT COUNT(*) FROM mcpkeep_grants WHERE revoked_at IS NULL AND upstream_token_id IS NOT NULL"); n != 0 {
				t.Errorf("%d live grants of clients that are gone", n)
			}
			close(c.over)
			background.Wait()
			for key := range c.rows {
				if collection, _, _ := strings.Cut(key, ":"); collection == fastmcp.ClientCollection && dbtest.Value[int64](t, c.Conn, "SELECT COUNT(*) FROM "+c.table+" WHERE key = $1", key) > 0 {
					t.Errorf("%s was deleted and is there", key)
				}
			}
			c.noDeadlocks(t, e)
		})
	}
}

// TestDeletedClientIsNotAdopted: a client that is deleted while the provider is asked about one
// of its sessions gets no grant.
func TestDeletedClientIsNotAdopted(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
			c := newCrowd(t, e, own)
			finish := func(s fastmcptest.Session, meanwhile func()) error {
				if _, err := c.Client(t.Context(), s.ClientID); err != nil {
					t.Fatal(err)
				}
				a := storage.Adoption{SessionID: s.ID, ID: s.ID, Until: repotest.Now.Add(time.Minute)}
				if _, err := c.StartAdoption(t.Context(), a, repotest.Now); err != nil {
					t.Fatal(err)
				}
				meanwhile()
				return c.FinishAdoption(t.Context(), a, storage.AdoptionResult{
					Person: &repotest.Person, Token: tokenOf(s, true), GrantID: "grt_" + s.ID, Scope: "mcp", Resource: "https://mcp.example/mcp",
				}, repotest.Now)
			}
			deleted, kept := c.sessions[0], c.sessions[len(c.sessions)-1]
			if err := finish(deleted, func() { c.deletes(t, deleted.ClientID) }); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("a grant of a client that is gone: %v", err)
			}
			if err := finish(kept, func() {}); err != nil {
				t.Error(err)
			}
			if n := dbtest.Value[int64](t, c.Conn, "SELECT COUNT(*) FROM mcpkeep_grants WHERE revoked_at IS NULL AND upstream_token_id IS NOT NULL"); n != 1 {
				t.Errorf("%d live grants, want one", n)
			}
		})
	}
}
