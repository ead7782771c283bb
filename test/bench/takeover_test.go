//go:build bench

package bench_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// fewSessions are in the small database of each engine.
const fewSessions = 1000

// manySessions are in the large one. MCPKEEP_BENCH_SESSIONS changes it, for a quick look.
func manySessions(t *testing.T) int {
	t.Helper()
	value := os.Getenv("MCPKEEP_BENCH_SESSIONS")
	if value == "" {
		return 100_000
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < fewSessions {
		t.Fatalf("MCPKEEP_BENCH_SESSIONS: want a number from %d on", fewSessions)
	}
	return n
}

// TestTakeover measures what it costs to take FastMCP's sessions over, on both engines: calls
// of clients, the report, and all sessions in bulk.
func TestTakeover(t *testing.T) {
	binary := program(t)
	calls := []string{cells("Call", "Engine", "Sessions", "FastMCP's token", "mcpkeep's token", "Ratio"), "|---|---|--:|--:|--:|--:|"}
	commands := []string{cells("Command", "Engine", "Sessions", "Time", "Processor time", "Peak memory"), "|---|---|--:|--:|--:|--:|"}
	for _, e := range []dbtest.Engine{dbtest.SQLite(), dbtest.Postgres()} {
		for _, n := range []int{fewSessions, manySessions(t)} {
			t.Run(fmt.Sprint(e.Name, "/", n), func(t *testing.T) {
				w := newTakeover(t, e, binary)
				w.fill(n)
				commands = append(commands, w.run("adopt", "--check"))
				calls = append(calls, w.calls()...)
				commands = append(commands, w.run("adopt", "--rate", "10000"))
			})
		}
	}
	_, _ = os.Stdout.WriteString("\n" + strings.Join(calls, "\n") + "\n\n" + strings.Join(commands, "\n") + "\n")
}

// takeoverBench is the database of a FastMCP server.
type takeoverBench struct {
	*testing.T
	engine, url, address, binary string
	env                          []string
	python                       fastmcptest.Deployment
	measured                     []fastmcptest.Session
	total                        int
}

// newTakeover has a GitHub that knows everyone: the token says who.
func newTakeover(t *testing.T, e dbtest.Engine, binary string) *takeoverBench {
	t.Helper()
	gh := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer gho_")
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"id":%s,"login":"user-%s","name":"Some One"}`, id, id)
	}))
	t.Cleanup(gh.Close)
	key, address := keyring.Generate(), harness.FreeAddress(t)
	ring, err := keyring.Parse(key)
	must(t, err)
	w := &takeoverBench{
		T: t, engine: map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL"}[e.Name], url: e.EmptyURL(t), address: address, binary: binary,
		python: fastmcptest.New("http://"+address, ring),
	}
	w.env = append(os.Environ(), "DATABASE_URL="+w.url, "OAUTH_STORAGE_ENCRYPTION_KEY="+key, "MCPKEEP_LISTEN="+address,
		"FASTMCP_SERVER_AUTH_GITHUB_CLIENT_ID=id", "FASTMCP_SERVER_AUTH_GITHUB_CLIENT_SECRET="+fastmcptest.Secret,
		"MCPKEEP_GITHUB_URL="+gh.URL, "MCPKEEP_GITHUB_API_URL="+gh.URL, "MCPKEEP_ALLOW_ANYONE=true", "MCPKEEP_LOG_FORMAT=json", "MCPKEEP_LOG_LEVEL=error")
	dbtest.Exec(t, dbtest.SQL(t, w.url), `CREATE TABLE oauth_clients (key TEXT PRIMARY KEY, value JSONB NOT NULL,
		created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)`)
	return w
}

// fill stores sessions, each with a client of its own.
func (w *takeoverBench) fill(n int) {
	w.Helper()
	w.total = n
	conn := dbtest.SQL(w, w.url)
	for from := 0; from < n; from += 1000 {
		tx, err := conn.BeginTx(w.Context(), nil)
		must(w, err)
		for i := from; i < min(from+1000, n); i++ {
			s := w.session(i)
			for key, value := range s.Rows {
				insertRow(w, tx, key, value)
			}
			if len(w.measured) < 2*firstUses {
				w.measured = append(w.measured, s)
			}
		}
		must(w, tx.Commit())
	}
}

func insertRow(w *takeoverBench, tx *sql.Tx, key string, value json.RawMessage) {
	w.Helper()
	_, err := tx.ExecContext(w.Context(), "INSERT INTO oauth_clients (key, value) VALUES ($1, $2)", key, string(value))
	must(w, err)
}

// session is a sign-in of a GitHub App, with its client.
func (w *takeoverBench) session(i int) fastmcptest.Session {
	w.Helper()
	id, scope := fmt.Sprintf("client-%d", i), "user"
	s := w.python.SignIn(w, id, fastmcptest.Upstream{
		AccessToken: fmt.Sprintf("gho_%d", i+1), RefreshToken: fmt.Sprintf("ghr_%d", i+1), ExpiresAt: time.Now().Add(8 * time.Hour),
	}, time.Now())
	plaintext, err := fastmcp.EncodeClient(fastmcp.Client{ClientID: id, Scope: &scope, RedirectURIs: []string{"http://127.0.0.1/cb"}})
	must(w, err)
	value, err := fastmcp.Seal(w.python.Cipher, plaintext)
	must(w, err)
	s.Rows[fastmcp.ClientKey(id)] = value
	return s
}

// run runs a command, and returns how long it took and the most memory that it had.
func (w *takeoverBench) run(args ...string) string {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), w.binary, args...)
	cmd.Env = w.env
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		w.Fatalf("%v: %v\n%s", args, err, out[:min(len(out), 2000)])
	}
	took, memory := time.Since(began), "unknown"
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		memory = megas(float64(usage.Maxrss) * 1024)
	}
	processor := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	line := cells("`"+strings.Join(args, " ")+"`", w.engine, thousands(w.total), seconds(took), seconds(processor), memory)
	_, _ = os.Stdout.WriteString(line + "\n") // a run of many takes long
	return line
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
