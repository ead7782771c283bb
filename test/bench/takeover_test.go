//go:build bench

package bench_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
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

// firstUses is how many sessions are measured request by request.
const firstUses = 200

// sessions is how many sign-ins FastMCP has stored. MCPKEEP_BENCH_SESSIONS changes it, for a
// quick look.
func sessions(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("MCPKEEP_BENCH_SESSIONS"))
	if os.Getenv("MCPKEEP_BENCH_SESSIONS") == "" {
		return 100_000
	}
	if err != nil || n < firstUses {
		t.Fatalf("MCPKEEP_BENCH_SESSIONS: want a number from %d on", firstUses)
	}
	return n
}

// TestTakeover measures what it costs to take FastMCP's sessions over, on both engines: the
// report, the requests of clients, and all sessions in bulk.
func TestTakeover(t *testing.T) {
	binary := program(t)
	fmt.Println(cells("Measure", "Engine", "Result"))
	fmt.Println("|---|---|---|")
	for _, e := range []dbtest.Engine{dbtest.SQLite(), dbtest.Postgres()} {
		w := newTakeover(t, e, binary)
		w.fill(sessions(t))
		w.check()
		w.requests()
		w.bulk()
	}
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
			if len(w.measured) < firstUses {
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

func (w *takeoverBench) line(what, format string, args ...any) {
	fmt.Println(cells(what, w.engine, fmt.Sprintf(format, args...)))
}

// run runs a command, and returns how long it took and the most memory that it had.
func (w *takeoverBench) run(args ...string) (took time.Duration, megabytes float64) {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), w.binary, args...)
	cmd.Env = w.env
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		w.Fatalf("%v: %v\n%s", args, err, out[:min(len(out), 2000)])
	}
	took = time.Since(began)
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return took, 0
	}
	return took, float64(usage.Maxrss) / 1024
}

func (w *takeoverBench) check() {
	w.Helper()
	took, memory := w.run("adopt", "--check", "--json")
	w.line(fmt.Sprintf("`adopt --check`, %s sessions", thousands(w.total)), "%.1f s, %.0f MB", took.Seconds(), memory)
}

func (w *takeoverBench) bulk() {
	w.Helper()
	took, memory := w.run("adopt", "--json", "--rate", "10000")
	n := w.total - len(w.measured)
	w.line(fmt.Sprintf("`adopt`, %s sessions", thousands(n)), "%.0f s (%.0f per second), %.0f MB", took.Seconds(), float64(n)/took.Seconds(), memory)
}

// requests measures calls with tokens of FastMCP and with tokens of mcpkeep.
func (w *takeoverBench) requests() {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), w.binary, "serve")
	cmd.Env, cmd.Stderr = w.env, os.Stderr
	must(w, cmd.Start())
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if res, err := http.Get("http://" + w.address + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Since(began) > time.Minute {
			w.Fatal("not ready")
		}
	}
	var first, second, ours, again []time.Duration
	for _, s := range w.measured {
		first, second = append(first, w.call(s.Access)), append(second, w.call(s.Access))
		token := w.refresh(s)
		ours, again = append(ours, w.call(token)), append(again, w.call(token))
	}
	w.line("first call with a token of FastMCP", "%s", median(first))
	w.line("second call with it", "%s", median(second))
	w.line("first call with a token of mcpkeep", "%s", median(ours))
	w.line("second call with it", "%s", median(again))
}

func median(all []time.Duration) string {
	slices.Sort(all)
	return fmt.Sprintf("%.1f ms", float64(all[len(all)/2])/1e6)
}

// call calls the MCP endpoint once.
func (w *takeoverBench) call(token string) time.Duration {
	w.Helper()
	const body = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"b","version":"1"}}}`
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPost, "http://"+w.address+"/mcp", strings.NewReader(body))
	must(w, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	must(w, err)
	text, err := io.ReadAll(res.Body)
	must(w, err)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		w.Fatalf("status %d: %s", res.StatusCode, text)
	}
	return time.Since(began)
}

// refresh exchanges a refresh token of FastMCP for an access token of mcpkeep.
func (w *takeoverBench) refresh(s fastmcptest.Session) string {
	w.Helper()
	res, err := http.PostForm("http://"+w.address+"/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {s.Refresh}, "client_id": {s.ClientID},
	})
	must(w, err)
	defer func() { _ = res.Body.Close() }()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	must(w, json.NewDecoder(res.Body).Decode(&got))
	if res.StatusCode != http.StatusOK {
		w.Fatalf("refresh: status %d", res.StatusCode)
	}
	return got.AccessToken
}
