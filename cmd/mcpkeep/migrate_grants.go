package main

import (
	"context"
	"fmt"

	"github.com/mcpkeep/mcpkeep/internal/db"
)

type migrateGrantsCmd struct {
	databaseFlags
	Migrate bool   `name:"migrate" help:"Print the statements for a role that also migrates."`
	Role    string `arg:"" name:"role" help:"Name of the PostgreSQL role."`
}

// Help says what to do with the output.
func (*migrateGrantsCmd) Help() string {
	return "It prints the statements for a role that serves, or with --migrate for one that also migrates, and runs none. " +
		"Run them with psql as the owner of the tables or as an administrator, after the first migration and after each upgrade that adds tables."
}

// Run prints the statements.
func (c *migrateGrantsCmd) Run(ctx context.Context, std streams) error {
	return c.withExisting(ctx, std, func(d *db.DB) error {
		for _, section := range []struct {
			comment string
			migrate bool
		}{
			{"-- To serve:", false},
			{"-- To migrate, too:", true},
		} {
			if section.migrate && !c.Migrate {
				continue
			}
			statements, err := d.Grants(ctx, c.Role, section.migrate)
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintln(std.out, section.comment)
			for _, statement := range statements {
				_, _ = fmt.Fprintln(std.out, statement+";")
			}
		}
		return warnOfMissingTables(ctx, std, d)
	})
}

// warnOfMissingTables says that the statements leave out tables that a pending migration
// creates.
func warnOfMissingTables(ctx context.Context, std streams, d *db.DB) error {
	version, err := d.Version(ctx)
	if err == nil && version < db.NeededVersion() {
		_, err = fmt.Fprintf(std.err, "mcpkeep: the schema is at version %d of %d, and these statements are for the tables that exist: "+
			"run `mcpkeep migrate up`, then this command again\n", version, db.NeededVersion())
	}
	return err
}
