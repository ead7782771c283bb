package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Upgrade the schema to the version of this program."`
	Status migrateStatusCmd `cmd:"" help:"List migrations and whether they are applied."`
	Grants migrateGrantsCmd `cmd:"" help:"Print the SQL statements that give a role its rights."`
	Down   migrateDownCmd   `cmd:"" help:"Roll back the newest migration. The rows of its tables are lost; registered clients stay."`
}

type migrateUpCmd struct {
	databaseFlags
	migrateFlags
	Grant []string `name:"grant" sep:"none" placeholder:"ROLE" help:"Then give a PostgreSQL role that serves its rights on the tables, as migrate grants prints them; can be repeated."`
}

// Run applies missing migrations.
func (c *migrateUpCmd) Run(ctx context.Context, std streams) error {
	return c.withMigrating(ctx, std, c.MigrateURL, func(d *db.DB) error {
		applied, err := d.Migrate(ctx)
		if err != nil {
			return err
		}
		for _, m := range applied {
			_, _ = fmt.Fprintf(std.out, "applied %s\n", m.Name)
		}
		version, err := d.Version(ctx)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(std.out, "schema %d (this program needs %d)\n", version, db.NeededVersion())
		return c.grant(ctx, std, d)
	})
}

// grant gives the roles their rights.
func (c *migrateUpCmd) grant(ctx context.Context, std streams, d *db.DB) error {
	for _, role := range c.Grant {
		if err := d.GrantTo(ctx, role); err != nil {
			return fmt.Errorf("--grant: %w", err)
		}
		_, _ = fmt.Fprintf(std.out, "granted %s the right to serve\n", role)
	}
	return nil
}

type migrateStatusCmd struct {
	databaseFlags
	JSON  bool `name:"json" help:"Print JSON."`
	Check bool `name:"check" help:"Exit with status 3 if a migration is not applied, 1 if that cannot be told."`
}

// errPending ends a check with its own status.
var errPending = errors.New("a migration is not applied")

// Run lists the migrations.
func (c *migrateStatusCmd) Run(ctx context.Context, std streams) error {
	return c.withExisting(ctx, std, func(d *db.DB) error {
		if err := c.list(ctx, std, d); err != nil || !c.Check {
			return err
		}
		version, err := d.Version(ctx)
		if err == nil && version < db.NeededVersion() {
			err = errPending
		}
		return err
	})
}

func (c *migrateStatusCmd) list(ctx context.Context, std streams, d *db.DB) error {
	list, err := d.Migrations(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return console.WriteJSON(std.out, list)
	}
	table := console.NewTable(std.out, widthOf(std.out), columns("VERSION", "MIGRATION", "APPLIED")...)
	for _, m := range list {
		if err := table.Add(fmt.Sprint(m.Version), m.Name, fmt.Sprint(m.Applied)); err != nil {
			return err
		}
	}
	if err := table.End(""); err != nil {
		return err
	}
	return c.summary(ctx, std, d)
}

// summary prints what to do, if anything.
func (*migrateStatusCmd) summary(ctx context.Context, std streams, d *db.DB) error {
	version, err := d.Version(ctx)
	needed := db.NeededVersion()
	switch {
	case err != nil:
		return err
	case version < needed:
		_, err = fmt.Fprintf(std.out, "\nschema %d, this program needs %d: run `mcpkeep migrate up`\n", version, needed)
	case version > needed:
		_, err = fmt.Fprintf(std.out, "\nschema %d is newer than this program's (%d), which still works\n", version, needed)
	}
	return err
}

type migrateDownCmd struct {
	databaseFlags
	migrateFlags
	All bool `name:"all" help:"Roll back all migrations."`
	Yes bool `name:"yes" help:"Skip the confirmation prompt."`
}

// Run rolls back the newest migration, or all.
func (c *migrateDownCmd) Run(ctx context.Context, std streams) error {
	if err := c.exists(); err != nil {
		return err
	}
	return c.withMigrating(ctx, std, c.MigrateURL, func(d *db.DB) error {
		version, what, err := c.plan(ctx, d)
		if err != nil {
			return err
		}
		if version == 0 {
			return nothingApplied(std)
		}
		if !c.Yes && !confirmed(ctx, std, what+" Type \"yes\" to continue: ") {
			return errNotConfirmed
		}
		return c.undo(ctx, std, d, version)
	})
}

// undo rolls back the migration that plan chose, or all from there.
func (c *migrateDownCmd) undo(ctx context.Context, std streams, d *db.DB, version int64) error {
	last := version
	if c.All {
		last = 1
	}
	for ; version >= last; version-- {
		undone, err := d.MigrateDown(ctx, version)
		if errors.Is(err, db.ErrNotNewest) {
			return errors.New("another process has just migrated this database: see `mcpkeep migrate status`")
		}
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(std.out, "rolled back %s\n", undone.Name)
	}
	if version == 0 {
		return nothingApplied(std)
	}
	return nil
}

func nothingApplied(std streams) error {
	_, err := fmt.Fprintln(std.out, "no migration is applied")
	return err
}

// plan returns the newest migration, 0 if none is applied, and describes the effect of
// rolling it back.
func (c *migrateDownCmd) plan(ctx context.Context, d *db.DB) (version int64, what string, err error) {
	version, err = d.Version(ctx)
	if err != nil {
		return 0, "", err
	}
	list, err := d.Migrations(ctx)
	switch {
	case err != nil, version == 0:
		return 0, "", err
	case version > int64(len(list)):
		return 0, "", fmt.Errorf("the schema is at version %d, but this program only knows %d: roll it back with a newer program", version, len(list))
	case c.All:
		return version, fmt.Sprintf("This rolls back all %d migrations: all users are signed out, and users, grants, recorded keys and the audit trail are deleted. "+
			"Registered clients stay.", version), nil
	}
	return version, fmt.Sprintf("This rolls back %s: data in its tables and columns is deleted, and servers of this version are no longer ready.",
		list[version-1].Name), nil
}

// withExisting is withDatabase for commands that must not create a database.
func (f *databaseFlags) withExisting(ctx context.Context, std streams, do func(*db.DB) error) error {
	if err := f.exists(); err != nil {
		return err
	}
	return f.withDatabase(ctx, std, do)
}

// withDatabase opens the database for a command. It creates a missing SQLite file.
func (f *databaseFlags) withDatabase(ctx context.Context, std streams, do func(*db.DB) error) error {
	d, err := f.openDatabase(ctx, newLogger(std.err, "text", "warn", nil), app.OpenFor)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return do(d)
}

// withMigrating is withDatabase over the URL for migrations, if there is one.
func (f *databaseFlags) withMigrating(ctx context.Context, std streams, url string, do func(*db.DB) error) error {
	if url == "" {
		return f.withDatabase(ctx, std, do)
	}
	url, err := f.migrateURL(url)
	if err != nil {
		return err
	}
	d, err := app.OpenForMigration(ctx, url, newLogger(std.err, "text", "warn", nil))
	if err != nil {
		return new(serveFlags).named(err)
	}
	defer func() { _ = d.Close() }()
	return do(d)
}
