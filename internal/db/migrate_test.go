package db_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/sql/schema"
)

func TestMigrationsAreNumberedWithoutGaps(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(schema.Migrations, "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations, %v", len(files), err)
	}
	for i, name := range files {
		if prefix := fmt.Sprintf("%05d_", i+1); !strings.HasPrefix(name, prefix) || !strings.HasSuffix(name, ".sql") {
			t.Errorf("migration %d is %q, want %s….sql", i+1, name, prefix)
		}
	}
	if got := db.NeededVersion(); got != int64(len(files)) {
		t.Errorf("NeededVersion = %d, want %d", got, len(files))
	}
}

func TestUpDownUp(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.EmptyURL(t)
		d, conn := dbtest.Open(t, url), dbtest.SQL(t, url)
		up(t, d)
		tables := dbtest.Tables(t, conn)
		fill(t, conn)
		down(t, d)
		if got := dbtest.Tables(t, conn); !slices.Equal(got, []string{"oauth_clients"}) {
			t.Errorf("tables at version 0: %v, want only the one that may be another program's", got)
		}
		if n := countClients(t, conn); n != 1 {
			t.Errorf("%d client rows outlived the way down, want 1", n)
		}
		up(t, d)
		if diff := cmp.Diff(tables, dbtest.Tables(t, conn)); diff != "" {
			t.Errorf("tables after up, down, up (-first +second):\n%s", diff)
		}
		if n := countClients(t, conn); n != 1 {
			t.Errorf("%d client rows outlived down and up, want 1", n)
		}
	})
}

// up migrates and checks every answer on the way.
func up(t *testing.T, d *db.DB) {
	t.Helper()
	wantVersion(t, d, 0)
	wantMigrations(t, d, false)
	applied, err := d.Migrate(t.Context())
	if err != nil {
		t.Fatalf("up: %v", err)
	}
	wantVersion(t, d, db.NeededVersion())
	wantMigrations(t, d, true)
	all, err := d.Migrations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, applied); diff != "" {
		t.Errorf("Migrate's result (-want +got):\n%s", diff)
	}
	again, err := d.Migrate(t.Context())
	if len(again) != 0 || err != nil {
		t.Errorf("a second Migrate = %v, %v, want nothing to do", again, err)
	}
}

// down undoes all migrations, one by one.
func down(t *testing.T, d *db.DB) {
	t.Helper()
	for version := db.NeededVersion(); version > 0; version-- {
		undone, err := d.MigrateDown(t.Context(), version)
		if err != nil || undone == nil || undone.Version != version || undone.Applied {
			t.Fatalf("down from %d = %+v, %v", version, undone, err)
		}
		wantVersion(t, d, version-1)
	}
	if undone, err := d.MigrateDown(t.Context(), 0); undone != nil || !errors.Is(err, db.ErrNotNewest) {
		t.Errorf("down from 0 = %+v, %v", undone, err)
	}
}

func wantVersion(t *testing.T, d *db.DB, want int64) {
	t.Helper()
	if got, err := d.Version(t.Context()); got != want || err != nil {
		t.Fatalf("Version = %d, %v, want %d", got, err, want)
	}
}

func wantMigrations(t *testing.T, d *db.DB, applied bool) {
	t.Helper()
	files, err := fs.Glob(schema.Migrations, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var want []db.Migration
	for i, name := range files {
		want = append(want, db.Migration{Version: int64(i + 1), Name: name, Applied: applied})
	}
	got, err := d.Migrations(t.Context())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Migrations: %v (-want +got):\n%s", err, diff)
	}
}

func TestNewerSchemaIsLeftAlone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		d, conn := dbtest.Open(t, url), dbtest.SQL(t, url)
		newer := db.NeededVersion() + 1
		dbtest.Exec(t, conn, "INSERT INTO mcpkeep_schema_version (version_id, is_applied) VALUES ($1, $2)", newer, true)
		wantVersion(t, d, newer)
		before := dbtest.Tables(t, conn)
		if applied, err := d.Migrate(t.Context()); len(applied) != 0 || err != nil {
			t.Errorf("Migrate = %v, %v, want nothing to do", applied, err)
		}
		wantVersion(t, d, newer)
		if undone, err := d.MigrateDown(t.Context(), newer); err == nil {
			t.Errorf("MigrateDown undid %+v, want an error: this program does not have the newest migration", undone)
		}
		if undone, err := d.MigrateDown(t.Context(), newer-1); !errors.Is(err, db.ErrNotNewest) {
			t.Errorf("MigrateDown of a migration that has one above it: %+v, %v", undone, err)
		}
		wantVersion(t, d, newer)
		if diff := cmp.Diff(before, dbtest.Tables(t, conn)); diff != "" {
			t.Errorf("tables (-before +after):\n%s", diff)
		}
	})
}

func TestProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.EmptyURL(t)
		got := dbtest.Spawn(t, 8, "migrate", url)
		slices.Sort(got)
		want := []string{"0", "0", "0", "0", "0", "0", "0", fmt.Sprint(db.NeededVersion())}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("migrations applied by each process (-want +got):\n%s", diff)
		}
		wantVersion(t, dbtest.Open(t, url), db.NeededVersion())
	})
}

func TestExclusive(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.EmptyURL(t)
		d, other := dbtest.Open(t, url), dbtest.Open(t, url)
		migrated := make(chan error, 1)
		err := d.Exclusive(t.Context(), func() error {
			go func() {
				_, err := other.Migrate(t.Context())
				migrated <- err
			}()
			for range 20 {
				if version, err := d.Version(t.Context()); version != 0 || err != nil {
					return fmt.Errorf("version %d, %w while locked", version, err)
				}
			}
			select {
			case err := <-migrated:
				return fmt.Errorf("migrated while locked: %w", err)
			default:
				return nil
			}
		})
		if err != nil {
			t.Error(err)
		}
		if err := <-migrated; err != nil {
			t.Errorf("migrate after the lock: %v", err)
		}
		wantVersion(t, other, db.NeededVersion())
	})
}
