package repo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/storage/storagetest"
)

// now is when the tests happen.
var now = time.Unix(1_800_000_000, 0).UTC()

func TestMain(m *testing.M) {
	dbtest.Main(m, map[string]dbtest.Role{
		"exchange":   playExchange,
		"rotate":     playRotate,
		"check-keys": playCheckKeys,

		"rotate-keys": playRotateKeys,
	})
}

// ring parses keys, the first of which seals.
func ring(t testing.TB, keys ...string) *keyring.Keyring {
	t.Helper()
	r, err := keyring.Parse(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newRepo is a store over d whose keys are on record.
func newRepo(t testing.TB, d *db.DB, keys ...string) *repo.Repo {
	t.Helper()
	r := repo.New(d, ring(t, keys...))
	if err := r.CheckKeys(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestContract(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		storagetest.Run(t, func(t testing.TB) storage.Store {
			t.Helper()
			return newRepo(t, e.Open(t), keyring.Generate())
		})
	})
}
