package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteColumns are declared types; SQLite converts a value by its column's.
var sqliteColumns = map[string][]string{
	"key": {"TEXT", "VARCHAR"}, "value": {"JSONB", "JSON", "TEXT"},
	"created_at": {"TIMESTAMP", "DATETIME"}, "updated_at": {"TIMESTAMP", "DATETIME"},
}

// precheck refuses a file in which another program has the names.
func (e *sqliteEngine) precheck(ctx context.Context, p plan) error {
	kind, err := e.kindOf(ctx, clientsTable)
	if err != nil {
		return err
	}
	if kind != "" && kind != "table" {
		return ownFile(clientsTable + " is not a table but a " + kind)
	}
	if kind != "" {
		columns, err := e.columns(ctx)
		if err != nil {
			return err
		}
		if why := difference(columns, sqliteColumns, p.columns); why != "" {
			return ownFile("the table " + clientsTable + " belongs to another program: " + why)
		}
	}
	taken, err := e.existing(ctx, p.relations)
	if err == nil && len(taken) > 0 {
		return ownFile("the file already has " + strings.Join(taken, ", ") + ", which mcpkeep's schema does not account for")
	}
	return err
}

// noVersionTable looks for the table: SQLite has one code for all that is wrong with a
// statement.
func (e *sqliteEngine) noVersionTable(ctx context.Context, err error) bool {
	if !isStatementError(err) {
		return false
	}
	kind, err := e.kindOf(ctx, versionTable)
	return err == nil && kind == ""
}

// isStatementError reports whether the statement did not fit the schema.
func isStatementError(err error) bool {
	var sqliteErr *sqlite.Error
	return errors.As(err, &sqliteErr) && sqliteErr.Code() == sqlite3.SQLITE_ERROR
}

func (*sqliteEngine) versionError(_ context.Context, err error) error {
	if isStatementError(err) {
		return ownFile("the table " + versionTable + " belongs to another program")
	}
	return err
}

func (*sqliteEngine) mayUndo(context.Context) error { return nil }

func ownFile(found string) *RefusedError {
	return &RefusedError{Found: printable(found), Fix: "give mcpkeep a file of its own in DATABASE_URL (sqlite:PATH)"}
}

// kindOf is "table", "view" or "index", "" when nothing has this name.
func (e *sqliteEngine) kindOf(ctx context.Context, name string) (kind string, err error) {
	const query = "SELECT COALESCE((SELECT type FROM sqlite_master WHERE name = $1 COLLATE NOCASE AND type <> 'trigger'), '')"
	if err := e.read.QueryRowContext(ctx, query, name).Scan(&kind); err != nil {
		return "", fmt.Errorf("look at the tables: %w", err)
	}
	return kind, nil
}

func (e *sqliteEngine) existing(ctx context.Context, wanted []string) ([]string, error) {
	var taken []string
	for _, name := range wanted {
		kind, err := e.kindOf(ctx, name)
		if err != nil {
			return nil, err
		}
		if kind != "" && !slices.Contains(taken, name) {
			taken = append(taken, name)
		}
	}
	return taken, nil
}

// sqliteColumnsQuery takes a column as unique when a primary key or a unique index
// has it alone.
const sqliteColumnsQuery = `
SELECT lower(c.name), upper(substr(c.type, 1, instr(c.type || '(', '(') - 1)), c."notnull" AND c.dflt_value IS NULL AND c.pk = 0,
    EXISTS (SELECT 1 FROM pragma_index_list('oauth_clients') i WHERE i."unique" AND NOT i.partial
        AND (SELECT group_concat(name) FROM pragma_index_info(i.name)) = c.name)
FROM pragma_table_info('oauth_clients') c ORDER BY c.cid`

func (e *sqliteEngine) columns(ctx context.Context) ([]column, error) {
	rows, err := e.read.QueryContext(ctx, sqliteColumnsQuery)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", clientsTable, err)
	}
	defer func() { _ = rows.Close() }()
	var all []column
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.name, &c.kind, &c.required, &c.unique); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, rows.Err()
}
