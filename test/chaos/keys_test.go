//go:build chaos && !race

package chaos_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const rotatingClients = 8

// large is what is re-encrypted on PostgreSQL, small what is on SQLite. It is too
// much for the race detector, with which internal/repo does the same.
var (
	large = amount{clients: 55_000, people: 5_000, grants: 35_000, tokens: 5_000}
	small = amount{clients: 5_000, people: 500, grants: 4_000, tokens: 500}
)

// TestKeyRotation: guarantee 7. The four steps of a change of keys over 100,000
// sealed values, at two replicas, while clients sign in, refresh and call; the
// command that re-encrypts is killed in the middle and run again. No one sees an
// error, and afterwards the old key is not needed.
func TestKeyRotation(t *testing.T) {
	r := newRollout(t, pgtest.New(t), 2)
	fillSealed(t, r.database, r.oldKey, large)
	load := r.work(t)
	r.restart(t, r.oldKey+","+r.newKey)
	r.restart(t, r.newKey+","+r.oldKey)
	killed := r.rotateAndKill(t, large)
	result := r.rotate(t)
	r.restart(t, r.newKey)
	time.Sleep(500 * time.Millisecond) // of work with the new key alone
	load.stop(t)
	r.assertRotated(t, result, large)
	r.report("postgres", killed, result, load)
}

// TestKeyRotationOnSQLite does the same with one server on a file. It is started
// again before there is work, since there is no other that could take over. Both
// processes want the file's one writer: a server that waited for it too long would
// answer 503, which is an error here.
func TestKeyRotationOnSQLite(t *testing.T) {
	r := newRollout(t, harness.SQLite(t), 1)
	fillSealed(t, r.database, r.oldKey, small)
	r.restart(t, r.newKey+","+r.oldKey)
	load := r.work(t)
	killed := r.rotateAndKill(t, small)
	result := r.rotate(t)
	load.stop(t)
	r.restart(t, r.newKey)
	r.assertRotated(t, result, small)
	r.report("sqlite", killed, result, load)
}

// rollout is replicas that are started again in sequence, as a load
// balancer sees it: no step goes to one that is stopping.
type rollout struct {
	github         *githubtest.Server
	database       string
	conn           *sql.DB
	oldKey, newKey string
	replicas       []*harness.Process

	mu   sync.RWMutex // held by each step
	live []*harness.Process
}

func newRollout(t *testing.T, database string, replicas int) *rollout {
	t.Helper()
	r := &rollout{github: githubtest.New(t), database: database, oldKey: harness.NewKey(t), newKey: harness.NewKey(t)}
	var logins []string
	for i := range rotatingClients {
		u := r.github.AddUser(githubtest.User{Login: fmt.Sprintf("person-%d", i)})
		logins = append(logins, u.Login)
	}
	opts := harness.Options{Database: database, Env: []string{
		"MCPKEEP_ENCRYPTION_KEYS=" + r.oldKey, "MCPKEEP_PROVIDER=github", "MCPKEEP_ALLOWED_USERS=" + strings.Join(logins, ","),
		"MCPKEEP_GITHUB_CLIENT_ID=" + r.github.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET=" + r.github.ClientSecret,
		"MCPKEEP_GITHUB_URL=" + r.github.URL, "MCPKEEP_GITHUB_API_URL=" + r.github.APIURL,
	}}
	for range replicas {
		r.replicas = append(r.replicas, harness.Start(t, opts))
		opts.Args = []string{"--base-url", r.replicas[0].URL}
	}
	r.live, r.conn = r.replicas, openSQL(t, database)
	return r
}

