package dbtest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

func TestMain(m *testing.M) {
	dbtest.Main(m, map[string]dbtest.Role{
		"echo": func(args []string) (string, error) { return strings.Join(args, " "), nil },
		"fail": func([]string) (string, error) { return "", errors.New("as told") },
	})
}

func TestDatabases(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		for name, tt := range map[string]struct {
			url     func(testing.TB) string
			version int64
		}{
			"empty":    {e.EmptyURL, 0},
			"migrated": {e.URL, db.NeededVersion()},
		} {
			t.Run(name, func(t *testing.T) {
				d := dbtest.Open(t, tt.url(t))
				version, err := d.Version(t.Context())
				if version != tt.version || err != nil || d.Engine() != e.Name {
					t.Errorf("%s at version %d, %v, want %s at %d", d.Engine(), version, err, e.Name, tt.version)
				}
			})
		}
	})
}

func TestEachDatabaseIsTheTestsOwn(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		first, second := dbtest.SQL(t, e.URL(t)), dbtest.SQL(t, e.URL(t))
		dbtest.Exec(t, first, "INSERT INTO oauth_clients (key, value) VALUES ($1, $2)", "k", `{"a": 1}`)
		if n := dbtest.Value[int64](t, second, "SELECT COUNT(*) FROM oauth_clients"); n != 0 {
			t.Errorf("another test's database has %d rows of this one", n)
		}
		if dump := dbtest.Dump(t, first); !strings.Contains(dump, "oauth_clients\tk\t{\"a\": 1}\t") {
			t.Errorf("the dump lacks the row:\n%s", dump)
		}
	})
}

func TestSpawn(t *testing.T) {
	t.Parallel()
	want := []string{"a 0", "a 1", "a 2"}
	if diff := cmp.Diff(want, dbtest.Spawn(t, 3, "echo", "a", "{i}")); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

// failing records failures instead of failing.
type failing struct {
	testing.TB
	text string
}

func (f *failing) Helper()                        {}
func (f *failing) Errorf(format string, a ...any) { f.text = format }
func (f *failing) Failed() bool                   { return false }

func TestSpawnFailsTheTest(t *testing.T) {
	t.Parallel()
	f := &failing{TB: t}
	dbtest.Spawn(f, 1, "fail")
	if f.text == "" {
		t.Error("a process failed and the test did not")
	}
}
