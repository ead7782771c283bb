package main

import (
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// TestMigrateUpGrants: with --grant, one command is all that a role needs to serve.
func TestMigrateUpGrants(t *testing.T) {
	admin := dbtest.Postgres().EmptyURL(t)
	url, role := dbtest.NewRole(t, admin)
	role = strings.Trim(role, `"`)
	env := map[string]string{"DATABASE_URL": admin}
	for range 2 {
		command(t, env, "migrate", "up", "--grant", role).wants(t, exitOK, "granted "+role+" the right to serve")
	}
	served(t, map[string]string{"DATABASE_URL": url, "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate(), "MCPKEEP_AUTO_MIGRATE": "false"})
	command(t, env, "migrate", "up", "--grant", "no_such_role").wants(t, exitFailed, "no_such_role")
	sqlite := map[string]string{"DATABASE_URL": dbtest.SQLite().EmptyURL(t)}
	command(t, sqlite, "migrate", "up", "--grant", role).wants(t, exitFailed, "--grant")
}
