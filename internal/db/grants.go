package db

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/sql/schema"
)

// ErrNoRoles is returned by Grants for a database without roles.
var ErrNoRoles = errors.New("SQLite has no roles: the rights are those of the file")

var tableStatement = regexp.MustCompile(`(?m)^CREATE TABLE (?:IF NOT EXISTS )?(\w+)`)

// tableNames are the tables of all migrations.
func tableNames() []string {
	var all []string
	for _, file := range migrationFiles() {
		text, err := schema.Migrations.ReadFile(file)
		if err != nil {
			panic(err) // it is compiled in
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		all = append(all, names(tableStatement, up)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ServingGrants are the statements for a role that serves and does not migrate. The schema
// and the role are as SQL wants them.
func ServingGrants(in, role string) []string {
	return servingGrants(in, role, append(tableNames(), versionTable))
}

func servingGrants(in, role string, tables []string) []string {
	statements := []string{"GRANT USAGE ON SCHEMA " + in + " TO " + role}
	var named []string
	for _, table := range tables {
		if table != versionTable {
			named = append(named, in+"."+table)
		}
	}
	if len(named) > 0 {
		statements = append(statements, "GRANT SELECT, INSERT, UPDATE, DELETE ON "+strings.Join(named, ", ")+" TO "+role)
	}
	if slices.Contains(tables, versionTable) { // only migrations write it
		statements = append(statements, "GRANT SELECT ON "+in+"."+versionTable+" TO "+role)
	}
	return statements
}

// Grants are the statements that give a role the rights to serve or to migrate, for the
// tables that are there. The owner of the tables or an administrator runs them. The
// error is ErrNoRoles for SQLite, and a *RefusedError when there is no such role.
func (d *DB) Grants(ctx context.Context, role string, migrate bool) ([]string, error) {
	p, ok := d.engine.(*postgres)
	if !ok {
		return nil, ErrNoRoles
	}
	s, err := lookAround(ctx, retryReads{p})
	if err != nil {
		return nil, err
	}
	if s.schema == "" && s.lockedSchema == "" {
		return nil, s.noSchema()
	}
	var there bool
	if err := (retryReads{p}).QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&there); err != nil {
		return nil, fmt.Errorf("look for the role: %w", err)
	}
	if !there {
		return nil, &RefusedError{Found: "the server has no role " + quoted(role), Fix: "correct its name, or run `CREATE ROLE " + quoted(role) + " LOGIN PASSWORD '…'` as an administrator"}
	}
	return p.grants(ctx, s, role, migrate)
}

// grants works in a schema that the role may not use yet, too.
func (p *postgres) grants(ctx context.Context, s surroundings, role string, migrate bool) ([]string, error) {
	in, named := s.schema, quoted(role)
	if in == "" {
		in = s.lockedSchema
	}
	if !migrate {
		tables, err := p.tablesIn(ctx, in)
		return servingGrants(in, named, tables), err
	}
	statements := []string{"GRANT USAGE, CREATE ON SCHEMA " + in + " TO " + named}
	owners, err := p.foreignOwners(ctx, in, role)
	for _, o := range owners {
		if !slices.Contains(statements, o.fix) {
			statements = append(statements, o.fix)
		}
	}
	return statements, err
}

func (p *postgres) tablesIn(ctx context.Context, in string) ([]string, error) {
	rows, err := retryReads{p}.Query(ctx, `SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace($1)
		AND relkind IN ('r', 'p') AND relname = ANY($2) ORDER BY 1`, in, append(tableNames(), versionTable))
	if err != nil {
		return nil, fmt.Errorf("look at the tables: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Grant runs the statements of Grants for the role of another connection to the same
// database, unless it is this one's.
func (d *DB) Grant(ctx context.Context, to *DB) error {
	ours, ok := d.engine.(*postgres)
	theirs, okToo := to.engine.(*postgres)
	if !ok || !okToo {
		return nil
	}
	var role, own string
	if err := theirs.query(ctx, "SELECT current_user").Scan(&role); err != nil {
		return fmt.Errorf("query the role: %w", err)
	}
	if err := ours.query(ctx, "SELECT current_user").Scan(&own); err != nil || role == own {
		return err
	}
	return d.GrantTo(ctx, role)
}

// GrantTo runs the statements of Grants for a role that serves.
func (d *DB) GrantTo(ctx context.Context, role string) error {
	statements, err := d.Grants(ctx, role, false)
	if err != nil {
		return err
	}
	ours, ok := d.engine.(*postgres)
	if !ok {
		return ErrNoRoles
	}
	for _, statement := range statements {
		if _, err := ours.pool.Exec(ctx, statement); err != nil {
			return fmt.Errorf("grant rights to role %s: %w", quoted(role), err)
		}
	}
	return nil
}
