package metrics_test

import (
	"encoding/json"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/test/conformance/everything"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	up        = `mcpkeep_upstream_up{upstream="default"}`
	processes = `mcpkeep_upstream_processes{upstream="default"}`
	callsOK   = `mcpkeep_upstream_calls_total{upstream="default",outcome="ok"}`
	callsLost = `mcpkeep_upstream_calls_total{upstream="default",outcome="failed"}`
)

// serveEverything serves an MCP server at an address until stop is called.
func serveEverything(t *testing.T, address string) (stop func()) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(everything.New())
	_ = s.Listener.Close()
	s.Listener = listener
	s.Start()
	return s.Close
}

// becomes waits until a series has a value.
func (s server) becomes(t *testing.T, series string, want float64) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		got, there := s.samples(t.Context(), t)[series]
		if there && got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %v (there: %t), want %v", series, got, there, want)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestHTTPUpstream: a scrape shows whether the last exchange with an upstream failed, and what
// became of the calls.
func TestHTTPUpstream(t *testing.T) {
	t.Parallel()
	address := harness.FreeAddress(t)
	stop := serveEverything(t, address)
	s := start(t, harness.Options{Database: harness.SQLite(t), Args: []string{"--upstream", "http://" + address + "/mcp"}})
	c := harness.NewClient(s.URL, nil)
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	m := harness.Connect(t, c)
	if err := harness.CallIn(t.Context(), m, "test_simple_text", nil); err != nil {
		t.Fatal(err)
	}
	s.becomes(t, up, 1)
	s.becomes(t, callsOK, 1)
	stop()
	if err := harness.CallIn(t.Context(), m, "test_simple_text", nil); err == nil {
		t.Fatal("a call without the upstream succeeded")
	}
	s.becomes(t, up, 0)
	s.becomes(t, callsLost, 1)
	t.Cleanup(serveEverything(t, address))
	if err := harness.CallIn(t.Context(), harness.Connect(t, c), "test_simple_text", nil); err != nil {
		t.Fatal(err)
	}
	s.becomes(t, up, 1)
	s.becomes(t, callsOK, 2)
	counted(t, s.samples(t.Context(), t), "mcpkeep_upstream_call_duration_seconds", "mcpkeep_upstream_calls_total")
}

// TestStdioUpstream: a scrape shows how many processes an upstream has: one for each of a
// user's two apps, and none once their access has ended.
func TestStdioUpstream(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"mcpServers": map[string]any{"default": map[string]any{
		"command": self, "env": map[string]string{everything.AsStdio: "1"}, "process": "person", "limits": map[string]any{"memory": "none"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mcpkeep.json")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, harness.Options{Database: harness.SQLite(t), Args: []string{"--config", path}})
	s.becomes(t, processes, 0)
	var clients []*harness.Client
	for i := range 2 {
		c := harness.NewClient(s.URL, nil)
		if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
			t.Fatal(err)
		}
		if err := harness.CallIn(t.Context(), harness.Connect(t, c), "test_simple_text", nil); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
		s.becomes(t, processes, float64(i+1))
	}
	s.becomes(t, callsOK, 2)
	for i, c := range clients {
		if err := c.Revoke(t.Context(), c.RefreshToken); err != nil {
			t.Fatal(err)
		}
		s.becomes(t, processes, float64(len(clients)-i-1))
	}
}

// TestDatabase: each step at the database counts once and has a duration, and those that wait
// for a connection are counted, with their time.
func TestDatabase(t *testing.T) {
	t.Parallel()
	const waits = "mcpkeep_database_connection_waits_total"
	opts := harness.Engines()[1].Options(t)
	opts.Env = append(opts.Env, "MCPKEEP_DATABASE_MAX_CONNS=2")
	s := start(t, opts)
	before := s.samples(t.Context(), t)
	s.becomes(t, "mcpkeep_database_connections_max", 2)
	conn := dbtest.SQL(t, opts.Database)
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "LOCK TABLE oauth_clients IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	const many = 8
	done := make(chan error, many)
	for range many {
		go func() {
			c := harness.NewClient(s.URL, nil)
			done <- c.Register(t.Context())
		}()
	}
	for began := time.Now(); time.Since(began) < 3*time.Second && s.samples(t.Context(), t)[waits] == before[waits]; {
		time.Sleep(20 * time.Millisecond)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	for range many {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	after := s.samples(t.Context(), t)
	for _, series := range []string{waits, "mcpkeep_database_connection_wait_seconds_total"} {
		if after[series] <= before[series] {
			t.Errorf("%s was %v, and is %v after %d steps at two connections", series, before[series], after[series], many)
		}
	}
	moved := after[`mcpkeep_database_statements_total{kind="write",outcome="ok"}`] - before[`mcpkeep_database_statements_total{kind="write",outcome="ok"}`]
	timed := after[`mcpkeep_database_statement_duration_seconds_count{kind="write"}`] - before[`mcpkeep_database_statement_duration_seconds_count{kind="write"}`]
	if moved < many || timed < moved {
		t.Errorf("%v steps counted, %v timed, want at least %d", moved, timed, many)
	}
}
