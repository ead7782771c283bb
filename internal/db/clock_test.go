package db_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// shiftable makes the database's clock_timestamp() one that the test can set.
func shiftable(t *testing.T, url string) (set func(ahead time.Duration)) {
	t.Helper()
	conn := dbtest.SQL(t, url)
	dbtest.Exec(t, conn, `
		CREATE SCHEMA shifted;
		CREATE TABLE shifted.clock (ahead INTERVAL NOT NULL);
		INSERT INTO shifted.clock VALUES ('0');
		CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
			'SELECT pg_catalog.clock_timestamp() + ahead FROM shifted.clock'`)
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Exec(t, conn, "ALTER DATABASE "+cfg.Database+" SET search_path = shifted, pg_catalog, public")
	return func(ahead time.Duration) {
		if _, err := conn.ExecContext(t.Context(), "UPDATE shifted.clock SET ahead = make_interval(secs => $1)", ahead.Seconds()); err != nil {
			t.Fatal(err)
		}
	}
}

// ahead is how far a database's time is ahead of this process's.
func ahead(d *db.DB) time.Duration { return time.Until(d.Now()).Round(time.Second) }

// TestClock: the time is the database server's, from the first connection on and after it
// was set, on a pool of our own and on a borrowed one.
func TestClock(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	set := shiftable(t, url)
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for name, open := range map[string]func() *db.DB{
		"own":      func() *db.DB { return dbtest.Open(t, url) },
		"borrowed": func() *db.DB { return db.FromPool(pool) },
	} {
		t.Run(name, func(t *testing.T) {
			set(5 * time.Minute)
			d := open()
			defer func() { _ = d.Close() }()
			if _, _, known := d.ClockOffset(); known {
				t.Error("the offset is known before there is a connection")
			}
			if err := d.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			if offset, doubt, known := d.ClockOffset(); !known || (offset-5*time.Minute).Abs() > doubt+time.Second {
				t.Errorf("offset %v ± %v (%v), want 5m", offset, doubt, known)
			}
			if got := ahead(d); got != 5*time.Minute {
				t.Errorf("the time is %v ahead, want 5m", got)
			}
			set(-5 * time.Minute) // such as after a failover
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			for ahead(d) != -5*time.Minute && ctx.Err() == nil {
				time.Sleep(100 * time.Millisecond)
			}
			if got := ahead(d); got != -5*time.Minute {
				t.Errorf("after the database's clock was set, the time is %v ahead, want -5m", got)
			}
		})
	}
}

// TestClockAfterFailover: the new connections after a failover bring the new server's time.
func TestClockAfterFailover(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	set := shiftable(t, url)
	proxy, through := pgtest.NewProxy(t, url)
	d := dbtest.Open(t, through)
	if err := d.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	set(-5 * time.Minute)
	proxy.Cut()
	proxy.Heal()
	if err := d.InTx(t.Context(), func(db.Querier) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := ahead(d); got != -5*time.Minute {
		t.Errorf("the time is %v ahead, want -5m", got)
	}
}
