package pgtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	startTimeout = time.Minute // of a machine under load; half a second is usual
	stopTimeout  = 30 * time.Second
	pollInterval = 5 * time.Millisecond
	port         = "5432" // only part of the socket's name
	superuser    = "postgres"
)

// Cluster is a PostgreSQL server with its data. Its methods may be called from
// several goroutines.
type Cluster struct {
	bin      string
	dir      string
	cred     *syscall.Credential
	settings []string
	parent   string // of dir
	janitor  *janitor

	mu     sync.Mutex
	server *process // nil when stopped
	frozen []int    // processes that Pause stopped
}

// Option changes how a cluster is started.
type Option func(*Cluster)

// Setting gives the server a configuration parameter, such as ("fsync", "on").
func Setting(name, value string) Option {
	return func(c *Cluster) { c.settings = append(c.settings, "-c", name+"="+value) }
}

// InMemory keeps the data in memory, where the system offers enough of it: copying a
// database, which most tests do, then costs a quarter of the processor time.
func InMemory() Option {
	return func(c *Cluster) { c.parent = cmp.Or(memoryDir(), c.parent) }
}

// Start makes and starts a cluster of its own, listening on a Unix socket only
// and, unless a Setting says otherwise, without care for durability across a
// crash of the machine. The caller closes it; when the caller dies, the server
// ends too. The error wraps ErrNotFound when there is no PostgreSQL.
func Start(opts ...Option) (*Cluster, error) {
	bin, err := Binaries()
	if err != nil {
		return nil, err
	}
	cred, err := unprivileged()
	if err != nil {
		return nil, err
	}
	// Not os.TempDir: a socket's path is limited to some hundred bytes, and the
	// user that root changes to must be able to reach it.
	c := &Cluster{bin: bin, cred: cred, parent: "/tmp"}
	for _, opt := range opts {
		opt(c)
	}
	if err := c.initWith(c.initdb); err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// initWith makes the folder, the janitor and, with the function, the data.
func (c *Cluster) initWith(data func() error) (err error) {
	if c.dir, err = os.MkdirTemp(c.parent, "mkpg"); err != nil {
		return err
	}
	if c.cred != nil {
		if err := os.Chown(c.dir, int(c.cred.Uid), int(c.cred.Gid)); err != nil {
			return errors.Join(err, os.Remove(c.dir))
		}
	}
	if c.janitor, err = startJanitor(c.dir, c.cred); err != nil {
		return errors.Join(err, os.Remove(c.dir))
	}
	if err := data(); err != nil {
		return errors.Join(err, c.Close())
	}
	return nil
}

func (c *Cluster) initdb() error {
	return c.runOnce(c.command("initdb", "-D", c.data(), "-U", superuser, "-A", "trust", "-E", "UTF8",
		"--locale=C", "--no-sync", "--no-instructions"))
}

// runOnce runs one of the server's programs to its end.
func (c *Cluster) runOnce(cmd *exec.Cmd) error {
	var out strings.Builder
	cmd.SysProcAttr = sysProcAttr(c.cred, syscall.SIGKILL)
	cmd.Stdout, cmd.Stderr = &out, &out
	p, err := launch(cmd)
	if err == nil {
		<-p.done
		err = p.err
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd.Path, err, out.String())
	}
	return nil
}

// Start starts the server again after Stop, on the same data and socket, and
// returns when it answers.
func (c *Cluster) Start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		return errors.New("the server is already running")
	}
	server, err := c.serve()
	if err != nil {
		return err
	}
	c.server = server
	if err := c.awaitReady(); err != nil {
		return errors.Join(err, c.stop(syscall.SIGQUIT))
	}
	return nil
}

func (c *Cluster) serve() (*process, error) {
	log, err := os.OpenFile(c.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the server has its own descriptor
	args := []string{
		"-D", c.data(), "-k", c.dir, "-p", port, "-c", "listen_addresses=",
		"-c", "max_connections=300", "-c", "timezone=UTC", "-c", "autovacuum=off",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
	}
	cmd := c.command("postgres", append(args, c.settings...)...)
	cmd.SysProcAttr = sysProcAttr(c.cred, syscall.SIGQUIT)
	cmd.Stdout, cmd.Stderr = log, log
	return launch(cmd)
}

// awaitReady returns when the server takes connections.
func (c *Cluster) awaitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.DSN())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-c.server.done:
			return fmt.Errorf("postgres ended: %w\n%s", c.server.err, c.logTail())
		case <-ctx.Done():
			return fmt.Errorf("postgres does not answer: %w\n%s", err, c.logTail())
		case <-time.After(pollInterval):
		}
	}
}

// Stop stops the server and leaves its data for Start. Clients are
// disconnected; immediate does so without a word to them and without a
// checkpoint, as a crash would, so that Start has to recover from the log.
// Stopping a stopped server does nothing.
func (c *Cluster) Stop(immediate bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if immediate {
		return c.stop(syscall.SIGQUIT)
	}
	return c.stop(syscall.SIGINT)
}

func (c *Cluster) stop(sig syscall.Signal) error {
	if c.server == nil {
		return nil
	}
	server := c.server
	c.server = nil
	c.resume()
	if server.running() {
		_ = server.cmd.Process.Signal(sig) // it may have ended just now
	}
	select {
	case <-server.done:
		return nil
	case <-time.After(stopTimeout):
		_ = server.cmd.Process.Kill()
		return fmt.Errorf("postgres did not stop within %s\n%s", stopTimeout, c.logTail())
	}
}

// Close stops the server and removes its data.
func (c *Cluster) Close() error {
	return errors.Join(c.Stop(true), c.janitor.dismiss())
}

// DSN is the superuser's connection to the maintenance database, as a URL.
func (c *Cluster) DSN() string {
	u := url.URL{
		Scheme: "postgres", User: url.User(superuser), Path: "/postgres",
		RawQuery: url.Values{"host": {c.dir}, "port": {port}}.Encode(),
	}
	return u.String()
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) log() string { return filepath.Join(c.dir, "log") }

// logTail is the end of the server's log, for error messages.
func (c *Cluster) logTail() string {
	const most = 4096
	log, err := os.ReadFile(c.log())
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-most):])
}

// command prepares one of the server's programs, in a folder and environment
// that do not depend on the caller's.
func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...) //nolint:noctx // Stop and Close end it, in their own ways
	cmd.Dir = c.dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC"}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "TZ=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}
