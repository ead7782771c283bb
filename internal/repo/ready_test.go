package repo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
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
		r := repo.New(d, ring(t, a))
		_ = notReady(t, r, "schema is at version 0", fmt.Sprintf("needs %d", db.NeededVersion()), "mcpkeep migrate up")
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
		newRepo(t, d, a)
		if err := r.Ready(t.Context()); err != nil {
			t.Errorf("ready: %v", err)
		}
		dbtest.Exec(t, dbtest.SQL(t, url), "INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)",
			db.NeededVersion()+1, true)
		if err := r.Ready(t.Context()); err != nil {
			t.Errorf("with a newer schema: %v", err)
		}
		newRepo(t, d, b, a) // another replica brought a new key
		if err := notReady(t, r, idOf(t, b)); !errors.Is(err, repo.ErrKey) || strings.Contains(err.Error(), b) {
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
	r := newRepo(t, d, keyring.Generate())
	tokens := connect(t, r, "a")
	access := func() error {
		_, err := r.Access(t.Context(), storage.HashOf(tokens.Access.Value), now)
		return err
	}
	if err := cluster.Stop(false); err != nil {
		t.Fatal(err)
	}
	if err := notReady(t, r, "does not answer"); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("Ready = %v, want ErrUnavailable", err)
	}
	_, exchange := r.ExchangeCode(t.Context(), exchangeOf("a"), now)
	_, client := r.Client(t.Context(), "a")
	_, list := r.ListGrants(t.Context(), "usr", "", 10, now)
	for name, err := range map[string]error{
		"access": access(), "exchange": exchange, "client": client, "list": list, "check keys": r.CheckKeys(t.Context(), now),
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
