//go:build bench

package bench_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

func TestMain(m *testing.M) {
	harness.ServedBareProxy()
	harness.Main(m)
}

// few is how many clients are registered in the small database of each engine.
const few = 100

// many is how many are in the large one. MCPKEEP_BENCH_CLIENTS changes it, for a
// quick look.
func many(t *testing.T) int {
	t.Helper()
	value := os.Getenv("MCPKEEP_BENCH_CLIENTS")
	if value == "" {
		return 1_000_000
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < few {
		t.Fatalf("MCPKEEP_BENCH_CLIENTS: want a number from %d on", few)
	}
	return n
}

// TestBench measures everything on both engines and prints the table.
func TestBench(t *testing.T) {
	r := newReport()
	for _, e := range engines(t) {
		dbs := pair[*database]{e.database(t, "few", few), e.database(t, "many", many(t))}
		r.begin(e.name, dbs)
		measureLookups(t, r, dbs)
		measureRegistration(t, r, dbs)
		measureCleaning(t, r, dbs)
		measureRefresh(t, r, dbs)
		measureCalls(t, r, dbs)
		measureProcess(t, r, e, dbs)
	}
	r.print()
}

// pair has one for the database with few clients and one for the other.
type pair[T any] [2]T

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// get returns a function that ends the benchmark when err is not nil, and returns
// the value otherwise: get(f())(t).
func get[T any](value T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		must(tb, err)
		return value
	}
}
