package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// noSchema: tables would be made nowhere.
func (s surroundings) noSchema() *RefusedError {
	r := &RefusedError{Found: "role " + s.role + " has no schema to create tables in: search_path is " + s.searchPath}
	switch {
	case s.lockedSchema != "":
		r.SQL = "GRANT USAGE, CREATE ON SCHEMA " + s.lockedSchema + " TO " + s.role
	case s.missingSchema != "":
		r.SQL = "CREATE SCHEMA " + s.missingSchema + " AUTHORIZATION " + s.role
	default:
		r.Found = "role " + s.role + " has no schema to create tables in: search_path is empty"
		r.Fix = "add search_path=public, or another schema, to DATABASE_URL"
		return r
	}
	r.Fix = "run `" + r.SQL + "` as an administrator of the database, or set search_path in DATABASE_URL"
	return r
}

// versionError knows a table of other columns or types by the class of the error, and
// a role that may not read ours.
func (p *postgres) versionError(ctx context.Context, err error) error {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code[:2] != "42" {
		return err
	}
	there, looked := p.existing(ctx, []string{versionTable})
	if looked != nil {
		return errors.Join(err, looked)
	}
	if len(there) == 0 {
		return nil // it is in a later schema of the search path
	}
	s, looked := lookAround(ctx, retryReads{p})
	if looked != nil {
		return errors.Join(err, looked)
	}
	if pgErr.Code != "42501" { // insufficient_privilege
		return s.ownSchema("the table " + s.schema + "." + versionTable + " belongs to another program")
	}
	statement := "GRANT SELECT ON " + s.schema + "." + versionTable + " TO " + s.role
	return &RefusedError{
		Found: "role " + s.role + " may not read " + s.schema + "." + versionTable, SQL: statement,
		Fix: "run `" + statement + "` as the table's owner",
	}
}

// ownSchema: the names are taken here.
func (s surroundings) ownSchema(found string) *RefusedError {
	statement := "CREATE SCHEMA " + s.unusedSchema + " AUTHORIZATION " + s.role
	return &RefusedError{
		Found: printable(found), SQL: statement,
		Fix: "give mcpkeep its own schema: run `" + statement + "` as an administrator of the database, and add search_path=" +
			s.unusedSchema + " to DATABASE_URL",
	}
}

// owned is a table that belongs to a role whose rights ours does not have.
type owned struct{ table, owner, fix string }

// foreignOwnersQuery makes our role a member of the owner's, so that the owner's
// program keeps its table. A superuser needs no table of its own, and no one should
// become one.
const foreignOwnersQuery = `
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(o.rolname),
    CASE WHEN o.rolsuper THEN 'ALTER TABLE ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ' OWNER TO ' || quote_ident(u.rolname)
         WHEN u.rolinherit THEN 'GRANT ' || quote_ident(o.rolname) || ' TO ' || quote_ident(u.rolname)
         WHEN current_setting('server_version_num')::int >= 160000
             THEN 'GRANT ' || quote_ident(o.rolname) || ' TO ' || quote_ident(u.rolname) || ' WITH INHERIT TRUE'
         ELSE 'ALTER ROLE ' || quote_ident(u.rolname) || ' INHERIT; GRANT ' || quote_ident(o.rolname) || ' TO ' || quote_ident(u.rolname) END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_roles o ON o.oid = c.relowner JOIN pg_roles u ON u.rolname = $2
WHERE n.oid = to_regnamespace($1) AND c.relkind = 'r' AND (c.relname = 'oauth_clients' OR c.relname LIKE 'mcpkeep\_%')
    AND NOT pg_has_role(u.oid, c.relowner, 'USAGE')
ORDER BY 1`

// foreignOwners takes the schema as SQL wants it and the role's plain name.
func (p *postgres) foreignOwners(ctx context.Context, schema, role string) ([]owned, error) {
	rows, err := retryReads{p}.Query(ctx, foreignOwnersQuery, schema, role)
	if err != nil {
		return nil, fmt.Errorf("look at the owners of the tables: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (o owned, err error) {
		return o, row.Scan(&o.table, &o.owner, &o.fix)
	})
}

// rights refuses for a role that does not own the tables or may not create any, with
// all statements that it lacks.
func (s surroundings) rights(owners []owned, cannotCreate bool) error {
	var found, statements []string
	if cannotCreate {
		found = append(found, "role "+s.role+" may not create tables in schema "+s.schema)
		statements = append(statements, s.grantCreate())
	}
	for _, o := range owners {
		found = append(found, o.table+" belongs to role "+o.owner+", and role "+s.role+" may not alter it")
		if !slices.Contains(statements, o.fix) {
			statements = append(statements, o.fix)
		}
	}
	if len(found) == 0 {
		return nil
	}
	statement := strings.Join(statements, "; ")
	return &RefusedError{
		Found: strings.Join(found, "; "), SQL: statement,
		Fix: "run `" + statement + "` as an administrator of the database, or `mcpkeep migrate up` as a role that may",
	}
}

func (s surroundings) grantCreate() string {
	return "GRANT CREATE ON SCHEMA " + s.schema + " TO " + s.role
}
