package db

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Layout is how a table of py-key-value keeps collection and key.
type Layout string

// The layouts.
const (
	// LayoutCollection is that of py-key-value's own PostgreSQL store: the columns
	// collection, key and value, perhaps ttl, created_at and expires_at.
	LayoutCollection Layout = "kv_store"
	// LayoutKey has "collection:key" in the column key, as oauth_clients.
	LayoutKey Layout = clientsTable
)

// ForeignName is a table of another program, as an operator names it.
type ForeignName struct {
	Table  string // may have a schema before a dot
	Layout Layout
	Prefix string // in front of each collection, "" for none
}

// identifier is what py-key-value accepts as the name of a table, and at most 63 bytes.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// Valid reports whether the name may be one of a table.
func (n ForeignName) Valid() bool {
	parts := strings.Split(n.Table, ".")
	return len(parts) <= 2 && !slices.ContainsFunc(parts, func(part string) bool { return !identifier.MatchString(part) })
}

// String is the name as it is configured.
func (n ForeignName) String() string { return n.Table }

// ForeignTable is a table that was found. Its name comes from the configuration, so no query
// on it can be generated: the statements are here, and in nothing else, with identifiers
// that were looked up in the database and quoted.
type ForeignTable struct {
	ForeignName
	quoted  string
	columns map[string]string // to their types
}

// foreignTypes are the types of columns that are read and written. The others are none of
// ours, and so are columns of other types that nothing depends on.
var foreignTypes = map[string][]string{
	"collection": {"text", "character varying"}, "key": {"text", "character varying", "varchar"},
	"value": {"jsonb", "json", "text"},
	"ttl":   {"double precision", "numeric", "integer", "bigint"}, "created_at": timeTypes, "expires_at": timeTypes, "updated_at": timeTypes,
}

var timeTypes = []string{"timestamp with time zone", "timestamp without time zone", "timestamp"}

// FindForeignTable looks a table up. It is nil when there is none of that name. The error is
// a *RefusedError for one that has other columns or that this role may not use.
func (d *DB) FindForeignTable(ctx context.Context, n ForeignName) (*ForeignTable, error) {
	if !n.Valid() {
		return nil, &RefusedError{Found: fmt.Sprintf("%q is not the name of a table", n.Table), Fix: "give a name of letters, digits and underscores"}
	}
	t, err := d.engine.foreignTable(ctx, n.Table)
	if t == nil || err != nil {
		return nil, err
	}
	t.ForeignName = n
	if why := t.difference(); why != "" {
		return nil, &RefusedError{
			Found: "the table " + n.Table + " is not one of py-key-value: " + why, Fix: "name the right table and its layout in MCPKEEP_FASTMCP_TABLE",
		}
	}
	return t, d.engine.mayUse(ctx, t)
}

// IsClientTable reports whether a table and its prefix mean oauth_clients, whatever its name is
// in the configuration.
func (d *DB) IsClientTable(ctx context.Context, t *ForeignTable) (bool, error) {
	if t.Prefix != "" {
		return false, nil
	}
	own, err := d.engine.foreignTable(ctx, clientsTable)
	return own != nil && own.quoted == t.quoted, err
}

// difference says why the table has another layout, "" when it has not.
func (t *ForeignTable) difference() string {
	wanted := []string{"key", "value"}
	if t.Layout == LayoutCollection {
		wanted = append([]string{"collection"}, wanted...)
	}
	for _, name := range wanted {
		if kind := t.columns[name]; kind == "" {
			return "it has no column " + name
		} else if !slices.Contains(foreignTypes[name], kind) {
			return "its column " + name + " is " + kind + ", not " + foreignTypes[name][0]
		}
	}
	if kind := t.columns["expires_at"]; t.Layout == LayoutCollection && kind != "" && !slices.Contains(timeTypes, kind) {
		return "its column expires_at is " + kind + ", not " + timeTypes[0] // which decides what is over
	}
	for name, kind := range t.columns {
		if !slices.Contains(foreignTypes[name], kind) {
			delete(t.columns, name)
		}
	}
	return ""
}

// quote quotes an identifier.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// schemaAndName splits a name, whose schema may be missing.
func schemaAndName(name string) (schema, table string) {
	schema, table, found := strings.Cut(name, ".")
	if !found {
		return "", schema
	}
	return schema, table
}

// foreignQuery finds a table by its name, or by that in lower case, which is what SQL makes
// of a name without quotes.
const foreignQuery = `
WITH found AS (
    SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relname IN (CAST($2 AS TEXT), lower(CAST($2 AS TEXT)))
        AND CASE WHEN CAST($1 AS TEXT) = '' THEN pg_table_is_visible(c.oid) ELSE n.nspname IN (CAST($1 AS TEXT), lower(CAST($1 AS TEXT))) END
    ORDER BY c.relname = CAST($2 AS TEXT) DESC, n.nspname = CAST($1 AS TEXT) DESC LIMIT 1)
SELECT quote_ident(f.nspname) || '.' || quote_ident(f.relname), a.attname, format_type(a.atttypid, NULL)
FROM found f JOIN pg_attribute a ON a.attrelid = f.oid WHERE a.attnum > 0 AND NOT a.attisdropped`

func (p *postgres) foreignTable(ctx context.Context, name string) (*ForeignTable, error) {
	schema, table := schemaAndName(name)
	return lookUp(ctx, pgStatements{retryReads{p}}, foreignQuery, schema, table)
}

// sqliteForeignQuery finds the columns of a table.
const sqliteForeignQuery = `SELECT m.name, lower(c.name), lower(c.type)
FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name = $1 COLLATE NOCASE`

func (e *sqliteEngine) foreignTable(ctx context.Context, name string) (*ForeignTable, error) {
	t, err := lookUp(ctx, sqliteStatements{e.read}, sqliteForeignQuery, name)
	if t != nil {
		t.quoted = quote(t.quoted)
	}
	return t, err
}

// lookUp runs a query that returns the name of a table, and a column and its type in each row.
func lookUp(ctx context.Context, s statements, query string, args ...any) (*ForeignTable, error) {
	t := ForeignTable{columns: map[string]string{}}
	err := s.rows(ctx, query, args, func(scan func(...any) error) error {
		var column, kind string
		err := scan(&t.quoted, &column, &kind)
		t.columns[column] = kind
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look at the tables: %w", err)
	}
	if len(t.columns) == 0 {
		return nil, nil //nolint:nilnil // there is no such table
	}
	return &t, nil
}

const mayUseQuery = `SELECT quote_ident(current_user), has_table_privilege(CAST($1 AS TEXT), 'SELECT') AND has_table_privilege(CAST($1 AS TEXT), 'INSERT')
    AND has_table_privilege(CAST($1 AS TEXT), 'UPDATE') AND has_table_privilege(CAST($1 AS TEXT), 'DELETE')`

func (p *postgres) mayUse(ctx context.Context, t *ForeignTable) error {
	return pgStatements{retryReads{p}}.rows(ctx, mayUseQuery, []any{t.quoted}, func(scan func(...any) error) error {
		var role string
		var may bool
		if err := scan(&role, &may); err != nil || may {
			return err
		}
		statement := "GRANT SELECT, INSERT, UPDATE, DELETE ON " + t.quoted + " TO " + role
		return &RefusedError{
			Found: "role " + role + " may not use the table " + t.quoted, SQL: statement, Fix: "run `" + statement + "` as the table's owner",
		}
	})
}

func (*sqliteEngine) mayUse(context.Context, *ForeignTable) error { return nil }
