package repo_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/storage/storagetest"
)

func TestMain(m *testing.M) {
	dbtest.Main(m, map[string]dbtest.Role{
		"exchange": playExchange,
		"rotate":   playRotate,
	})
}

func TestContract(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		storagetest.Run(t, func(t testing.TB) storage.Store {
			t.Helper()
			url := e.URL(t)
			if e.Name == "postgres" {
				t.Cleanup(func() { noDeadlocks(t, url) })
			}
			return repotest.Open(t, dbtest.Open(t, url), keyring.Generate())
		})
	})
}

// noDeadlocks asks the server, which counts a deadlock also when the transaction then ran
// again and succeeded.
func noDeadlocks(t testing.TB, url string) {
	t.Helper()
	const query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
	var n int64
	if err := dbtest.SQL(t, url).QueryRow(query).Scan(&n); err != nil {
		t.Error(err)
	}
	if n > 0 {
		t.Errorf("%d deadlocks: rows were locked in different orders (see the package's comment)", n)
	}
}

// TestContractOfServingRole: every promise holds with the rights of deploy/grants.sql.
func TestContractOfServingRole(t *testing.T) {
	t.Parallel()
	e := dbtest.PostgresServing()
	storagetest.Run(t, func(t testing.TB) storage.Store {
		t.Helper()
		return repotest.Open(t, e.Open(t), keyring.Generate())
	})
}
