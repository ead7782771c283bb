package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// envMain makes this test binary behave as withpg itself.
const envMain = "WITHPG_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(envMain) == "" {
		os.Exit(m.Run())
	}
	main()
}

// withpg prepares a run of the program on a shell script.
func withpg(ctx context.Context, env []string, script string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], "sh", "-c", script)
	cmd.Env = append(os.Environ(), envMain+"=1", pgtest.EnvAdminDSN+"=", pgtest.EnvRequire+"=",
		"GORACE=atexit_sleep_ms=0") // the race detector would make it linger
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// status is the exit status of a command that has ended.
func status(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}

func needServer(t *testing.T) {
	t.Helper()
	if _, err := pgtest.Binaries(); err != nil && !pgtest.Required() {
		t.Skip(err)
	}
}

const printDSN = `printf '%s' "$MCPKEEP_TEST_POSTGRES"`

func TestServerLivesAsLongAsTheCommand(t *testing.T) {
	t.Parallel()
	needServer(t)
	cmd := withpg(t.Context(), nil, printDSN+`; echo; read -r _; exit 3`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	dsn := lines.Text()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatalf("connect to %q while the command runs: %v", dsn, err)
	}
	_ = conn.Close(t.Context())
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if got := status(t, cmd.Wait()); got != 3 {
		t.Errorf("exit status %d, want the command's 3", got)
	}
	if _, err := os.Stat(conn.Config().Host); !os.IsNotExist(err) {
		t.Errorf("the server's folder is still there: %v", err)
	}
}

func TestSignalsReachTheCommand(t *testing.T) {
	t.Parallel()
	needServer(t)
	for name, tt := range map[string]struct {
		script string
		want   int
	}{
		"caught": {`trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done`, 7},
		"fatal":  {`echo ready; exec sleep 60`, 128 + int(syscall.SIGTERM)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := withpg(t.Context(), nil, tt.script)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if !bufio.NewScanner(out).Scan() {
				t.Fatal("the command did not start")
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if got := status(t, cmd.Wait()); got != tt.want {
				t.Errorf("exit status %d, want %d", got, tt.want)
			}
		})
	}
}

func TestWithoutServer(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	missing := fmt.Sprintf("no PostgreSQL server binaries (initdb and postgres) in %s, which %s names\n", empty, pgtest.EnvBin)
	tests := map[string]struct {
		require, stdout, stderr string
		status                  int
	}{
		"runs the command":  {"", "ran", "withpg: tests on PostgreSQL will be skipped: " + missing, 4},
		"fails if required": {"1", "", "withpg: " + missing, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := withpg(t.Context(), []string{pgtest.EnvBin + "=" + empty, pgtest.EnvRequire + "=" + tt.require},
				printDSN+`; printf ran; exit 4`)
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if got := status(t, cmd.Run()); got != tt.status {
				t.Errorf("exit status %d, want %d", got, tt.status)
			}
			if stdout.String() != tt.stdout || stderr.String() != tt.stderr {
				t.Errorf("printed %q and %q, want %q and %q", stdout.String(), stderr.String(), tt.stdout, tt.stderr)
			}
		})
	}
}

func TestServerThatIsAlreadyThereIsUsed(t *testing.T) {
	t.Parallel()
	cmd := withpg(t.Context(), []string{pgtest.EnvAdminDSN + "=host=elsewhere", pgtest.EnvBin + "=" + t.TempDir()}, printDSN)
	out, err := cmd.Output()
	if string(out) != "host=elsewhere" || err != nil {
		t.Errorf("the command saw %q, error %v", out, err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		admin, stdout string
		status        int
	}{
		"here":    {"postgres://u:secret@h/db", "$MCPKEEP_TEST_POSTGRES\n", 0},
		"nowhere": {"", "", 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-find")
			cmd.Env = append(os.Environ(), envMain+"=1", pgtest.EnvAdminDSN+"="+tt.admin, pgtest.EnvBin+"="+t.TempDir())
			out, err := cmd.Output()
			if got := status(t, err); got != tt.status || string(out) != tt.stdout {
				t.Errorf("printed %q with status %d, want %q with %d", out, got, tt.stdout, tt.status)
			}
		})
	}
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want int
	}{
		"no command":      {nil, 2},
		"unknown command": {[]string{"/nonexistent/command"}, 127},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], tt.args...)
			cmd.Env = append(os.Environ(), envMain+"=1", pgtest.EnvAdminDSN+"=host=elsewhere")
			if got := status(t, cmd.Run()); got != tt.want {
				t.Errorf("exit status %d, want %d", got, tt.want)
			}
		})
	}
}
