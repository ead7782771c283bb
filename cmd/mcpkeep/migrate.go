package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/mcpkeep/mcpkeep/internal/db"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Bring the schema up to date."`
	Status migrateStatusCmd `cmd:"" help:"List the migrations and which are applied."`
	Down   migrateDownCmd   `cmd:"" help:"Undo the newest migration. Its tables' rows are lost; registered clients stay."`
}

type migrateUpCmd struct{ databaseFlags }

// Run applies what is missing.
func (c *migrateUpCmd) Run(ctx context.Context, std streams) error {
	return c.withDatabase(ctx, std, func(d *db.DB) error {
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
		_, err = fmt.Fprintf(std.out, "schema %d (this program needs %d)\n", version, db.NeededVersion())
		return err
	})
}

type migrateStatusCmd struct {
	databaseFlags
	JSON bool `name:"json" help:"Print JSON."`
}

// Run lists the migrations.
func (c *migrateStatusCmd) Run(ctx context.Context, std streams) error {
	return c.withExisting(ctx, std, func(d *db.DB) error {
		list, err := d.Migrations(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(std.out).Encode(list)
		}
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "VERSION\tMIGRATION\tAPPLIED")
		for _, m := range list {
			_, _ = fmt.Fprintf(table, "%d\t%s\t%v\n", m.Version, m.Name, m.Applied)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		return c.summary(ctx, std, d)
	})
}

// summary says what there is to do, if anything.
func (*migrateStatusCmd) summary(ctx context.Context, std streams, d *db.DB) error {
	version, err := d.Version(ctx)
	needed := db.NeededVersion()
	switch {
	case err != nil:
		return err
	case version < needed:
		_, err = fmt.Fprintf(std.out, "\nschema %d, this program needs %d: run `mcpkeep migrate up`\n", version, needed)
	case version > needed:
		_, err = fmt.Fprintf(std.out, "\nschema %d is newer than what this program knows (%d), and serves it as well\n", version, needed)
	}
	return err
}

type migrateDownCmd struct {
	databaseFlags
	All bool `name:"all" help:"Undo all of them."`
	Yes bool `name:"yes" help:"Do not ask."`
}

// Run undoes the newest migration, or all.
func (c *migrateDownCmd) Run(ctx context.Context, std streams) error {
	return c.withExisting(ctx, std, func(d *db.DB) error {
		version, what, err := c.plan(ctx, d)
		if err != nil {
			return err
		}
		if version == 0 {
			return nothingApplied(std)
		}
		if !c.Yes && !confirmed(ctx, std, what+" Type yes to go on: ") {
			return errNotConfirmed
		}
		return c.undo(ctx, std, d, version)
	})
}

// undo undoes the migration that plan has looked at, or all from there.
func (c *migrateDownCmd) undo(ctx context.Context, std streams, d *db.DB, version int64) error {
	last := version
	if c.All {
		last = 1
	}
	for ; version >= last; version-- {
		undone, err := d.MigrateDown(ctx, version)
		if errors.Is(err, db.ErrNotNewest) {
			return errors.New("somebody else has migrated this database just now: see `mcpkeep migrate status`")
		}
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(std.out, "undid %s\n", undone.Name)
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

// plan says which migration is the newest, and what would be undone; 0 when there is
// nothing.
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
		return 0, "", fmt.Errorf("the schema is at version %d, and this program knows %d: undo it with the program that made it", version, len(list))
	case c.All:
		return version, fmt.Sprintf("This undoes all %d migrations: everybody is signed out, and people, grants, keys on record and the audit trail are deleted. "+
			"Registered clients stay.", version), nil
	}
	return version, fmt.Sprintf("This undoes %s: what only its tables and columns hold is deleted, and servers of this version are not ready any more.",
		list[version-1].Name), nil
}

// withExisting is withDatabase for commands that have no use for a new database.
func (f *databaseFlags) withExisting(ctx context.Context, std streams, do func(*db.DB) error) error {
	if err := f.exists(); err != nil {
		return err
	}
	return f.withDatabase(ctx, std, do)
}

// withDatabase opens the database for one command, and makes an SQLite file that is
// not there.
func (f *databaseFlags) withDatabase(ctx context.Context, std streams, do func(*db.DB) error) error {
	d, err := f.openDatabase(ctx, newLogger(std.err, "text", "warn"), openFor)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return do(d)
}
