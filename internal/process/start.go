//go:build linux || darwin

package process

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Start starts a command. An error says what the operator can change, and nothing of the
// environment and the arguments.
func Start(cmd Command) (*Process, error) {
	path, err := find(cmd)
	if err != nil {
		return nil, err
	}
	pipes, err := newPipes()
	if err != nil {
		return nil, err
	}
	supervisor, err := startSupervisor(pipes)
	if err != nil {
		pipes.closeAll()
		return nil, fmt.Errorf("start the supervisor of %s: %w", cmd.program(), err)
	}
	pipes.closeTheirs()
	p := &Process{
		Stdin: pipes.stdin, Stdout: stream{pipes.stdout}, control: pipes.control,
		done: make(chan struct{}), gone: make(chan struct{}),
	}
	plan := plan{
		Path: path, Args: append([]string{cmd.Path}, cmd.Args...), Env: cmd.Env, Dir: cmd.Dir,
		Memory: uint64(max(cmd.Memory, 0)), OpenFiles: cmd.OpenFiles, User: cmd.User,
	}
	go readLines(pipes.stderr, cmd.Stderr)
	reports := bufio.NewReader(pipes.reports)
	if err := plan.write(pipes.control); err != nil {
		err = fmt.Errorf("the supervisor of %s has ended: %w", cmd.program(), err)
		return nil, p.abandon(supervisor, pipes, err)
	}
	first, err := reports.ReadString('\n')
	kind, text, _ := strings.Cut(strings.TrimSpace(first), " ")
	if err != nil || kind != reportStarted {
		return nil, p.abandon(supervisor, pipes, failed(cmd, kind, text))
	}
	p.pid, _ = strconv.Atoi(text)
	go p.watch(supervisor, reports, pipes.reports)
	return p, nil
}

// abandon ends a start that has failed.
func (p *Process) abandon(supervisor *os.Process, pipes *pipes, err error) error {
	pipes.closeOurs()
	_, _ = supervisor.Wait()
	return err
}

// startSupervisor starts this program again, in a session of its own: no terminal's signal
// reaches the command.
func startSupervisor(pipes *pipes) (*os.Process, error) {
	self, err := ownProgram()
	if err != nil {
		return nil, err
	}
	return os.StartProcess(self, []string{supervisorName, roleSupervise}, &os.ProcAttr{
		Dir: "/", Env: []string{"GOMAXPROCS=2", "GOGC=off"}, Files: pipes.theirs, Sys: &syscall.SysProcAttr{Setsid: true},
	})
}

// watch notes the end of the command, and of its supervisor.
func (p *Process) watch(supervisor *os.Process, reports *bufio.Reader, file io.Closer) {
	defer close(p.gone)
	defer func() { _ = file.Close() }()
	line, err := reports.ReadString('\n')
	if err != nil { // the supervisor was killed
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
		line = reportEnded + " killed with its supervisor\n"
	}
	p.ended(strings.TrimPrefix(strings.TrimSpace(line), reportEnded+" "))
	_, _ = io.Copy(io.Discard, reports)
	_, _ = supervisor.Wait()
	_ = p.control.Close()
}

func (p *Process) ended(how string) {
	if how != exitedWell {
		p.mu.Lock()
		p.err = fmt.Errorf("%w: %s", ErrExited, how)
		p.mu.Unlock()
	}
	_ = p.Stdin.Close()
	close(p.done)
}

// pipes connect mcpkeep with the supervisor and the command. Each end is closed on exec but for
// those that a supervisor gets.
type pipes struct {
	stdin, control          *os.File // written by mcpkeep
	stdout, stderr, reports *os.File // read by mcpkeep
	theirs                  []*os.File
}

func newPipes() (*pipes, error) {
	p := new(pipes)
	for i, ours := range []**os.File{&p.stdin, &p.stdout, &p.stderr, &p.control, &p.reports} {
		r, w, err := os.Pipe()
		if err != nil {
			p.closeAll()
			return nil, fmt.Errorf("no pipe for a server's process: %w", err)
		}
		if i == 0 || i == 3 {
			r, w = w, r
		}
		*ours = r
		p.theirs = append(p.theirs, w)
	}
	return p, nil
}

func (p *pipes) closeTheirs() {
	for _, f := range p.theirs {
		_ = f.Close()
	}
}

func (p *pipes) closeOurs() {
	for _, f := range []*os.File{p.stdin, p.stdout, p.control, p.reports} {
		_ = f.Close() // a nil file is an error that means nothing
	}
}

func (p *pipes) closeAll() {
	p.closeOurs()
	_ = p.stderr.Close()
	p.closeTheirs()
}
