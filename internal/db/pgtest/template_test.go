package pgtest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// envTemplate is the template's name for TestUsesTemplate.
const envTemplate = "PGTEST_TEMPLATE"

// buildNotes makes one table; a second run on the same database would fail.
func buildNotes(dsn string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "CREATE TABLE notes AS SELECT 'from the template' AS note")
	return err
}

func TestTemplateIsBuiltOnceAndCopied(t *testing.T) {
	t.Parallel()
	var built atomic.Int32
	name := t.Name() + pgtest.New(t) // unknown to the server, even if it is shared
	t.Run("copies", func(t *testing.T) {
		for i := range 8 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				dsn := pgtest.NewFromTemplate(t, name, func(dsn string) error {
					built.Add(1)
					return buildNotes(dsn)
				})
				must(t, dsn, "INSERT INTO notes VALUES ('mine')")
				if n := query[int](t, dsn, "SELECT count(*) FROM notes"); n != 2 {
					t.Errorf("%d notes, want the template's and this test's", n)
				}
			})
		}
	})
	if n := built.Load(); n != 1 {
		t.Errorf("the template was built %d times, want once", n)
	}
}

// TestUsesTemplate is run in other processes by the test below.
func TestUsesTemplate(t *testing.T) {
	name := os.Getenv(envTemplate)
	if name == "" {
		t.Skip("only for other tests: " + envTemplate + " is not set")
	}
	dsn := pgtest.NewFromTemplate(t, name, func(dsn string) error {
		fmt.Println("building")
		if name == "broken" {
			return errors.New("out of bricks")
		}
		return buildNotes(dsn)
	})
	if got := query[string](t, dsn, "SELECT note FROM notes"); got != "from the template" {
		t.Errorf("note = %q", got)
	}
}

func TestTemplateOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	needServer(t)
	admin := pgtest.NewCluster(t).DSN()
	use := func(t *testing.T, name string) (out string, ok bool) {
		t.Helper()
		return runTest(t, "TestUsesTemplate", pgtest.EnvAdminDSN+"="+admin, envTemplate+"="+name)
	}
	t.Run("is built once", func(t *testing.T) {
		const processes = 4
		outputs := make(chan string)
		for range processes {
			go func() {
				out, _ := use(t, "shared")
				outputs <- out
			}()
		}
		built := 0
		for range processes {
			out := <-outputs
			contains(t, out, "--- PASS")
			built += strings.Count(out, "building")
		}
		if built != 1 {
			t.Errorf("the template was built %d times, want once", built)
		}
	})
	t.Run("is built again if its builder died", func(t *testing.T) {
		// As the builder leaves it before it is done.
		name := query[string](t, admin, "SELECT datname FROM pg_database WHERE datname LIKE 'template!___%' ESCAPE '!'")
		must(t, admin, "ALTER DATABASE "+name+" WITH IS_TEMPLATE false ALLOW_CONNECTIONS true")
		out, ok := use(t, "shared")
		if !ok || strings.Count(out, "building") != 1 {
			t.Errorf("after a builder died:\n%s", out)
		}
	})
	t.Run("fails the test if it cannot be built", func(t *testing.T) {
		out, ok := use(t, "broken")
		if ok {
			t.Error("passed")
		}
		contains(t, out, `build the template "broken": out of bricks`)
	})
}
