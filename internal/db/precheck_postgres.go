package db

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

var postgresColumns = map[string][]string{
	"key": {"text", "character varying"}, "value": {"jsonb"},
	"created_at": {"timestamp without time zone", "timestamp with time zone"},
	"updated_at": {"timestamp without time zone", "timestamp with time zone"},
}

// currentNamespace is the schema in which tables are made. Only it is looked at: a
// table of the same name in a later schema of the search path is another one.
const currentNamespace = "to_regnamespace(quote_ident(current_schema()))"

// surroundings are the names and rights at a PostgreSQL server; names are quoted
// where SQL wants it.
type surroundings struct {
	plainRole     string // unquoted
	role, schema  string // schema is "" when the search path names none that is usable
	mayCreate     bool
	searchPath    string
	unusedSchema  string // a name that no schema has
	missingSchema string // the first schema on the search path that is not there
	lockedSchema  string // the first that is there, and not for this role
}

const surroundingsQuery = `
WITH path AS (
    SELECT btrim(name, ' "') AS name, n FROM unnest(string_to_array(current_setting('search_path'), ',')) WITH ORDINALITY AS p (name, n)
    WHERE btrim(name, ' "') NOT IN ('', '$user')
)
SELECT current_user::text, quote_ident(current_user), COALESCE(quote_ident(current_schema()), ''),
    COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false), current_setting('search_path'),
    (SELECT quote_ident(min(s)) FROM unnest(ARRAY['mcpkeep', 'mcpkeep2', 'mcpkeep3']) s WHERE to_regnamespace(s) IS NULL),
    COALESCE((SELECT quote_ident(name) FROM path WHERE to_regnamespace(quote_ident(name)) IS NULL ORDER BY n LIMIT 1), ''),
    COALESCE((SELECT quote_ident(name) FROM path WHERE to_regnamespace(quote_ident(name)) IS NOT NULL ORDER BY n LIMIT 1), '')`

// lookAround asks on a connection or the pool.
func lookAround(ctx context.Context, conn interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
},
) (s surroundings, err error) {
	var unused *string
	err = conn.QueryRow(ctx, surroundingsQuery).Scan(&s.plainRole, &s.role, &s.schema, &s.mayCreate, &s.searchPath, &unused, &s.missingSchema, &s.lockedSchema)
	if err != nil {
		return s, fmt.Errorf("look at the role and its schema: %w", err)
	}
	s.unusedSchema = "NAME"
	if unused != nil {
		s.unusedSchema = *unused
	}
	return s, nil
}

// precheck refuses a database in which another program has the names, or in which
// this role may not do what the migrations do.
func (p *postgres) precheck(ctx context.Context, plan plan) error {
	if err := p.directNeeded(ctx); err != nil {
		return err
	}
	s, err := lookAround(ctx, retryReads{p})
	if err != nil {
		return err
	}
	if s.schema == "" {
		return s.noSchema()
	}
	if err := p.checkNames(ctx, s, plan); err != nil {
		return err
	}
	owners, err := p.foreignOwners(ctx, s.schema, s.plainRole)
	if err != nil {
		return err
	}
	return s.rights(owners, !s.mayCreate)
}

// mayUndo refuses to undo a migration as a role that does not own the tables.
func (p *postgres) mayUndo(ctx context.Context) error {
	if err := p.directNeeded(ctx); err != nil {
		return err
	}
	s, err := lookAround(ctx, retryReads{p})
	if err != nil {
		return err
	}
	owners, err := p.foreignOwners(ctx, s.schema, s.plainRole)
	if err != nil {
		return err
	}
	return s.rights(owners, false)
}

// checkNames looks at oauth_clients and at the names that are ours.
func (p *postgres) checkNames(ctx context.Context, s surroundings, plan plan) error {
	var kind string
	err := retryReads{p}.QueryRow(ctx, "SELECT COALESCE((SELECT relkind::text FROM pg_class WHERE relnamespace = "+currentNamespace+" AND relname = $1), '')", clientsTable).Scan(&kind)
	if err != nil {
		return fmt.Errorf("look at %s: %w", clientsTable, err)
	}
	if kind != "" && kind != "r" {
		return s.ownSchema(s.schema + "." + clientsTable + " is not a plain table but a " + relationKinds[kind])
	}
	if kind != "" {
		columns, err := p.columns(ctx)
		if err != nil {
			return err
		}
		if why := difference(columns, postgresColumns, plan.columns); why != "" {
			return s.ownSchema("the table " + s.schema + "." + clientsTable + " belongs to another program: " + why)
		}
	}
	taken, err := p.existing(ctx, plan.relations)
	if err == nil && len(taken) > 0 {
		return s.ownSchema("the schema " + s.schema + " already has " + strings.Join(taken, ", ") + ", which mcpkeep's schema version does not account for")
	}
	return err
}

var relationKinds = map[string]string{
	"v": "view", "m": "materialized view", "f": "foreign table", "p": "partitioned table", "S": "sequence", "i": "index", "I": "index", "c": "type",
}

// columnsQuery takes a column as unique when a valid unique index has it alone and
// looks at every row.
const columnsQuery = `
SELECT a.attname, format_type(a.atttypid, NULL), a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
        AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relname = $1 AND c.relnamespace = ` + currentNamespace + ` AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

func (p *postgres) columns(ctx context.Context) ([]column, error) {
	rows, err := retryReads{p}.Query(ctx, columnsQuery, clientsTable)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", clientsTable, err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c column, err error) {
		return c, row.Scan(&c.name, &c.kind, &c.required, &c.unique)
	})
}

// existingQuery knows types too, since a table takes the name of one.
const existingQuery = `
SELECT relname::text FROM pg_class WHERE relnamespace = ` + currentNamespace + ` AND relname = ANY($1)
UNION SELECT typname::text FROM pg_type WHERE typnamespace = ` + currentNamespace + ` AND typname = ANY($1) ORDER BY 1`

func (p *postgres) existing(ctx context.Context, wanted []string) ([]string, error) {
	rows, err := retryReads{p}.Query(ctx, existingQuery, wanted)
	if err != nil {
		return nil, fmt.Errorf("look at the tables: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
