package harness

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startTimeout = 60 * time.Second // of a machine under load; a tenth of a second is usual
	endTimeout   = 30 * time.Second
)

// Password is the password of the local provider unless the environment of
// [Options] says otherwise.
const Password = "correct horse battery staple"

// Options say how a process is started.
type Options struct {
	Database string              // value of DATABASE_URL
	Listen   string              // default: a free port of 127.0.0.1
	Args     []string            // further arguments of serve
	Env      []string            // further variables, as NAME=value; the last one counts
	User     *syscall.Credential // whom to run as, when not the current user
}

// Process is one `mcpkeep serve`.
type Process struct {
	URL       string // http://127.0.0.1:PORT
	Ready     string // the ready line
	StartedIn time.Duration
	Logs      *Log // of all starts together

	binary string
	opts   Options
	run    *running
}

// Start starts a process and returns when it is ready. It ends with the test;
// what it printed is shown when the test failed.
func Start(t testing.TB, opts Options) *Process {
	t.Helper()
	p, err := TryStart(t, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TryStart is Start for goroutines other than the test's, and for starts that
// may fail.
func TryStart(t testing.TB, opts Options) (*Process, error) {
	if opts.Listen == "" {
		opts.Listen = FreeAddress(t)
	}
	p := &Process{binary: Build(t), opts: opts, Logs: &Log{}}
	t.Cleanup(func() {
		p.Kill9()
		if t.Failed() {
			t.Logf("mcpkeep at %s printed (end):\n%s", p.opts.Listen, p.Logs.Tail(16<<10))
		}
		if strings.Contains(p.Logs.String(), "WARNING: DATA RACE") {
			t.Errorf("the race detector reported from mcpkeep:\n%s", p.Logs.Tail(16<<10))
		}
	})
	return p, p.Restart()
}

var readyLine = regexp.MustCompile(`^listening on (http://\S+) \(database (\w+), schema (\d+), ready in [^)]+\)$`)

// Restart starts the process again, on the same address and database, and
// returns when it is ready.
func (p *Process) Restart() error {
	began := time.Now()
	args := append([]string{"serve", "--listen", p.opts.Listen, "--database-url", p.opts.Database}, p.opts.Args...)
	run, err := launch(p.binary, args, p.opts, p.Logs)
	if err != nil {
		return err
	}
	p.run = run
	select {
	case p.Ready = <-run.ready:
	case <-run.done:
		return errors.New("mcpkeep ended with status " + strconv.Itoa(run.status()) + " instead of getting ready: " + p.Logs.Tail(2000))
	case <-time.After(startTimeout):
		run.kill(syscall.SIGKILL)
		return errors.New("mcpkeep did not get ready in " + startTimeout.String())
	}
	p.StartedIn = time.Since(began)
	p.URL = readyLine.FindStringSubmatch(p.Ready)[1]
	u, err := url.Parse(p.URL)
	if err == nil {
		p.opts.Listen = u.Host
	}
	return err
}

// SetEnv adds variables for the next Restart.
func (p *Process) SetEnv(env ...string) { p.opts.Env = append(p.opts.Env, env...) }

// Address is the host and port that it listens on.
func (p *Process) Address() string { return p.opts.Listen }

// Kill9 kills the process at once, as a crash or a lost machine would, and
// returns when it is gone.
func (p *Process) Kill9() {
	if p.run != nil {
		p.run.kill(syscall.SIGKILL)
		<-p.run.done
	}
}

// Terminate sends SIGTERM and returns at once. Wait tells how it went.
func (p *Process) Terminate() { p.run.kill(syscall.SIGTERM) }

// Wait returns the exit status, -1 for a process that a signal ended or that
// does not end.
func (p *Process) Wait() int {
	select {
	case <-p.run.done:
		return p.run.status()
	case <-time.After(endTimeout):
		p.Kill9()
		return -1
	}
}

// Term sends SIGTERM and returns the exit status.
func (p *Process) Term() int {
	p.Terminate()
	return p.Wait()
}

// running is one start of the program.
type running struct {
	cmd   *exec.Cmd
	ready chan string   // gets the ready line
	done  chan struct{} // closed when it has ended and everything is read
	err   error
}

// launch starts the binary with its output going to the log.
func launch(binary string, args []string, opts Options, log *Log) (*running, error) {
	cmd := exec.Command(binary, args...) //nolint:noctx,gosec // our own binary, ended by the test in its own ways
	cmd.Env = environment(opts.Env)
	cmd.SysProcAttr = processAttributes(opts.User)
	cmd.Stderr = log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r := &running{cmd: cmd, ready: make(chan string, 1), done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux takes the end of the thread that started it for our death.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(r.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			r.read(stdout, log)
			r.err = cmd.Wait()
		}
	}()
	return r, <-started
}

// read copies standard output to the log and looks for the ready line.
func (r *running) read(stdout io.Reader, log *Log) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		_, _ = log.Write(append(lines.Bytes(), '\n'))
		if readyLine.MatchString(lines.Text()) {
			r.ready <- lines.Text()
		}
	}
}

func (r *running) kill(sig syscall.Signal) { _ = r.cmd.Process.Signal(sig) } // one that has ended needs none

func (r *running) status() int {
	var exit *exec.ExitError
	if errors.As(r.err, &exit) {
		return exit.ExitCode()
	}
	if r.err != nil {
		return -1
	}
	return 0
}

// environment is ours less all settings of mcpkeep.
func environment(more []string) []string {
	env := []string{"MCPKEEP_LOCAL_PASSWORD=" + Password, "MCPKEEP_LOG_FORMAT=json", "GORACE=atexit_sleep_ms=0"}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case strings.HasPrefix(name, "MCPKEEP_"), strings.HasPrefix(name, "FASTMCP_"), strings.HasPrefix(name, "GITHUB_"),
			name == "DATABASE_URL", name == "PORT", name == "OAUTH_STORAGE_ENCRYPTION_KEY":
		default:
			env = append(env, v)
		}
	}
	return append(env, more...)
}

// Result is what a command that runs to its end did.
type Result struct {
	Status         int
	Stdout, Stderr string
	Took           time.Duration
}

// Run runs a command of the program to its end.
func Run(ctx context.Context, t testing.TB, env []string, args ...string) Result {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(ctx, Build(t), args...) //nolint:gosec // our own binary
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

// NewKey returns a new encryption key, made by the program.
func NewKey(t testing.TB) string {
	t.Helper()
	r := Run(t.Context(), t, nil, "keys", "generate")
	if r.Status != 0 {
		t.Fatalf("keys generate: status %d: %s", r.Status, r.Stderr)
	}
	return strings.TrimSpace(r.Stdout)
}
