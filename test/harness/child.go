package harness

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// running is one start of the program.
type running struct {
	cmd   *exec.Cmd
	ready chan string   // gets the ready line
	done  chan struct{} // closed when it has ended and everything is read
	err   error
}

// launch starts the binary with its output going to the log.
func launch(binary string, args []string, opts Options, log *Log) (*running, error) {
	cmd := exec.Command(binary, args...) //nolint:noctx // our own binary, ended by the test in its own ways
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

// environment is ours less all settings of mcpkeep. A lost registration must show, so
// that no client is registered again under its id unless a test says so.
func environment(more []string) []string {
	env := []string{"MCPKEEP_LOCAL_PASSWORD=" + Password, "MCPKEEP_LOG_FORMAT=json", "MCPKEEP_READOPT=off", "GORACE=atexit_sleep_ms=0"}
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
