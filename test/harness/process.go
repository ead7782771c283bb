package harness

import (
	"errors"
	"net/url"
	"regexp"
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
	User     *syscall.Credential // user to run as, if not the current one
	Binary   string              // default: the one that Build makes
}

// Process is one `mcpkeep serve`.
type Process struct {
	URL       string // http://127.0.0.1:PORT
	Ready     string // the ready line
	StartedIn time.Duration
	Logs      *Log // of all starts together

	opts Options
	run  *running
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
	t.Helper()
	if opts.Listen == "" {
		opts.Listen = FreeAddress(t)
	}
	if opts.Binary == "" {
		opts.Binary = Build(t)
	}
	p := &Process{opts: opts, Logs: &Log{}}
	t.Cleanup(func() {
		p.Kill9()
		if t.Failed() {
			t.Logf("mcpkeep at %s printed (end):\n%s", p.opts.Listen, p.Logs.Tail(16<<10))
		}
		if _, report, found := strings.Cut(p.Logs.String(), "WARNING: DATA RACE"); found {
			t.Errorf("the race detector reported from mcpkeep:%s", report[:min(len(report), 16<<10)])
		}
	})
	err := p.Restart()
	return p, err
}

var readyLine = regexp.MustCompile(`^listening on (https?://\S+) \(database (\w+), schema (\d+), ready in [^)]+\)$`)

// Restart starts the process again, on the same address and database, and
// returns when it is ready.
func (p *Process) Restart() error {
	began := time.Now()
	args := append([]string{"serve", "--listen", p.opts.Listen, "--database-url", p.opts.Database}, p.opts.Args...)
	run, err := launch(p.opts.Binary, args, p.opts, p.Logs)
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

// PID is the id of the running process.
func (p *Process) PID() int { return p.run.cmd.Process.Pid }

// SetEnv adds variables for the next Restart.
func (p *Process) SetEnv(env ...string) { p.opts.Env = append(p.opts.Env, env...) }

// SetBinary makes the next Restart run another build of the program.
func (p *Process) SetBinary(path string) { p.opts.Binary = path }

// Address is the host and port that it listens on.
func (p *Process) Address() string { return p.opts.Listen }

// Kill9 kills the process immediately, as a crash or a lost machine would, and
// returns when it is gone.
func (p *Process) Kill9() {
	if p.run != nil {
		p.run.kill(syscall.SIGKILL)
		<-p.run.done
	}
}

// Terminate sends SIGTERM and returns immediately. Wait tells how it went.
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
