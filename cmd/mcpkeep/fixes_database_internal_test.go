package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// databaseFaults are the cases of TestFixes about files, folders and rights.
func databaseFaults() map[string]func(t *testing.T) broken {
	return map[string]func(t *testing.T) broken{
		"folder of another user": func(t *testing.T) broken {
			folder := foreignFolder(t, 0o755)
			env := map[string]string{"DATABASE_URL": "sqlite:" + filepath.Join(folder, "x.db"), "MCPKEEP_LISTEN": "127.0.0.1:0"}
			return broken{env: env, check: "database_writable", want: "chown 65532 " + folder, fix: func(f doctor.Finding) { runFix(t, f) }, user: imageUser}
		},
		"folder that no one else may enter": func(t *testing.T) broken {
			folder := foreignFolder(t, 0o700)
			path := filepath.Join(folder, "x.db")
			env := map[string]string{"DATABASE_URL": "sqlite:" + path, "MCPKEEP_LISTEN": "127.0.0.1:0"}
			command(t, env, "migrate", "up").wants(t, exitOK)
			if err := os.Chown(path, imageUser, imageUser); err != nil {
				t.Fatal(err)
			}
			return broken{env: env, check: "database_reachable", want: "chown 65532 " + folder, fix: func(f doctor.Finding) { runFix(t, f) }, user: imageUser}
		},
		"database that root made": func(t *testing.T) broken {
			folder := foreignFolder(t, 0o755)
			env := map[string]string{"DATABASE_URL": "sqlite:" + filepath.Join(folder, "x.db"), "MCPKEEP_LISTEN": "127.0.0.1:0"}
			command(t, env, "migrate", "up").wants(t, exitOK)
			if err := os.Chown(folder, imageUser, imageUser); err != nil {
				t.Fatal(err)
			}
			return broken{env: env, check: "database_reachable", want: "chown 65532 " + filepath.Join(folder, "x.db"),
				fix: func(f doctor.Finding) { runFix(t, f) }, user: imageUser}
		},
		"database file without write permission": func(t *testing.T) broken {
			folder := foreignFolder(t, 0o700)
			path := filepath.Join(folder, "x.db")
			env := map[string]string{"DATABASE_URL": "sqlite:" + path, "MCPKEEP_LISTEN": "127.0.0.1:0"}
			command(t, env, "migrate", "up").wants(t, exitOK)
			if err := errors.Join(os.Chown(folder, imageUser, imageUser), os.Chown(path, imageUser, imageUser), os.Chmod(path, 0o400)); err != nil {
				t.Fatal(err)
			}
			return broken{env: env, check: "database_reachable", want: "chmod 600 " + path, fix: func(f doctor.Finding) { runFix(t, f) }, user: imageUser}
		},
		"read-only transactions": func(t *testing.T) broken {
			env, _ := deployment(t, dbtest.Postgres())
			env["MCPKEEP_LISTEN"] = "127.0.0.1:0"
			conn := dbtest.SQL(t, env["DATABASE_URL"])
			dbtest.Exec(t, conn, "ALTER DATABASE "+dbtest.Value[string](t, conn, "SELECT quote_ident(current_database())")+" SET default_transaction_read_only = on")
			return broken{env: env, check: "database_writable", want: "SET default_transaction_read_only = off", fix: func(f doctor.Finding) { runSQL(t, conn, f) }}
		},
		"transactions of another isolation": func(t *testing.T) broken {
			env, _ := deployment(t, dbtest.Postgres())
			env["MCPKEEP_LISTEN"] = "127.0.0.1:0"
			conn := dbtest.SQL(t, env["DATABASE_URL"])
			dbtest.Exec(t, conn, "ALTER DATABASE "+dbtest.Value[string](t, conn, "SELECT quote_ident(current_database())")+" SET default_transaction_isolation = 'serializable'")
			return broken{env: env, check: "database_isolation", want: "'read committed'", fix: func(f doctor.Finding) { runSQL(t, conn, f) }}
		},
		"role without rights": func(t *testing.T) broken {
			env, _ := deployment(t, dbtest.Postgres())
			env["MCPKEEP_LISTEN"] = "127.0.0.1:0"
			conn := dbtest.SQL(t, env["DATABASE_URL"])
			env["DATABASE_URL"] = asRole(t, env["DATABASE_URL"], newRole(t, conn))
			return broken{env: env, check: "database_writable", want: "GRANT ", fix: func(f doctor.Finding) { runSQL(t, conn, f) }}
		},
		"role that serves, without rights": func(t *testing.T) broken {
			env, _ := deployment(t, dbtest.Postgres())
			env["MCPKEEP_LISTEN"], env["MCPKEEP_AUTO_MIGRATE"] = "127.0.0.1:0", "false"
			conn := dbtest.SQL(t, env["DATABASE_URL"])
			env["DATABASE_URL"] = asRole(t, env["DATABASE_URL"], newRole(t, conn))
			return broken{env: env, check: "database_writable", want: "GRANT ", fix: func(f doctor.Finding) { runSQL(t, conn, f) }}
		},
		"a table oauth_clients of another program": func(t *testing.T) broken {
			env := map[string]string{"DATABASE_URL": pgtest.New(t), "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate(), "MCPKEEP_LISTEN": "127.0.0.1:0"}
			conn := dbtest.SQL(t, env["DATABASE_URL"])
			dbtest.Exec(t, conn, "CREATE TABLE oauth_clients (id BIGINT PRIMARY KEY, name TEXT)")
			return broken{env: env, check: "schema_migration", want: "search_path=mcpkeep to DATABASE_URL", fix: func(f doctor.Finding) {
				runSQL(t, conn, f)
				env["DATABASE_URL"] = dbtest.WithQuery(t, env["DATABASE_URL"], "search_path", "mcpkeep")
			}}
		},
	}
}

// TestFolderOfAnotherUser: the server ends with the same fix.
func TestFolderOfAnotherUser(t *testing.T) {
	folder := foreignFolder(t, 0o755)
	env := map[string]string{"DATABASE_URL": "sqlite:" + filepath.Join(folder, "x.db"), "MCPKEEP_LISTEN": "127.0.0.1:0"}
	asUser(t, imageUser, env, "serve").wants(t, exitFailed, "user id 65532 may not write to the folder "+folder+" (mode 0755, owner 0)", "chown 65532 "+folder)
	command(t, env, "migrate", "up").wants(t, exitOK)
	path := filepath.Join(folder, "x.db")
	asUser(t, imageUser, env, "serve").wants(t, exitFailed, "user id 65532 may not read and write "+path, "chown 65532 "+path)
}
