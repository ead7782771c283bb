//go:build chaos

package histories_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/histories"
)

// process runs calls in a process of its own, and starts it again after it was killed.
type process struct {
	t   *testing.T
	env []string

	mu    sync.Mutex
	cmd   *exec.Cmd
	in    io.WriteCloser
	next  int
	calls map[int]chan histories.Result // of this start, by number
	ended bool
}

func launch(t *testing.T, env ...string) *process {
	t.Helper()
	p := &process{t: t, env: env}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	return p
}

// start begins a process. The caller holds the lock, or is alone.
func (p *process) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env, cmd.Stderr = append(os.Environ(), p.env...), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.in, p.calls = cmd, in, map[int]chan histories.Result{}
	go p.read(out, p.calls)
	return nil
}

// read hands out the results of one start. Calls without one are unknown.
func (p *process) read(out io.Reader, calls map[int]chan histories.Result) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var m message
		if json.Unmarshal(lines.Bytes(), &m) != nil {
			continue // the end of a process that was killed
		}
		p.mu.Lock()
		answer := calls[m.ID]
		delete(calls, m.ID)
		p.mu.Unlock()
		if answer != nil {
			answer <- m.Result
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, answer := range calls {
		delete(calls, id)
		answer <- histories.Result{Unknown: true}
	}
}

// call makes a call and waits for its result.
func (p *process) call(op histories.Op) histories.Result {
	answer := make(chan histories.Result, 1)
	p.mu.Lock()
	p.next++
	line, err := json.Marshal(message{ID: p.next, Op: op})
	if err == nil {
		p.calls[p.next] = answer
		_, err = p.in.Write(append(line, '\n'))
	}
	if err != nil {
		delete(p.calls, p.next)
		answer <- histories.Result{Unknown: true}
	}
	p.mu.Unlock()
	return <-answer
}

// kill kills the process as a crash would, and starts it again.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	if err := p.start(); err != nil {
		p.t.Error(err)
	}
}

func (p *process) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
