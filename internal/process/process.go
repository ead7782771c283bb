package process

import (
	"errors"
	"io"
	"os"
	"sync"
)

// Command is what to run.
type Command struct {
	Path      string      // a path, or a name to find in the PATH of Env
	Args      []string    // without the command's own name
	Env       []string    // all of the environment; see Environ
	Dir       string      // working directory; "" for that of mcpkeep
	Memory    int64       // limit for the data segment in bytes (Linux); 0 for none
	OpenFiles uint64      // limit for open files; 0 for that of mcpkeep
	User      *Credential // another user to run as
	Stderr    func(line string)
	Unnamed   bool // errors name neither program nor directory
}

func (c Command) program() string { return c.named("the command", c.Path) }

func (c Command) folder() string { return c.named("the working directory", c.Dir) }

func (c Command) named(what, name string) string {
	if c.Unnamed {
		return what
	}
	return what + " " + name
}

// Credential is a user of the system.
type Credential struct {
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups"` // further ones
	Home   string   `json:"-"`
	Name   string   `json:"-"`
}

// Process is a command that was started.
type Process struct {
	// Stdin can be closed more than once.
	Stdin io.WriteCloser
	// Stdout ends when the command and what it left behind have closed it. It closes itself
	// then; a reader that gives up earlier closes it.
	Stdout io.ReadCloser

	pid     int
	control *os.File
	mu      sync.Mutex
	err     error
	done    chan struct{}
	gone    chan struct{}
}

// ErrExited is wrapped by the error of a command that has ended by itself.
var ErrExited = errors.New("the server's process has ended")

// PID is the ID of the command and of its process group.
func (p *Process) PID() int { return p.pid }

// Done is closed when the command has ended. What it left behind is killed then.
func (p *Process) Done() <-chan struct{} { return p.done }

// Gone is closed when nothing of the command is left.
func (p *Process) Gone() <-chan struct{} { return p.gone }

// Err says how the command has ended, such as "exit status 1"; nil before that, and for
// exit status 0.
func (p *Process) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Stop closes the standard input and returns. The process group gets SIGTERM after two
// seconds and SIGKILL after five.
func (p *Process) Stop() {
	_ = p.Stdin.Close()
	p.order(orderStop)
}

// Kill kills the process group and returns.
func (p *Process) Kill() {
	_ = p.Stdin.Close()
	p.order(orderKill)
}

// Orders to the supervisor. The end of the pipe means that mcpkeep has ended.
const (
	orderStop = 's'
	orderKill = 'k'
)

func (p *Process) order(what byte) {
	_, _ = p.control.Write([]byte{what}) // without a supervisor there is nothing to end
}

// stream closes itself at its end.
type stream struct{ *os.File }

func (s stream) Read(b []byte) (int, error) {
	n, err := s.File.Read(b)
	if err != nil {
		_ = s.Close()
		if errors.Is(err, os.ErrClosed) {
			err = io.EOF
		}
	}
	return n, err
}
