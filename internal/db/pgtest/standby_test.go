package pgtest_test

import (
	"errors"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// TestStandby: a standby has what the server acknowledged, takes writes once it is promoted,
// and the old server can follow it.
func TestStandby(t *testing.T) {
	t.Parallel()
	durable := pgtest.Setting("synchronous_commit", "on")
	primary := pgtest.NewCluster(t, durable)
	standby, err := primary.Standby(t.Context())
	if errors.Is(err, pgtest.ErrNotFound) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standby.Close() })
	for n, pair := range [][2]*pgtest.Cluster{{primary, standby}, {standby, primary}} {
		must(t, pair[0].DSN(), "DROP TABLE IF EXISTS kept", "CREATE TABLE kept AS SELECT 7 AS n")
		if err := pair[0].Stop(true); err != nil {
			t.Fatal(err)
		}
		if err := pair[1].Promote(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := query[int](t, pair[1].DSN(), "SELECT n FROM kept"); got != 7 {
			t.Errorf("failover %d: %d", n, got)
		}
		must(t, pair[1].DSN(), "INSERT INTO kept VALUES (8)")
		if err := pair[0].Follow(t.Context(), pair[1]); err != nil {
			t.Fatal(err)
		}
	}
}
