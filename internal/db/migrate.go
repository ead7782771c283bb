package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/pressly/goose/v3"

	"github.com/mcpkeep/mcpkeep/sql/schema"
)

// Migration is one step of the schema.
type Migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// versionTable is goose's table of applied migrations. Not its default name: the
// database belongs to an application, which may use goose too.
const versionTable = "mcpkeep_schema_version"

// NeededVersion is the schema version this program needs.
func NeededVersion() int64 { return int64(len(migrationFiles())) }

// migrationFiles are the migrations' names, numbered from 1 without gaps, which a test
// checks.
func migrationFiles() []string {
	files, err := fs.Glob(schema.Migrations, "*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return files
}

// Version returns the schema version of the database, 0 when it has none. Of
// PostgreSQL it is that of the schema in which this role makes tables. The error is a
// *RefusedError when the version table is another program's.
func (d *DB) Version(ctx context.Context) (int64, error) {
	version, err := d.readVersion(ctx)
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		// Another process may have made the table after the query failed and before the look
		// for the reason.
		return d.readVersion(ctx)
	}
	return version, err
}

func (d *DB) readVersion(ctx context.Context) (int64, error) {
	var version int64
	err := d.engine.query(ctx, d.engine.versionQuery()).Scan(&version)
	if err != nil && d.engine.noVersionTable(ctx, err) {
		return 0, nil
	}
	if err != nil {
		return 0, d.engine.versionError(ctx, fmt.Errorf("read the schema version: %w", err)) // nil where the version is 0
	}
	return version, nil
}

// Migrate brings the schema up to date and returns what it applied. Any number
// of processes may call it concurrently: one migrates, the others wait for it. A
// schema newer than this program's is left alone. Each migration is applied whole or
// not at all. The error is a *RefusedError when CheckMigration says so.
func (d *DB) Migrate(ctx context.Context) ([]Migration, error) {
	if version, err := d.Version(ctx); err != nil || version >= NeededVersion() {
		return nil, err
	}
	var applied []Migration
	err := d.withGoose(ctx, func(p *goose.Provider) error {
		if err := d.CheckMigration(ctx); err != nil {
			return err
		}
		started, err := d.engine.existing(ctx, []string{versionTable})
		if err != nil {
			return err
		}
		results, err := p.Up(ctx)
		applied = migrationsOf(results)
		if err != nil && len(started) == 0 {
			err = errors.Join(err, d.dropVersionTable(context.WithoutCancel(ctx)))
		}
		return err
	})
	return applied, err
}

// dropVersionTable takes back the table that goose makes in a transaction of its own
// before the first migration, when that failed.
func (d *DB) dropVersionTable(ctx context.Context) error {
	there, err := d.engine.existing(ctx, []string{versionTable})
	if err != nil || len(there) == 0 {
		return err
	}
	if version, err := d.Version(ctx); err != nil || version > 0 {
		return err
	}
	conn, _ := d.engine.migrations()
	_, err = conn.ExecContext(ctx, "DROP TABLE "+versionTable)
	return err
}

// ErrNotNewest is returned by MigrateDown for a migration that is not the latest.
var ErrNotNewest = errors.New("not the latest migration of this database")

// MigrateDown reverts a migration and returns it. The caller decided on it by looking at the
// newest one: when someone else has migrated since, up or down, the error is
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
		if err := d.engine.mayUndo(ctx); err != nil {
			return err
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
	files := migrationFiles()
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
		provider, err := goose.NewProvider(dialect, conn, schema.Migrations, goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable))
		if err != nil {
			return fmt.Errorf("read the migrations: %w", err)
		}
		err = f(provider)
		var refused *RefusedError
		if errors.As(err, &refused) {
			return refused
		}
		if err != nil {
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
	unlock, err := d.engine.lockMigrations(ctx, func(holder string) {
		if d.onWait != nil {
			d.onWait(holder)
		}
	})
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}
