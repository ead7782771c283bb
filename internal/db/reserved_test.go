package db_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// TestReserved: access checks have connections of their own within the size of the pool.
func TestReserved(t *testing.T) {
	t.Parallel()
	url := dbtest.Postgres().URL(t)
	for size, want := range map[int]bool{1: false, 2: true, 3: true, 10: true} {
		d := dbtest.Open(t, db.WithMaxConns(url, size))
		found, err := d.Diagnose(t.Context())
		if err != nil || found.Server.PoolSize != size || d.HasReserved() != want {
			t.Errorf("of %d: %d connections, %v, %v", size, found.Server.PoolSize, d.HasReserved(), err)
		}
	}
}
