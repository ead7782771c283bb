package pgtest

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// settle is how long a connection that is just being opened gets to show up
// in pg_stat_activity.
const settle = 20 * time.Millisecond

// Pause freezes the server, as an overloaded machine or a cut network would:
// connections stay open, new ones can be opened as far as the kernel is
// concerned, and there are no responses until Resume, Stop or Close.
func (c *Cluster) Pause(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil {
		return errors.New("the server is not running")
	}
	if len(c.frozen) > 0 {
		return errors.New("the server is already paused")
	}
	conn, err := pgx.Connect(ctx, c.DSN())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	// The parent first, so that no new process appears.
	if err := c.freeze(c.server.cmd.Process.Pid); err != nil {
		return err
	}
	time.Sleep(settle)
	if err := c.freezeBackends(ctx, conn); err != nil {
		c.resume()
		return err
	}
	return nil
}

// freezeBackends freezes each of the server's processes but conn's own.
func (c *Cluster) freezeBackends(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
	if err != nil {
		return err
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := c.freeze(pid); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

func (c *Cluster) freeze(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("freeze process %d: %w", pid, err)
	}
	c.frozen = append(c.frozen, pid)
	return nil
}

// Resume lets a paused server continue. Resuming a server that is not paused does
// nothing.
func (c *Cluster) Resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resume()
}

func (c *Cluster) resume() {
	for _, pid := range c.frozen {
		_ = syscall.Kill(pid, syscall.SIGCONT) // one that is gone needs no waking
	}
	c.frozen = nil
}