// restart starts the replicas again with other keys, in sequence.
func (r *rollout) restart(t *testing.T, keys string) {
	t.Helper()
	for _, p := range r.replicas {
		r.send(slices.DeleteFunc(slices.Clone(r.replicas), func(other *harness.Process) bool { return other == p }))
		if status := p.Term(); status != 0 {
			t.Fatalf("a replica ended with status %d", status)
		}
		p.SetEnv("MCPKEEP_ENCRYPTION_KEYS=" + keys)
		if err := p.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	r.send(r.replicas)
}

// send sends all further steps to these replicas.
func (r *rollout) send(live []*harness.Process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live = live
}

// spawn starts `keys rotate`.
func (r *rollout) spawn(t *testing.T) *harness.Command {
	t.Helper()
	env := []string{"DATABASE_URL=" + r.database, "MCPKEEP_ENCRYPTION_KEYS=" + r.newKey + "," + r.oldKey}
	return harness.Spawn(t, env, "keys", "rotate", "--json")
}

// rotateAndKill kills a rotation when a third of the clients is done, and returns
// how far it came.
func (r *rollout) rotateAndKill(t *testing.T, a amount) rotated {
	t.Helper()
	id := keyID(t, r.newKey)
	before := r.rows(t, r.newKey)[id] // by the servers
	began, c := time.Now(), r.spawn(t)
	within(t, time.Minute, "the rotation", func() bool {
		return r.number(t, "SELECT COUNT(*) FROM oauth_clients WHERE value_key_id = $1", id) > int64(a.clients/3)
	})
	c.Kill9()
	took := time.Since(began)
	if strings.Contains(c.Output.String(), `"type":"result"`) {
		t.Error("the rotation was over before it was killed")
	}
	if n := r.number(t, "SELECT COUNT(*) FROM mcpkeep_encryption_keys WHERE active_id IS NOT NULL"); n != 2 {
		t.Errorf("%d keys in use after the kill, want 2", n)
	}
	return rotated{Rekeyed: r.rows(t, r.newKey)[id] - before, DurationMS: took.Milliseconds()}
}

// rotated is the last line of `keys rotate --json`.
type rotated struct {
	Type       string   `json:"type"`
	Complete   bool     `json:"complete"`
	Rekeyed    int64    `json:"rows_reencrypted"`
	Passes     int      `json:"passes"`
	Retired    []string `json:"retired"`
	DurationMS int64    `json:"duration_ms"`

	progress int // lines before it
}

// rotate rotates to the end.
func (r *rollout) rotate(t *testing.T) rotated {
	t.Helper()
	c := r.spawn(t)
	if status := c.Wait(); status != 0 {
		t.Fatalf("keys rotate: status %d\n%s", status, c.Output)
	}
	var result rotated
	progress := 0
	for line := range strings.Lines(c.Output.String()) {
		var next rotated
		if json.Unmarshal([]byte(line), &next) != nil {
			continue
		}
		if next.Type == "progress" {
			progress++
		} else {
			result = next
		}
	}
	result.progress = progress
	if progress == 0 || !result.Complete || !slices.Equal(result.Retired, []string{keyID(t, r.oldKey)}) {
		t.Errorf("%+v, want progress and the old key retired", result)
	}
	return result
}

// assertRotated checks that no one needs the old key, that everything opens with
// the new one, and that no one noticed.
func (r *rollout) assertRotated(t *testing.T, result rotated, a amount) {
	t.Helper()
	rows := r.rows(t, r.newKey, "--verify")
	if n := rows[keyID(t, r.newKey)]; n < int64(a.values()) || rows[keyID(t, r.oldKey)] != 0 {
		t.Errorf("values by key: %v, want at least %d of the new one and none of the old one", rows, a.values())
	}
	for _, p := range r.replicas {
		for status, n := range p.Logs.Statuses() {
			if status >= http.StatusBadRequest {
				t.Errorf("%d answers had status %d", n, status)
			}
		}
	}
}

// rows returns how many values each key sealed, by key ID, as `keys list` says.
func (r *rollout) rows(t *testing.T, keys string, args ...string) map[string]int64 {
	t.Helper()
	env := []string{"DATABASE_URL=" + r.database, "MCPKEEP_ENCRYPTION_KEYS=" + keys}
	got := harness.Run(t.Context(), t, env, append([]string{"keys", "list", "--json"}, args...)...)
	var list struct {
		Keys []struct {
			ID   string `json:"id"`
			Rows int64  `json:"rows"`
		} `json:"keys"`
	}
	if err := json.Unmarshal([]byte(got.Stdout), &list); err != nil || got.Status != 0 {
		t.Fatalf("keys list: status %d, %v\n%s", got.Status, err, got.Stderr)
	}
	rows := map[string]int64{}
	for _, k := range list.Keys {
		rows[k.ID] = k.Rows
	}
	return rows
}

// report prints the figures.
func (*rollout) report(engine string, killed, result rotated, load *workload) {
	rows, took := killed.Rekeyed+result.Rekeyed, time.Duration(killed.DurationMS+result.DurationMS)*time.Millisecond
	_, _ = fmt.Fprintf(os.Stdout, "KEY ROTATION  %s: %d values in %v (%.0f a second), killed after %d, %d lines of progress\n",
		engine, rows, took, float64(rows)/took.Seconds(), killed.Rekeyed, result.progress)
	load.report()
}

func (r *rollout) number(t *testing.T, query string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := r.conn.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func keyID(t *testing.T, key string) string {
	t.Helper()
	ring, err := keyring.Parse(key)
	if err != nil {
		t.Fatal(err)
	}
	return ring.Primary()
}

// openSQL opens a database next to the servers.
func openSQL(t *testing.T, database string) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_txlock=immediate"
	}
	conn, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
