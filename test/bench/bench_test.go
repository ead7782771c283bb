//go:build bench

package bench_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"text/tabwriter"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	clients = 100 // registered before anything is measured
	rounds  = 40  // turns of each side
	lookups = 200 // in a turn
	inserts = 25  // in a turn
	starts  = 10  // of the program
)

// engineUnderTest is a database with the store over it and a bare connection
// beside it.
type engineUnderTest struct {
	name   string
	url    string
	store  *repo.Repo
	bare   *sql.DB
	lookUp string // a bare primary-key SELECT
	insert string // a bare INSERT, committed
}

func TestStorage(t *testing.T) {
	table := newTable("OPERATION\tENGINE\tMCPKEEP\tBARE SQL\tRATIO")
	for _, e := range engines(t) {
		ids := e.register(t, clients)
		ours, bare := inTurns(rounds,
			func(i int) { must(t, second(e.store.Client(t.Context(), ids[i%len(ids)]))) },
			func(i int) {
				var value []byte
				must(t, e.bare.QueryRowContext(t.Context(), e.lookUp, "mcp-oauth-proxy-clients:"+ids[i%len(ids)]).Scan(&value))
			}, lookups)
		table.row("client lookup (SELECT by primary key)", e.name, ours, bare)

		_, err := e.bare.ExecContext(t.Context(), "CREATE TABLE bare (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
		must(t, err)
		n := 0
		ours, bare = inTurns(rounds,
			func(int) { e.register(t, 1) },
			func(int) {
				n++
				_, err := e.bare.ExecContext(t.Context(), e.insert, fmt.Sprintf("k%d", n), pad)
				must(t, err)
			}, inserts)
		table.row("registration (INSERT and commit)", e.name, ours, bare)
	}
	must(t, table.Flush())
}

// pad is as long as a sealed client row.
var pad = fmt.Sprintf("%01400d", 0)

func engines(t *testing.T) []engineUnderTest {
	path := filepath.Join(t.TempDir(), "bench.db")
	sqlite := engineUnderTest{
		name: "sqlite", url: "sqlite:" + path,
		lookUp: "SELECT value FROM oauth_clients WHERE key = ?", insert: "INSERT INTO bare (key, value) VALUES (?, ?)",
	}
	sqlite.open(t, "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	postgres := engineUnderTest{
		name: "postgres", url: pgtest.New(t),
		lookUp: "SELECT value FROM oauth_clients WHERE key = $1", insert: "INSERT INTO bare (key, value) VALUES ($1, $2)",
	}
	postgres.open(t, "pgx", postgres.url)
	return []engineUnderTest{sqlite, postgres}
}

func (e *engineUnderTest) open(t *testing.T, driver, dsn string) {
	d, err := db.Open(t.Context(), e.url)
	must(t, err)
	t.Cleanup(func() { _ = d.Close() })
	must(t, second(d.Migrate(t.Context())))
	keys, err := keyring.Parse(keyring.Generate())
	must(t, err)
	e.store = repo.New(d, keys)
	must(t, e.store.CheckKeys(t.Context(), time.Now()))
	e.bare, err = sql.Open(driver, dsn)
	must(t, err)
	t.Cleanup(func() { _ = e.bare.Close() })
}

var registered int

func (e *engineUnderTest) register(t *testing.T, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		registered++
		ids[i] = fmt.Sprintf("c_%d", registered)
		must(t, e.store.CreateClient(context.Background(), storage.Client{
			ID: ids[i], Name: "Bench", RedirectURIs: []string{"http://127.0.0.1/callback"}, AuthMethod: "none",
			GrantTypes: []string{"authorization_code"}, ResponseTypes: []string{"code"}, CreatedAt: time.Now(),
		}))
	}
	return ids
}

// inTurns runs both sides in turns and returns the median time of one operation
// of each.
func inTurns(rounds int, ours, bare func(int), each int) (time.Duration, time.Duration) {
	measure := func(f func(int)) time.Duration {
		start := time.Now()
		for i := range each {
			f(i)
		}
		return time.Since(start) / time.Duration(each)
	}
	var a, b []time.Duration
	for range rounds {
		a, b = append(a, measure(ours)), append(b, measure(bare))
	}
	return median(a), median(b)
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

// table prints aligned rows.
type table struct{ *tabwriter.Writer }

func newTable(header string) table {
	t := table{tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)}
	_, _ = fmt.Fprintln(t, header)
	return t
}

func (t table) row(operation, engine string, ours, bare time.Duration) {
	_, _ = fmt.Fprintf(t, "%s\t%s\t%v\t%v\t%.2f\n", operation, engine, ours, bare, float64(ours)/float64(bare))
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func second[T any](_ T, err error) error { return err }
