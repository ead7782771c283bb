package db_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// mayScan names the queries that read more than an index leads to, the engine on which
// they do ("" for both), and why they may.
var mayScan = map[string]struct{ engine, why string }{
	"CountClients":             {"", "a number in the status report; nothing waits for it"},
	"CountUsers":               {"", "as CountClients"},
	"CountLiveGrants":          {"", "as CountClients"},
	"CountSealedRows":          {"", "counts the rows of each key when an administrator asks or rotates"},
	"SetClientCount":           {"", "the first registration under a ceiling counts; from then on MeasureClientCount does"},
	"MeasureClientCount":       {"", "the cleaner counts the clients every five minutes, outside of transactions"},
	"ListSuccessorsToRekey":    {"postgres", "a rotation passes over every row once: each page begins where the last ended"},
	"ForgetUnknownClients":     {"", "passes over the 10,000 that stay, in an index"},
	"CountYoungClients":        {"sqlite", "counts the up to 2,000 rows that an index found"},
	"CountYoungSignIns":        {"sqlite", "as CountYoungClients, in a table that it keeps small"},
	"CountEventsOfTypeAfter":   {"sqlite", "counts the up to 60 rows that an index found"},
	"CountClientAssertions":    {"", "counts up to 5,000 rows, no more often than four times a second"},
	"EvictIdleClientDocuments": {"postgres", "passes over the 750 that stay, for each new document that is fetched"},
	"EndOlderSignIns":          {"postgres", "the sign-ins in progress are a thousand, plus those with the right password"},
	"GetEvictionTime":          {"postgres", "passes over the 2,000 that stay, in an index"},
	"ListEncryptionKeys":       {"sqlite", "a table with a row for each key"},
	"ListTLSNames":             {"", "a table with some rows for each name that certificates are for"},
	"ListSigningKeys":          {"sqlite", "a table with two or three rows"},
	"DropSigningKeys":          {"postgres", "as ListSigningKeys"},
	"ListActiveEncryptionKeys": {"sqlite", "as ListEncryptionKeys"},
	"UpsertUser":               {"sqlite", "the plan looks for rows that lack their user, which is skipped: no constraint is deferred"},
}

// TestQueriesUseIndexes: no query reads a whole table or index, but for those in
// mayScan. MCPKEEP_TEST_PLAN_ROWS=1000000 fills the tables with so many rows instead
// of scaling the statistics of a few, and prints how long each query takes.
func TestQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		conn := dbtest.SQL(t, e.URL(t))
		conn.SetMaxOpenConns(1)
		plan := sqlitePlan
		if e.Name == "postgres" {
			plan = postgresPlan
		}
		prepare := prepareFew
		if n, _ := strconv.Atoi(os.Getenv("MCPKEEP_TEST_PLAN_ROWS")); n > 0 {
			prepare = func(t *testing.T, e dbtest.Engine, conn *sql.DB) {
				t.Helper()
				fillMany(t, e, conn, n)
				analyze(t, e, conn)
			}
		}
		prepare(t, e, conn)
		seen := map[string]bool{}
		allowed := func(name string) bool {
			may, ok := mayScan[name]
			return ok && (may.engine == "" || may.engine == e.Name)
		}
		for _, q := range planQueries(t, e, conn) {
			problems, text := plan(t, conn, q)
			seen[q.name] = len(problems) > 0
			if len(problems) > 0 && !allowed(q.name) {
				t.Errorf("%s: %s\n%s", q.name, strings.Join(problems, "; "), text)
			}
		}
		for name := range mayScan {
			if allowed(name) && !seen[name] {
				t.Errorf("%s may scan, but no query of this name does", name)
			}
		}
	})
}

func analyze(t *testing.T, e dbtest.Engine, conn *sql.DB) {
	t.Helper()
	if e.Name == "postgres" {
		dbtest.Exec(t, conn, "VACUUM ANALYZE")
	}
}

// prepareFew makes PostgreSQL plan as with a million grants: some thousand rows are
// there and analyzed, and its numbers of rows are multiplied. Tables stay as small as
// they are on the disk, which makes reading all of them look cheaper than it would
// be. SQLite plans without statistics, as it does for a server, which collects none.
func prepareFew(t *testing.T, e dbtest.Engine, conn *sql.DB) {
	t.Helper()
	const few, many = 3000, 1_000_000
	if e.Name == "sqlite" {
		return
	}
	for _, table := range dbtest.Tables(t, conn) {
		dbtest.Exec(t, conn, "ALTER TABLE "+table+" SET (autovacuum_enabled = off)")
	}
	fillMany(t, e, conn, few)
	analyze(t, e, conn)
	dbtest.Exec(t, conn, `UPDATE pg_class SET reltuples = reltuples * $1
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') AND reltuples > 100`, many/few)
}

var (
	sqliteScan  = regexp.MustCompile(`SCAN [a-z]|USE TEMP B-TREE FOR ORDER BY|AUTOMATIC`)
	sqliteLimit = regexp.MustCompile(`(?s)^-- name: \w+ :(many|one).*LIMIT`)
)

