package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

func TestClusterStopsAndStartsOnTheSameData(t *testing.T) {
	t.Parallel()
	for name, immediate := range map[string]bool{"fast": false, "immediate": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := pgtest.NewCluster(t)
			must(t, c.DSN(), "CREATE TABLE kept AS SELECT 7 AS n", "CHECKPOINT")
			if err := c.Stop(immediate); err != nil {
				t.Fatal(err)
			}
			if conn, err := pgx.Connect(t.Context(), c.DSN()); err == nil {
				_ = conn.Close(t.Context())
				t.Error("a stopped server answers")
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			if n := query[int](t, c.DSN(), "SELECT n FROM kept"); n != 7 {
				t.Errorf("n = %d after the restart, want 7", n)
			}
		})
	}
}

func TestClusterStopIsIdempotentAndStartIsNot(t *testing.T) {
	t.Parallel()
	c := pgtest.NewCluster(t)
	if err := c.Start(); err == nil {
		t.Error("starting a running server succeeded")
	}
	for range 2 {
		if err := c.Stop(false); err != nil {
			t.Error(err)
		}
	}
	if err := c.Pause(t.Context()); err == nil {
		t.Error("pausing a stopped server succeeded")
	}
}

func TestClusterPause(t *testing.T) {
	t.Parallel()
	c := pgtest.NewCluster(t)
	open := connect(t, c.DSN())
	if err := c.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if conn, err := pgx.Connect(ctx, c.DSN()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("connect to a paused server = %v, %v, want a deadline that passes", conn, err)
	}
	answer := make(chan error, 1)
	go func() {
		_, err := open.Exec(t.Context(), "SELECT 1")
		answer <- err
	}()
	select {
	case err := <-answer:
		t.Errorf("a paused server answered, error %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	c.Resume()
	if err := <-answer; err != nil {
		t.Errorf("the query that waited: %v", err)
	}
}

func TestClusterStopsWhilePaused(t *testing.T) {
	t.Parallel()
	c := pgtest.NewCluster(t)
	if err := c.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Pause(t.Context()); err == nil {
		t.Error("pausing a paused server succeeded")
	}
	if err := c.Stop(false); err != nil {
		t.Error(err)
	}
	if err := c.Start(); err != nil {
		t.Error(err)
	}
}

func TestClusterSettings(t *testing.T) {
	t.Parallel()
	c := pgtest.NewCluster(t, pgtest.Setting("fsync", "on"), pgtest.Setting("max_connections", "17"))
	want := map[string]string{
		"fsync": "on", "max_connections": "17", // asked for
		"listen_addresses": "", "server_encoding": "UTF8", "TimeZone": "UTC", // always
	}
	got := map[string]string{}
	for name := range want {
		got[name] = query[string](t, c.DSN(), "SELECT current_setting($1)", name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestClusterThatCannotStartSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	needServer(t)
	_, err := pgtest.Start(pgtest.Setting("no_such_parameter", "1"))
	if err == nil {
		t.Fatal("started")
	}
	contains(t, err.Error(), `unrecognized configuration parameter "no_such_parameter"`)
}

func TestClusterIgnoresTheCallersEnvironment(t *testing.T) {
	needServer(t)
	t.Setenv("PGPORT", "1")
	t.Setenv("PGDATA", "/nonexistent")
	t.Setenv("LC_ALL", "xx_XX.UTF-8")
	if got := query[string](t, pgtest.NewCluster(t).DSN(), "SHOW server_encoding"); got != "UTF8" {
		t.Errorf("encoding = %s", got)
	}
}

func TestClusterCloseRemovesEverything(t *testing.T) {
	t.Parallel()
	needServer(t)
	c, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	dir, pid := folderAndProcess(t, c.DSN())
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
	if alive(pid) {
		t.Error("the server still runs")
	}
}

func playOwner() error {
	c, err := pgtest.Start()
	if err != nil {
		return err
	}
	fmt.Println(c.DSN())
	return wait()
}

func playPausedOwner() error {
	c, err := pgtest.Start()
	if err != nil {
		return err
	}
	fmt.Println(c.DSN())
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	if err := c.Pause(context.Background()); err != nil {
		return err
	}
	fmt.Println("paused")
	return wait()
}

// wait returns when the test that started this process closes its input.
func wait() error {
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// TestServerDoesNotOutliveItsOwner ends the process that started the server in
// the ways that leave it no time to clean up.
func TestServerDoesNotOutliveItsOwner(t *testing.T) {
	t.Parallel()
	needServer(t)
	tests := map[string]struct {
		role string
		end  func(*os.Process, io.Closer) error
	}{
		"kill -9":              {"owner", func(p *os.Process, _ io.Closer) error { return p.Kill() }},
		"kill -9 while paused": {"paused-owner", func(p *os.Process, _ io.Closer) error { return p.Kill() }},
		"exit without Close":   {"owner", func(_ *os.Process, in io.Closer) error { return in.Close() }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			owner := self(t.Context(), []string{envRole + "=" + tt.role})
			in, err := owner.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := owner.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := owner.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			lines.Scan()
			dir, pid := folderAndProcess(t, lines.Text())
			if tt.role == "paused-owner" {
				if _, err := io.WriteString(in, "\n"); err != nil || !lines.Scan() {
					t.Fatal("the owner did not pause its server", err)
				}
			}
			if err := tt.end(owner.Process, in); err != nil {
				t.Fatal(err)
			}
			_ = owner.Wait() // its status is not the point
			eventually(t, "the server has ended", func() bool { return !alive(pid) })
			eventually(t, dir+" is removed", func() bool {
				_, err := os.Stat(dir)
				return os.IsNotExist(err)
			})
		})
	}
}

// folderAndProcess returns the folder of a running server, which must be short
// enough for a socket, and its process.
func folderAndProcess(t *testing.T, dsn string) (dir string, pid int) {
	t.Helper()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	const longest = 100
	if n := len(filepath.Join(cfg.Host, ".s.PGSQL.5432")); n > longest {
		t.Errorf("the socket's path has %d bytes, want at most %d", n, longest)
	}
	lock, err := os.ReadFile(filepath.Join(cfg.Host, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(lock), "\n")
	if pid, err = strconv.Atoi(line); err != nil {
		t.Fatal(err)
	}
	return cfg.Host, pid
}

// alive does not count a zombie, which waits for process 1.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err == nil {
		return !strings.Contains(string(stat), ") Z ")
	}
	return syscall.Kill(pid, 0) == nil
}
