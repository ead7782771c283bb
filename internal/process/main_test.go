package process_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/process"
)

// TestMain plays other programs as well: the test program is the command in some tests, and
// what is killed in others.
func TestMain(m *testing.M) {
	switch os.Getenv("PROCESS_TEST_ROLE") {
	case "allocate":
		allocate()
	case "open":
		openFiles()
	case "keeper":
		keep()
	default:
		os.Exit(m.Run())
	}
}

// allocate uses more memory than small limits allow.
func allocate() {
	const size, page = 300 << 20, 4 << 10
	memory := make([]byte, size)
	for i := 0; i < size; i += page {
		memory[i] = 1
	}
	fmt.Println("allocated", len(memory))
}

// openFiles opens files until there is an error.
func openFiles() {
	var files []*os.File
	for range 2000 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	fmt.Println("opened", len(files))
}

// keep starts commands as mcpkeep does, and waits to be killed.
func keep() {
	for _, script := range strings.Split(os.Getenv("PROCESS_TEST_SCRIPTS"), ";;") {
		p, err := process.Start(process.Command{Path: "sh", Args: []string{"-c", script}, Env: []string{path, "PROCESS_TEST_MARK=" + os.Getenv("PROCESS_TEST_MARK")}})
		if err != nil {
			fmt.Println("failed", err)
			return
		}
		line := make([]byte, len("ready\n"))
		if _, err := p.Stdout.Read(line); err != nil {
			fmt.Println("failed", err)
			return
		}
		fmt.Println("started", p.PID())
	}
	fmt.Println("all")
	select {}
}

const path = "PATH=/usr/local/bin:/usr/bin:/bin"

// ownProgram is the test program as a command, in a role.
func ownProgram(t *testing.T, role string, env ...string) process.Command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return process.Command{Path: self, Env: append([]string{path, "PROCESS_TEST_ROLE=" + role}, env...)}
}

// shell is a script as a command.
func shell(script string, env ...string) process.Command {
	return process.Command{Path: "sh", Args: []string{"-c", script}, Env: append([]string{path}, env...)}
}

// start starts a command, of which nothing is left after the test.
func start(t *testing.T, cmd process.Command) *process.Process {
	t.Helper()
	p, err := process.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		gone(t, p)
	})
	return p
}

// longest is how long a test waits for what should happen.
const longest = time.Minute

func gone(t *testing.T, p *process.Process) {
	t.Helper()
	select {
	case <-p.Gone():
	case <-time.After(longest):
		t.Fatal("something of the process is left")
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(longest); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// needs skips a test on a machine without a program.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(err)
	}
}
