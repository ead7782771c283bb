package db

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"
)

const (
	// checkpointPages is from how many pages of the write-ahead log on they are copied into
	// the file, as is SQLite's own default.
	checkpointPages = 1000
	// restartPages is from how many pages on the log starts over, which writes wait for. It
	// happens when at most checkpointPages are left to copy.
	restartPages = 4 * checkpointPages
	// logLimit is what a log that has grown shrinks to, in bytes.
	logLimit = 32 << 20
	// checkpointRest is between two checkpoints, stuckRest after one that made no progress:
	// a reader needs the log.
	checkpointRest, stuckRest = 100 * time.Millisecond, time.Second
	// restartWait bounds the wait for the writer's connection.
	restartWait = time.Second
)

// checkpointer copies the write-ahead log into the file while others write, on a connection
// of its own: a write that did it would take seconds after a long read, during which the log
// grew. Writers continue meanwhile.
type checkpointer struct {
	log   *sql.DB // the connection
	write *sql.DB
	wake  chan struct{}
	stop  context.CancelFunc
	ended sync.WaitGroup
	step  sync.Mutex // held during one
}

// openCheckpointer needs the handle of the writing connection.
func openCheckpointer(path string, write *sql.DB) (*checkpointer, error) {
	log, err := openPrepared(sqliteDSN(path, "busy_timeout(0)"))
	if err != nil {
		return nil, err
	}
	log.SetMaxOpenConns(1)
	ctx, stop := context.WithCancel(context.Background())
	c := &checkpointer{log: log, write: write, wake: make(chan struct{}, 1), stop: stop}
	c.ended.Go(func() { c.run(ctx) })
	return c, nil
}

// written tells that the log may have grown. It does not wait. A nil checkpointer, of a file
// that is only read, does nothing.
func (c *checkpointer) written() {
	if c == nil {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *checkpointer) close() error {
	if c == nil {
		return nil
	}
	c.stop()
	c.ended.Wait()
	return c.log.Close()
}

func (c *checkpointer) run(ctx context.Context) {
	var again <-chan time.Time // while there is more to do
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-again:
		}
		again = nil
		rest := checkpointRest
		if before, after, err := c.work(ctx); err == nil && after.left() >= checkpointPages {
			if after.copied == before.copied {
				rest = stuckRest
			}
			again = time.After(rest)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// walState is how many pages the log has, and how many of them are in the file.
type walState struct{ pages, copied int64 }

func (s walState) left() int64 { return s.pages - s.copied }

// work does what is due, and returns the log's state before and after.
func (c *checkpointer) work(ctx context.Context) (before, after walState, err error) {
	c.step.Lock()
	defer c.step.Unlock()
	before, err = c.checkpoint(ctx, "NOOP")
	after = before
	if err == nil && before.left() >= checkpointPages {
		after, err = c.checkpoint(ctx, "PASSIVE")
	}
	if err == nil && after.pages >= restartPages && after.left() <= checkpointPages {
		after, err = c.restart(ctx)
	}
	return before, after, err
}

// checkpoint runs one in a mode: NOOP only looks, and PASSIVE waits for no one and keeps no
// one waiting.
func (c *checkpointer) checkpoint(ctx context.Context, mode string) (s walState, err error) {
	var busy int
	err = c.log.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &s.pages, &s.copied)
	return s, err
}

// restart copies the few pages that are left while no one writes, so that the next write
// starts the log over. Without it, a log that is always written to would grow forever. While
// someone reads from the log, it is left for later.
func (c *checkpointer) restart(ctx context.Context) (walState, error) {
	waiting, cancel := context.WithTimeout(ctx, restartWait)
	defer cancel()
	writer, err := c.write.Conn(waiting) // there is one, for which writes wait in order
	if err != nil {
		return walState{}, err
	}
	s, err := c.checkpoint(ctx, "RESTART")
	return s, errors.Join(err, writer.Close())
}
