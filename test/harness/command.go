package harness

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Result is what a command that runs to its end did.
type Result struct {
	Status         int
	Stdout, Stderr string
	Took           time.Duration
}

// Run runs a command of the program to its end.
func Run(ctx context.Context, t testing.TB, env []string, args ...string) Result {
	t.Helper()
	return RunWith(ctx, t, "", env, args...)
}

// RunWith is Run with a text on standard input.
func RunWith(ctx context.Context, t testing.TB, stdin string, env []string, args ...string) Result {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(ctx, Build(t), args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(env), &stdout, &stderr
	cmd.Dir = t.TempDir()
	began := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return Result{Status: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String(), Took: time.Since(began)}
}

// Command runs a command of the program with the process's database and settings.
func (p *Process) Command(ctx context.Context, t testing.TB, args ...string) Result {
	t.Helper()
	return Run(ctx, t, append([]string{"DATABASE_URL=" + p.opts.Database}, p.opts.Env...), args...)
}

// NewKey returns a new encryption key, made by the program.
func NewKey(t testing.TB) string {
	t.Helper()
	r := Run(t.Context(), t, nil, "keys", "generate")
	if r.Status != 0 {
		t.Fatalf("keys generate: status %d: %s", r.Status, r.Stderr)
	}
	return strings.TrimSpace(r.Stdout)
}

// Command is a command of the program under way.
type Command struct {
	Output *Log // both streams
	run    *running
}

// Spawn starts a command of the program. It ends with the test at the latest.
func Spawn(t testing.TB, env []string, args ...string) *Command {
	t.Helper()
	c := &Command{Output: &Log{}}
	var err error
	if c.run, err = launch(Build(t), args, Options{Env: env}, c.Output); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill9)
	return c
}

// Kill9 kills the command, as a crash would, and returns when it is gone.
func (c *Command) Kill9() {
	c.run.kill(syscall.SIGKILL)
	<-c.run.done
}

// Wait returns the exit status, -1 when a signal ended it.
func (c *Command) Wait() int {
	<-c.run.done
	return c.run.status()
}
