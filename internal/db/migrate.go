package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"

	"github.com/mcpkeep/mcpkeep/sql/schema"
)

// Migration is one step of the schema.
type Migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// NeededVersion is the schema version this program needs.
func NeededVersion() int64 {
	files, err := fs.Glob(schema.Migrations, "*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return int64(len(files)) // numbered without gaps, which a test checks
}

// Version returns the schema version of the database, 0 when it has none.
func (d *DB) Version(ctx context.Context) (int64, error) {
	var version int64
	err := d.engine.query(ctx,
		"SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	if isNoTable(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the schema version: %w", err)
	}
	return version, nil
}

// isNoTable recognises the answer to a query of a table that is not there.
func isNoTable(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code == "42P01"
	}
	return err != nil && strings.Contains(err.Error(), "no such table")
}

// Migrate brings the schema up to date and returns what it applied. Any number
// of processes may call it at once: one migrates, the others wait for it. A
// schema newer than this program's is left alone.
func (d *DB) Migrate(ctx context.Context) ([]Migration, error) {
	if version, err := d.Version(ctx); err != nil || version >= NeededVersion() {
		return nil, err
	}
	var applied []Migration
	err := d.withGoose(ctx, func(p *goose.Provider) error {
		results, err := p.Up(ctx)
		applied = migrationsOf(results)
		return err
	})
	return applied, err
}

// ErrNotNewest is what MigrateDown says of a migration that is not the newest one.
var ErrNotNewest = errors.New("it is not the newest migration of this database")

// MigrateDown undoes a migration and returns it. Whoever decided on it looked at the
// newest one: when somebody else has migrated since, up or down, the error is
// ErrNotNewest.
func (d *DB) MigrateDown(ctx context.Context, version int64) (*Migration, error) {
	var undone *Migration
	err := d.withGoose(ctx, func(p *goose.Provider) error {
		newest, err := p.GetDBVersion(ctx)
		if err != nil {
			return err
		}
		if newest != version || version == 0 {
			return fmt.Errorf("%d: %w", version, ErrNotNewest)
		}
		result, err := p.Down(ctx)
		if result != nil {
			undone = &migrationsOf([]*goose.MigrationResult{result})[0]
		}
		return err
	})
	return undone, err
}

// Migrations lists every step of this program and whether it is applied.
func (d *DB) Migrations(ctx context.Context) ([]Migration, error) {
	version, err := d.Version(ctx)
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(schema.Migrations, "*.sql")
	if err != nil {
		return nil, err
	}
	list := make([]Migration, len(files))
	for i, name := range files {
		list[i] = Migration{Version: int64(i + 1), Name: name, Applied: int64(i+1) <= version}
	}
	return list, nil
}

// withGoose runs f under the migration lock.
func (d *DB) withGoose(ctx context.Context, f func(*goose.Provider) error) error {
	return d.Exclusive(ctx, func() error {
		conn, dialect := d.engine.migrations()
		provider, err := goose.NewProvider(dialect, conn, schema.Migrations, goose.WithDisableGlobalRegistry(true))
		if err != nil {
			return fmt.Errorf("read the migrations: %w", err)
		}
		if err := f(provider); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		return nil
	})
}

func migrationsOf(results []*goose.MigrationResult) []Migration {
	list := make([]Migration, len(results))
	for i, r := range results {
		list[i] = Migration{Version: r.Source.Version, Name: filepath.Base(r.Source.Path), Applied: r.Direction == "up"}
	}
	return list
}

// Exclusive runs f while no other process migrates or is in Exclusive: for the
// few steps at start that no single statement can decide.
func (d *DB) Exclusive(ctx context.Context, f func() error) error {
	unlock, err := d.engine.lockMigrations(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}
