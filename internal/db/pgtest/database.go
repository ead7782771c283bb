package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// cleanupTimeout bounds the removal of a test's database.
const cleanupTimeout = 30 * time.Second

// New returns the DSN (a URL, unless MCPKEEP_TEST_POSTGRES is none) of an empty
// database that is the test's own and goes away with it. Without PostgreSQL the
// test is skipped, or fails when MCPKEEP_REQUIRE_POSTGRES is set.
func New(t testing.TB) string {
	t.Helper()
	// template0 is never connected to, which would keep it from being copied.
	return newDatabase(t, adminDSN(t), "template0")
}

// NewCluster starts a cluster that is the test's own and goes away with it.
// Without PostgreSQL it does as New does.
func NewCluster(t testing.TB, opts ...Option) *Cluster {
	t.Helper()
	c, err := Start(opts...)
	mustHave(t, err)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close the PostgreSQL cluster: %v", err)
		}
	})
	return c
}

// shared starts this process's cluster. No one closes it: the janitor cleans
// up when the process ends.
var shared = sync.OnceValues(func() (*Cluster, error) { return Start(InMemory()) })

// adminDSN is the connection through which databases are made.
func adminDSN(t testing.TB) string {
	t.Helper()
	if dsn := os.Getenv(EnvAdminDSN); dsn != "" {
		return dsn
	}
	c, err := shared()
	mustHave(t, err)
	return c.DSN()
}

// mustHave ends the test when err says that there is no server: only one that
// is not installed may be skipped, not one that does not start.
func mustHave(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrNotFound) && !Required():
		t.Skip(err)
	default:
		t.Fatalf("PostgreSQL for this test: %v", err)
	}
}

// newDatabase copies template into a database that lives as long as the test.
func newDatabase(t testing.TB, admin, template string) string {
	t.Helper()
	name := "t_" + strings.ToLower(rand.Text())
	// PostgreSQL 15 and later copy through the log, the quicker way here, unasked.
	create := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template)
	if err := execute(t.Context(), admin, create); err != nil {
		t.Fatalf("make a database for this test: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		if err := execute(ctx, admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop this test's database: %v", err)
		}
	})
	return withDatabase(admin, name)
}

// execute runs statements one by one on a connection of their own.
func execute(ctx context.Context, dsn string, statements ...string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// withDatabase is dsn, a URL or keywords and values, with another database.
func withDatabase(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return dsn + " dbname=" + name
	}
	u.Path = "/" + name
	return u.String()
}
