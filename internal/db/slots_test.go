package db_test

import (
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// TestFewSlots: requests share the connections that the server gives, when it gives
// fewer than the pool would take.
func TestFewSlots(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().URL(t)
	url, role := dbtest.NewRole(t, admin)
	conn := dbtest.SQL(t, admin)
	dbtest.Exec(t, conn, "GRANT ALL ON ALL TABLES IN SCHEMA public TO "+role)
	dbtest.Exec(t, conn, "ALTER ROLE "+role+" CONNECTION LIMIT 2")
	d := dbtest.Open(t, url)
	var requests sync.WaitGroup
	for range 40 {
		requests.Go(func() {
			if _, err := d.Read().CountClients(t.Context()); err != nil {
				t.Errorf("read: %v", err)
			}
			if err := d.InTx(t.Context(), func(q db.Querier) error { _, err := q.CountClients(t.Context()); return err }); err != nil {
				t.Errorf("transaction: %v", err)
			}
			if _, err := d.InBatch(t.Context(), func(q db.Querier) error { return q.AddToClientCount(t.Context(), 0) }); err != nil {
				t.Errorf("batch: %v", err)
			}
		})
	}
	requests.Wait()
	got, err := d.Diagnose(t.Context())
	if err == nil && got.Server.MaxConnections != 2 {
		t.Errorf("the server has %d connections for the role, want 2", got.Server.MaxConnections)
	}
}
