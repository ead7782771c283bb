package db_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// TestPgBouncerIsRecognized: by asking, and what the URL says comes first.
func TestPgBouncerIsRecognized(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		setting, parameter, value string
		pooled                    bool
	}{
		"transaction mode":       {"pool_mode = transaction", "", "", true},
		"in turn":                {"server_round_robin = 1", "", "", true},
		"with one connection":    {"default_pool_size = 1", "", "", true},
		"session mode":           {"pool_mode = session", "", "", false},
		"said to be transaction": {"pool_mode = session", "pooler", "transaction", true},
		"said by Prisma":         {"pool_mode = session", "pgbouncer", "true", true},
		"said to be session":     {"pool_mode = transaction", "pooler", "session", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.Bouncer(t, dbtest.Postgres().URL(t), tt.setting)
			if tt.parameter != "" {
				url = dbtest.WithQuery(t, url, tt.parameter, tt.value)
			}
			d := dbtest.Open(t, url)
			if err := d.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, err := d.Diagnose(t.Context())
			if err != nil || got.Server.Pooled != tt.pooled {
				t.Errorf("pooled = %t, %v, want %t", got.Server != nil && got.Server.Pooled, err, tt.pooled)
			}
		})
	}
}

// TestPgBouncerMigrates: not through it; a current schema needs no migration.
func TestPgBouncerMigrates(t *testing.T) {
	t.Parallel()
	direct := dbtest.Postgres().EmptyURL(t)
	url := pgtest.Bouncer(t, direct)
	d := dbtest.Open(t, url)
	for step, err := range map[string]error{
		"CheckMigration": d.CheckMigration(t.Context()),
		"Migrate":        second(d.Migrate(t.Context())),
	} {
		var refused *db.RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "MCPKEEP_MIGRATE_DATABASE_URL") {
			t.Errorf("%s: %v, want a refusal that names the direct connection", step, err)
		}
	}
	up(t, dbtest.Open(t, direct))
	if err := second(d.Migrate(t.Context())); err != nil {
		t.Errorf("Migrate of a current schema: %v", err)
	}
	if err := second(d.MigrateDown(t.Context(), db.NeededVersion())); err == nil || !strings.Contains(err.Error(), "direct") {
		t.Errorf("MigrateDown: %v, want a refusal", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestPgBouncerRefuses: a parameter that PgBouncer does not know, a role and a database.
func TestPgBouncerRefuses(t *testing.T) {
	t.Parallel()
	url := pgtest.Bouncer(t, dbtest.Postgres().URL(t))
	for name, tt := range map[string]struct{ url, found, fix string }{
		"parameter": {dbtest.WithQuery(t, url, "search_path", "public"), "the pooler does not accept the parameter search_path", "ALTER ROLE postgres IN DATABASE"},
		"role":      {dbtest.WithUser(t, url, "nobody_here"), "the pooler does not let in role nobody_here", "auth_file"},
		"database":  {dbtest.WithQuery(t, url, "dbname", "not_there"), "no database not_there", "CREATE DATABASE not_there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := dbtest.Open(t, tt.url).Ping(t.Context())
			var refused *db.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(refused.Found, tt.found) || !strings.Contains(refused.Fix, tt.fix) {
				t.Errorf("%v, want %s … %s", err, tt.found, tt.fix)
			}
		})
	}
}