// sqlitePlan says what is wrong with SQLite's plan of a query.
func sqlitePlan(t *testing.T, conn *sql.DB, q planQuery) (problems []string, plan string) {
	t.Helper()
	var lines []string
	for _, row := range dbtest.Rows(t, conn, "EXPLAIN QUERY PLAN "+q.sql, q.args...) {
		lines = append(lines, row[3])
		page := strings.Contains(row[3], "USING INDEX") && sqliteLimit.MatchString(q.sql)
		if sqliteScan.MatchString(row[3]) && !page {
			problems = append(problems, row[3])
		}
	}
	if os.Getenv("MCPKEEP_TEST_PLAN_ROWS") != "" {
		timeSQLite(t, conn, q)
	}
	return problems, strings.Join(lines, "\n")
}

// timeSQLite runs a query and rolls it back.
func timeSQLite(t *testing.T, conn *sql.DB, q planQuery) {
	t.Helper()
	if strings.Contains(q.sql, "\nINSERT") {
		return
	}
	dbtest.Exec(t, conn, "BEGIN IMMEDIATE")
	began := time.Now()
	n := len(dbtest.Rows(t, conn, q.sql, q.args...))
	t.Logf("%10.2f ms %s (%d rows returned)", float64(time.Since(began).Microseconds())/1000, q.name, n)
	dbtest.Exec(t, conn, "ROLLBACK")
}

// pgNode is a node of PostgreSQL's plan.
type pgNode struct {
	Type     string   `json:"Node Type"`
	Relation string   `json:"Relation Name"`
	Rows     float64  `json:"Actual Rows"`
	Filtered float64  `json:"Rows Removed by Filter"`
	Loops    float64  `json:"Actual Loops"`
	Plans    []pgNode `json:"Plans"`
}

// smallTables have one row, or one for each key or resource that someone set up.
var smallTables = []string{"mcpkeep_encryption_keys", "mcpkeep_client_counts", "mcpkeep_document_probes", "mcpkeep_leases", "mcpkeep_instance", "mcpkeep_resources", "mcpkeep_event_log"}

// mostRead is how many rows a query may read: some for each that it returns.
const mostRead = 50 + 15*planPage

// postgresPlan says what is wrong with PostgreSQL's plan of a query: the one that a
// connection keeps after it has run the query some times.
func postgresPlan(t *testing.T, conn *sql.DB, q planQuery) (problems []string, plan string) {
	t.Helper()
	dbtest.Exec(t, conn, "BEGIN")
	defer dbtest.Exec(t, conn, "ROLLBACK")
	dbtest.Exec(t, conn, "PREPARE q AS "+q.sql)
	defer dbtest.Exec(t, conn, "DEALLOCATE q")
	execute := "EXECUTE q" + literals(q.args)
	for range 6 {
		dbtest.Rows(t, conn, "EXPLAIN "+execute)
	}
	how := "(FORMAT JSON) "
	if !strings.Contains(q.sql, "\nINSERT") { // run it, and take back what it did
		how = "(ANALYZE, FORMAT JSON) "
	}
	plan = dbtest.Value[string](t, conn, "EXPLAIN "+how+execute)
	var explained []struct {
		Plan pgNode  `json:"Plan"`
		Time float64 `json:"Execution Time"`
	}
	if err := json.Unmarshal([]byte(plan), &explained); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("MCPKEEP_TEST_PLAN_ROWS") != "" {
		t.Logf("%10.2f ms %s (%.0f rows read)", explained[0].Time, q.name, explained[0].Plan.read())
	}
	problems = explained[0].Plan.scans()
	if n := explained[0].Plan.read(); n > mostRead {
		problems = append(problems, fmt.Sprintf("%.0f rows read", n))
	}
	text := dbtest.Rows(t, conn, "EXPLAIN "+execute)
	return problems, strings.Join(slices.Concat(text...), "\n")
}

// scans names the tables that are read from one end to the other.
func (n pgNode) scans() (tables []string) {
	if n.Type == "Seq Scan" && !slices.Contains(smallTables, n.Relation) {
		tables = append(tables, "reads all of "+n.Relation)
	}
	for _, child := range n.Plans {
		tables = append(tables, child.scans()...)
	}
	return tables
}

// read is how many rows were read from tables and indexes.
func (n pgNode) read() float64 {
	rows := 0.0
	if strings.Contains(n.Type, "Scan") {
		rows = (n.Rows + n.Filtered) * n.Loops
	}
	for _, child := range n.Plans {
		rows += child.read()
	}
	return rows
}

// literals writes the values as SQL.
func literals(args []any) string {
	if len(args) == 0 {
		return ""
	}
	texts := make([]string, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case *string:
			arg = *v
		case *int64:
			arg = *v
		case *time.Time:
			arg = v.Format(time.DateTime)
		case []byte:
			arg = string(v)
		}
		texts[i] = "'" + fmt.Sprint(arg) + "'"
	}
	return "(" + strings.Join(texts, ", ") + ")"
}
