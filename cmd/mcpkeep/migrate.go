package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	return c.withDatabase(ctx, std, func(d *db.DB) error {
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
		return table.Flush()
	})
}

type migrateDownCmd struct {
	databaseFlags
	All bool `name:"all" help:"Undo all of them."`
	Yes bool `name:"yes" help:"Do not ask."`
}

// Run undoes the newest migration, or all.
func (c *migrateDownCmd) Run(ctx context.Context, std streams) error {
	if !c.Yes && !confirmed(std, "This deletes tables with their rows and signs people out. Type yes to go on: ") {
		return errors.New("not confirmed; nothing was changed (--yes answers for you)")
	}
	return c.withDatabase(ctx, std, func(d *db.DB) error {
		for {
			undone, err := d.MigrateDown(ctx)
			if err != nil {
				return err
			}
			if undone == nil {
				_, err = fmt.Fprintln(std.out, "no migration is applied")
				return err
			}
			_, _ = fmt.Fprintf(std.out, "undid %s\n", undone.Name)
			if !c.All {
				return nil
			}
		}
	})
}

// confirmed asks a question and says whether the answer was yes.
func confirmed(std streams, question string) bool {
	_, _ = fmt.Fprint(std.err, question)
	answer, _ := bufio.NewReader(std.in).ReadString('\n')
	return strings.TrimSpace(answer) == "yes"
}

// withDatabase opens the database for one command.
func (f *databaseFlags) withDatabase(ctx context.Context, std streams, do func(*db.DB) error) error {
	d, err := f.openDatabase(ctx, newLogger(std.err, "text", "warn"))
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return do(d)
}
