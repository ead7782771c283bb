package dbtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// envRole makes a test binary play another process of a test.
const envRole = "DBTEST_ROLE"

// ready is what a process prints when it is about to begin.
const ready = "ready\n"

// Role is what another process does; what it returns goes to the test.
type Role func(args []string) (string, error)

// Main is for TestMain: it runs the tests, or the role that Spawn asks for.
func Main(m *testing.M, roles map[string]Role) {
	name := os.Getenv(envRole)
	if name == "" {
		os.Exit(m.Run())
	}
	out, err := play(roles[name], os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(out)
	os.Exit(0)
}

// play waits until the test says that every process is there, so that they
// begin together.
func play(role Role, args []string) (string, error) {
	if role == nil {
		return "", errors.New("no such role")
	}
	fmt.Print(ready)
	if _, err := io.ReadFull(os.Stdin, make([]byte, 1)); err != nil {
		return "", err
	}
	return role(args)
}

// Spawn runs n processes of this test binary in the given role at the same time
// and returns what each printed. A process that fails, fails the test. The
// arguments, such as a database's URL, are the same for all but for "{i}",
// which is the process's number from 0.
func Spawn(t testing.TB, n int, role string, args ...string) []string {
	t.Helper()
	processes := make([]*process, n)
	for i := range processes {
		processes[i] = launch(t, i, role, args)
	}
	for _, p := range processes {
		p.awaitReady(t)
	}
	outputs := make([]string, n)
	var wg sync.WaitGroup
	for i, p := range processes {
		_, _ = p.stdin.Write([]byte("\n"))
		wg.Go(func() { outputs[i] = p.finish(t) })
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return outputs
}

type process struct {
	cmd    *exec.Cmd
	stdin  io.Writer
	stdout io.Reader
	stderr bytes.Buffer
}

func launch(t testing.TB, i int, role string, args []string) *process {
	t.Helper()
	own := make([]string, len(args))
	for j, a := range args {
		own[j] = strings.ReplaceAll(a, "{i}", fmt.Sprint(i))
	}
	p := &process{cmd: exec.CommandContext(t.Context(), os.Args[0], own...)}
	// The race detector would make each process linger for a second.
	p.cmd.Env = append(os.Environ(), envRole+"="+role, "GORACE=atexit_sleep_ms=0")
	p.cmd.Stderr = &p.stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.stdin, p.stdout = stdin, stdout
	return p
}

func (p *process) awaitReady(t testing.TB) {
	t.Helper()
	got := make([]byte, len(ready))
	if _, err := io.ReadFull(p.stdout, got); err != nil || string(got) != ready {
		t.Fatalf("process of this test printed %q: %v", got, err)
	}
}

// finish reads what the process prints, to its end.
func (p *process) finish(t testing.TB) string {
	t.Helper()
	var out bytes.Buffer
	_, readErr := out.ReadFrom(p.stdout)
	if err := errors.Join(readErr, p.cmd.Wait()); err != nil {
		t.Errorf("process of this test: %v\n%s", err, p.stderr.String())
	}
	return out.String()
}
