package repo_test

import (
	"os"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/storage/storagetest"
)

// TestContractInEveryMode: however pgx sends the statements, which a URL may choose. It
// takes minutes and runs where MCPKEEP_TEST_QUERY_MODES is set, as in .ci/run.
func TestContractInEveryMode(t *testing.T) {
	t.Parallel()
	needsTime(t)
	for _, mode := range []string{"exec", "simple_protocol", "cache_describe", "describe_exec"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			contract(t, func(t testing.TB) string {
				return dbtest.WithQuery(t, dbtest.Postgres().URL(t), "default_query_exec_mode", mode)
			})
		})
	}
}

// needsTime skips a test that takes minutes.
func needsTime(t *testing.T) {
	t.Helper()
	if os.Getenv("MCPKEEP_TEST_QUERY_MODES") == "" {
		t.Skip("set MCPKEEP_TEST_QUERY_MODES to run the contract in every query mode of pgx")
	}
}

// TestContractThroughPgBouncer: in transaction mode, with fewer connections to the
// server than mcpkeep has to PgBouncer.
func TestContractThroughPgBouncer(t *testing.T) {
	t.Parallel()
	bouncer := pgtest.Bouncer(t, dbtest.Postgres().URL(t), "default_pool_size = 3", "server_round_robin = 1")
	contract(t, func(t testing.TB) string { return pgtest.Through(t, bouncer, dbtest.Postgres().URL(t)) })
}

func contract(t *testing.T, newURL func(testing.TB) string) {
	t.Helper()
	storagetest.Run(t, func(t testing.TB) storage.Store {
		t.Helper()
		d := dbtest.Open(t, newURL(t))
		if err := d.Ping(t.Context()); err != nil { // as a start does
			t.Fatal(err)
		}
		return repotest.Open(t, d, keyring.Generate())
	})
}
