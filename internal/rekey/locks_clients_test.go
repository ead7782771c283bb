package rekey_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	unusedClients = 60
	clientRounds  = 40
)

// unusedID are the IDs of clients that register and are evicted again and again. The oldest
// has the last ID, so that evictions and rotations come from different ends.
func unusedID(i int) string { return fmt.Sprintf("unused-%03d", i) }

// registers registers clients as an earlier version did, with the old key.
func (c *crowd) registers(t *testing.T, value map[string]string) {
	for {
		for id, row := range value {
			select {
			case <-c.over:
				return
			default:
			}
			var n int64
			if _, err := fmt.Sscanf(id, "unused-%d", &n); err != nil {
				t.Error(err)
			}
			dbtest.Exec(t, c.Conn, `INSERT INTO oauth_clients (key, value, created_at, updated_at, unused_since) VALUES ($1, $2, $3, $3, $4)
				ON CONFLICT (key) DO NOTHING`, fastmcp.ClientKey(id), row, repotest.Now, repotest.Now.Unix()-n)
		}
	}
}

// approves registers a client again, as an approval does of one that was deleted.
func (c *crowd) approves(t *testing.T, id string) {
	n := c.next.Add(1)
	client := storage.Client{ID: id, CreatedAt: repotest.Now, Client: metadata.Client{
		Name: "Again", RedirectURIs: []string{"http://127.0.0.1/cb"}, AuthMethod: "none",
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
	}}
	browser, az := storage.HashOf("browser"), fmt.Sprint("az-", n)
	err := c.RestoreAuthorization(t.Context(), storage.Authorization{
		ID: az, Browser: browser, CreatedAt: repotest.Now, ExpiresAt: repotest.Now.Add(time.Minute),
		Request: storage.Request{ClientID: id, RedirectURI: "http://127.0.0.1/cb", Scope: "mcp", Resource: "https://mcp.example/mcp", CodeChallenge: oauth.Challenge("verifier")},
	})
	if err == nil {
		_, err = c.FinishAuthorization(t.Context(), storage.Completion{
			AuthorizationID: az, Browser: browser, GrantID: fmt.Sprint("grt_approved-", n), Person: repotest.Person, ProviderToken: []byte("gho"),
			Code: storage.HashOf(az), CodeExpiresAt: repotest.Now.Add(time.Minute), Client: &client,
		}, repotest.Now)
	}
	if !expected(err) && !errors.Is(err, storage.ErrChanged) && !errors.Is(err, storage.ErrNoClient) {
		t.Errorf("approve %s: %v", id, err)
	}
}

// TestLockOrderOfClients: while rows of clients are re-encrypted, those that no one used are
// evicted, many at a time, and others are deleted and registered again by approvals. Nothing
// fails, and PostgreSQL finds no deadlock.
func TestLockOrderOfClients(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
			c := newCrowd(t, e, own)
			rows := map[string]string{}
			for i := range unusedClients {
				rows[unusedID(i)] = string(repotest.SharedRow(t, repotest.Ring(t, c.Key), unusedID(i)))
			}
			var steps, background sync.WaitGroup
			background.Go(func() { c.registers(t, rows) })
			background.Go(func() { c.rewrites(t) })
			background.Go(func() { c.rotates(t) })
			steps.Go(func() {
				for range clientRounds {
					if _, err := c.ReclaimClients(t.Context(), repotest.Now, unusedClients/2, repotest.Now); !expected(err) {
						t.Errorf("evict: %v", err)
					}
				}
			})
			for i := range 4 {
				steps.Go(func() {
					for round := range clientRounds / 2 {
						if (i+round)%2 == 0 {
							c.deletes(t, c.clients[round%2])
						} else {
							c.approves(t, c.clients[round%2])
						}
					}
				})
			}
			steps.Wait()
			close(c.over)
			background.Wait()
			c.noDeadlocks(t, e)
		})
	}
}

// noDeadlocks fails the test for those that PostgreSQL has found. A connection reports its own
// when it ends, at the latest.
func (c *crowd) noDeadlocks(t *testing.T, e dbtest.Engine) {
	t.Helper()
	if e.Name != "postgres" {
		return
	}
	dbtest.Rows(t, c.Conn, `SELECT CAST(pg_terminate_backend(pid, 60000) AS TEXT) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if n := dbtest.Value[int64](t, c.Conn, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n > 0 {
		t.Errorf("%d deadlocks", n)
	}
}
