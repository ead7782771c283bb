//go:build chaos

package week_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// clocks are those that the test moves: the processes', the provider's and, on PostgreSQL, the
// database's, which decides there.
type clocks struct {
	ahead    time.Duration
	github   *githubtest.Server
	database func(ahead time.Duration)
}

// forward moves them all.
func (c *clocks) forward(d time.Duration) {
	c.ahead += d
	c.github.Advance(d)
	c.database(c.ahead)
}

// databaseClock gives a database a clock_timestamp() of its own, which comes before the
// server's in all connections from now on.
func databaseClock(t *testing.T, e harness.Engine, url string) (set func(ahead time.Duration)) {
	t.Helper()
	if e.Name == "sqlite" {
		return func(time.Duration) {}
	}
	conn := dbtest.SQL(t, url)
	dbtest.Exec(t, conn, `
		CREATE SCHEMA shifted;
		CREATE TABLE shifted.clock (ahead INTERVAL NOT NULL);
		INSERT INTO shifted.clock VALUES ('0');
		CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
			'SELECT pg_catalog.clock_timestamp() + ahead FROM shifted.clock'`)
	name := dbtest.Value[string](t, conn, "SELECT quote_ident(current_database())")
	dbtest.Exec(t, conn, "ALTER DATABASE "+name+" SET search_path = public, shifted, pg_catalog")
	return func(ahead time.Duration) {
		dbtest.Exec(t, conn, "UPDATE shifted.clock SET ahead = make_interval(secs => $1)", ahead.Seconds())
	}
}

// env is that of a process that is deployed now.
func (c *clocks) env(n int) []string {
	return []string{harness.Ahead(c.ahead), harness.AsVersion(versionOf(n))}
}

func versionOf(deployment int) string { return fmt.Sprintf("1.0.%d", deployment) }
