package pgtest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// NewFromTemplate is New with a database that build has filled: build runs
// once per server on an empty database, which is then copied for each test.
// Everything that changes build's result must change name, so name should hold
// a hash of the migrations. build must close its connections, and tests of
// several processes may ask for the same template at the same time.
func NewFromTemplate(t testing.TB, name string, build func(dsn string) error) string {
	t.Helper()
	admin := adminDSN(t)
	template := templateName(name)
	if err := ensureOnce(admin, template, build)(); err != nil {
		t.Fatalf("build the template %q: %v", name, err)
	}
	return newDatabase(t, admin, template)
}

// templates has the outcome for each template that this process asked for.
var templates = struct {
	sync.Mutex
	ensured map[[2]string]func() error
}{ensured: map[[2]string]func() error{}}

// ensureOnce returns the one call of ensureTemplate that this process makes.
func ensureOnce(admin, template string, build func(dsn string) error) func() error {
	templates.Lock()
	defer templates.Unlock()
	key := [2]string{admin, template}
	if templates.ensured[key] == nil {
		templates.ensured[key] = sync.OnceValue(func() error {
			// Not a test's context: other tests wait for the same template.
			return ensureTemplate(context.Background(), admin, template, build)
		})
	}
	return templates.ensured[key]
}

// templateName makes a database name of any text.
func templateName(name string) string {
	return fmt.Sprintf("template_%.12x", sha256.Sum256([]byte(name)))
}

// ensureTemplate builds the template unless it is there, under a lock that all
// processes share.
func ensureTemplate(ctx context.Context, admin, template string, build func(dsn string) error) error {
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // which frees the lock
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", template); err != nil {
		return err
	}
	var ready bool
	err = conn.QueryRow(ctx,
		"SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)", template).Scan(&ready)
	if err != nil || ready {
		return err
	}
	return buildTemplate(ctx, admin, template, build)
}

func buildTemplate(ctx context.Context, admin, template string, build func(dsn string) error) error {
	// Not yet marked as a template: what a builder that died has left.
	err := execute(ctx, admin, "DROP DATABASE IF EXISTS "+template+" WITH (FORCE)",
		"CREATE DATABASE "+template+" TEMPLATE template0")
	if err != nil {
		return err
	}
	if err := build(withDatabase(admin, template)); err != nil {
		return err
	}
	return execute(ctx, admin,
		"ALTER DATABASE "+template+" WITH IS_TEMPLATE true ALLOW_CONNECTIONS false",
		// A connection that is still closing would keep it from being copied.
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+template+"'")
}
