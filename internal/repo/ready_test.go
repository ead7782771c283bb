package repo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// notReady checks that the reason contains each part.
func notReady(t *testing.T, r *repo.Repo, parts ...string) error {
	t.Helper()
	err := r.Ready(t.Context())
	if err == nil {
		t.Fatalf("ready, want %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("reason %q lacks %q", err, part)
		}
	}
	return err
}

func TestReady(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, a, b := e.EmptyURL(t), keyring.Generate(), keyring.Generate()
		d := dbtest.Open(t, url)
		r := repo.New(d, repotest.Ring(t, a))
		_ = notReady(t, r, "schema is at version 0", fmt.Sprintf("requires %d", db.NeededVersion()), "mcpkeep migrate up")
		if _, err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.MigrateDown(t.Context(), db.NeededVersion()); err != nil {
			t.Fatal(err)
		}
		_ = notReady(t, r, fmt.Sprintf("schema is at version %d", db.NeededVersion()-1))
		if _, err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		repotest.Open(t, d, a)
		if err := r.Ready(t.Context()); err != nil {
			t.Errorf("ready: %v", err)
		}
		dbtest.Exec(t, dbtest.SQL(t, url), "INSERT INTO mcpkeep_schema_version (version_id, is_applied) VALUES ($1, $2)",
			db.NeededVersion()+1, true)
		if err := r.Ready(t.Context()); err != nil {
			t.Errorf("with a newer schema: %v", err)
		}
		repotest.Open(t, d, b, a) // another replica brought a new key
		if err := notReady(t, r, repotest.KeyID(t, b)); !errors.Is(err, sealed.ErrKey) || strings.Contains(err.Error(), b) {
			t.Errorf("with a missing key: %v", err)
		}
	})
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	d := dbtest.Open(t, cluster.DSN())
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := repotest.Open(t, d, keyring.Generate())
	tokens := repotest.Connect(t, r, "a")
	access := func() error {
		_, err := r.Access(t.Context(), storage.HashOf(tokens.Access.Value), repotest.Now)
		return err
	}
	if err := cluster.Stop(false); err != nil {
		t.Fatal(err)
	}
	if err := notReady(t, r, "is not responding"); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("Ready = %v, want ErrUnavailable", err)
	}
	_, exchange := r.ExchangeCode(t.Context(), repotest.ExchangeOf("a"), repotest.Now)
	_, client := r.Client(t.Context(), "a")
	_, list := r.ListGrants(t.Context(), "usr", "", 10, repotest.Now)
	for name, err := range map[string]error{
		"access": access(), "exchange": exchange, "client": client, "list": list, "check keys": r.CheckKeys(t.Context(), repotest.Now),
	} {
		if !errors.Is(err, storage.ErrUnavailable) || errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Ready(t.Context()), access()); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

// TestReadyMeansWritable: a database that takes no write is not ready, with the reason,
// and is ready again by itself.
func TestReadyMeansWritable(t *testing.T) {
	t.Parallel()
	admin := dbtest.Postgres().URL(t)
	conn := dbtest.SQL(t, admin)
	url, role := dbtest.NewRole(t, admin)
	dbtest.Exec(t, conn, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+role)
	r := repotest.Open(t, dbtest.Open(t, url), keyring.Generate())
	ready := func() error { return r.Ready(t.Context()) }
	for name, fault := range map[string]struct{ begin, end, reason string }{
		"a missing right": {"REVOKE UPDATE ON mcpkeep_codes FROM " + role, "GRANT UPDATE ON mcpkeep_codes TO " + role, "may not read and write mcpkeep_codes"},
		"a trigger": {`CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$;
			CREATE TRIGGER no BEFORE INSERT OR UPDATE ON mcpkeep_leases EXECUTE FUNCTION no()`, "DROP TRIGGER no ON mcpkeep_leases", "disk is full"},
	} {
		eventually(t, name, func() bool { return ready() == nil })
		dbtest.Exec(t, conn, fault.begin)
		eventually(t, name, func() bool {
			var unavailable *storage.UnavailableError
			return errors.As(ready(), &unavailable) && strings.Contains(unavailable.Reason, fault.reason)
		})
		dbtest.Exec(t, conn, fault.end)
	}
	eventually(t, "ready again", func() bool { return ready() == nil })
}

// eventually waits for what is known about writes, which may be a second old.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > 15*time.Second {
			t.Fatalf("%s: not seen", what)
		}
	}
}
