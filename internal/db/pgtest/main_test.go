package pgtest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// envRole makes this test binary play another process of a test.
const envRole = "PGTEST_ROLE"

func TestMain(m *testing.M) {
	roles := map[string]func() error{"owner": playOwner, "paused-owner": playPausedOwner}
	play, ok := roles[os.Getenv(envRole)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := play(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// self prepares this test binary as another process.
func self(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	// The race detector would make each process linger for a second.
	cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0"), env...)
	return cmd
}

// runTest runs one test of this package in another process and returns what it
// printed.
func runTest(t *testing.T, name string, env ...string) (output string, ok bool) {
	t.Helper()
	out, err := self(t.Context(), env, "-test.v", "-test.run=^"+name+"$").CombinedOutput()
	return string(out), err == nil
}

// must connects and runs statements.
func must(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	conn := connect(t, dsn)
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// query returns the one value of a query.
func query[T any](t *testing.T, dsn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := connect(t, dsn).QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// eventually waits until done says so.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// needServer skips the test where there is none to start.
func needServer(t *testing.T) {
	t.Helper()
	if _, err := pgtest.Binaries(); err != nil && !pgtest.Required() {
		t.Skip(err)
	}
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("want %q in:\n%s", part, text)
	}
}
