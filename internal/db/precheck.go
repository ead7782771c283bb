package db

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/mcpkeep/mcpkeep/sql/schema"
)

// RefusedError is the error of a migration that is refused before anything is changed,
// and of a connection that the server does not take however often it is tried.
type RefusedError struct {
	Found string // what stands in the way
	Fix   string // what to do; SQL is quoted in it
	SQL   string // the statements that fix it, "" when none do

	cause error
}

// Error is one line: what was found, then the fix.
func (r *RefusedError) Error() string { return r.Found + ": " + r.Fix }

// Unwrap returns the server's answer, if there is one.
func (r *RefusedError) Unwrap() error { return r.cause }

// clientsTable is the one table whose name other programs share.
const clientsTable = "oauth_clients"

// HasClients reports whether the table is there that mcpkeep shares with FastMCP.
func (d *DB) HasClients(ctx context.Context) (bool, error) {
	found, err := d.engine.existing(ctx, []string{clientsTable})
	return len(found) > 0, err
}

// plan is what pending migrations create.
type plan struct {
	relations []string // tables and indexes that must not be there yet
	columns   []string // of oauth_clients, likewise
}

// CheckMigration returns nil when Migrate would have nothing to do or may begin, and
// a *RefusedError when the database is not fit for it or this role lacks rights. It
// changes nothing.
func (d *DB) CheckMigration(ctx context.Context) error {
	version, err := d.Version(ctx)
	if err != nil || version >= NeededVersion() {
		return err
	}
	p, err := pending(version)
	if err != nil {
		return err
	}
	return d.engine.precheck(ctx, p)
}

var (
	createStatement = regexp.MustCompile(`(?m)^CREATE (?:TABLE|(?:UNIQUE )?INDEX) (\w+)`) // those with IF NOT EXISTS tolerate what is there
	columnStatement = regexp.MustCompile(`(?m)^ALTER TABLE ` + clientsTable + ` ADD COLUMN (\w+)`)
)

// pending reads what the migrations above a version create.
func pending(version int64) (plan, error) {
	var p plan
	for v := version + 1; v <= NeededVersion(); v++ {
		text, err := schema.Migrations.ReadFile(migrationFiles()[v-1])
		if err != nil {
			return plan{}, fmt.Errorf("read the migrations: %w", err)
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		p.relations = append(p.relations, names(createStatement, up)...)
		p.columns = append(p.columns, names(columnStatement, up)...)
	}
	return p, nil
}

func names(statement *regexp.Regexp, text string) []string {
	var found []string
	for _, match := range statement.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

// column is one of an existing oauth_clients.
type column struct {
	name, kind string
	// required: an INSERT that does not name it fails.
	required bool
	// unique: no two rows share its value.
	unique bool
}

// difference says why a table with these columns is not the one that mcpkeep shares
// with FastMCP, "" when it is. kinds are the accepted types of its four columns;
// further columns are accepted when an INSERT may leave them out.
func difference(columns []column, kinds map[string][]string, added []string) string {
	for _, name := range []string{"key", "value", "created_at", "updated_at"} {
		i := slices.IndexFunc(columns, func(c column) bool { return c.name == name })
		switch {
		case i < 0:
			return "it has no column " + name + " (its columns: " + list(columns) + ")"
		case !slices.Contains(kinds[name], columns[i].kind):
			return "its column " + name + " is " + columns[i].kind + ", not " + kinds[name][0]
		case name == "key" && !columns[i].unique:
			return "its column key is not the primary key"
		}
	}
	for _, c := range columns {
		if _, shared := kinds[c.name]; !shared && c.required {
			return "its column " + c.name + " is required, and mcpkeep does not fill it"
		}
		if slices.Contains(added, c.name) {
			return "it has a column " + c.name + ", which mcpkeep adds"
		}
	}
	return ""
}

// list names columns and their types, the first few of them.
func list(columns []column) string {
	const most = 8
	var all []string
	for _, c := range columns[:min(most, len(columns))] {
		all = append(all, c.name+" "+c.kind)
	}
	if len(columns) > most {
		all = append(all, "…")
	}
	return strings.Join(all, ", ")
}

// printable replaces what a terminal would obey in the names of other programs.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return '?'
	}, text)
}
