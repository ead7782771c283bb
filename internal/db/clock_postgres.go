package db

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// serverMicros is the server's time in microseconds since 1970, whatever the transaction.
const serverMicros = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

// readClockFor bounds a reading of the server's clock.
const readClockFor = 2 * time.Second

// clockReader reads the server's clock in the background, one reading at a time.
type clockReader struct {
	busy  atomic.Bool
	mu    sync.Mutex // held to start and to end
	ended bool
	work  sync.WaitGroup
	stop  context.CancelFunc
}

// now implements engine. New connections bring a reading with them; when that is some time
// ago, one is taken in the background.
func (p *postgres) now() time.Time {
	if p.clock.stale() && p.reading.busy.CompareAndSwap(false, true) {
		p.reading.start(p.readClock)
	}
	return p.clock.now()
}

func (p *postgres) clockOffset() (offset, doubt time.Duration, known bool) { return p.clock.offset() }

// start runs a reading in the background unless the pool is being closed.
func (r *clockReader) start(read func(context.Context)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), readClockFor)
	r.stop = stop
	r.work.Go(func() {
		defer stop()
		read(ctx)
		r.busy.Store(false)
	})
}

// end ends a reading and lets none begin.
func (r *clockReader) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	if r.stop != nil {
		r.stop()
	}
	r.work.Wait()
}

// readClock reads the server's clock on a connection of the pool. While none is to be had,
// the last reading counts.
func (p *postgres) readClock(ctx context.Context) {
	err := p.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		var micros int64
		asked := p.clock.elapsed()
		err := conn.QueryRow(ctx, "SELECT "+serverMicros, pgx.QueryExecModeSimpleProtocol).Scan(&micros)
		if err == nil {
			p.clock.note(asked, time.UnixMicro(micros))
		}
		return err
	})
	if err != nil {
		p.clock.postpone()
	}
}

// noteText is note for a time as text.
func (c *serverClock) noteText(asked time.Duration, micros string) error {
	theirs, err := strconv.ParseInt(micros, 10, 64)
	if err == nil {
		c.note(asked, time.UnixMicro(theirs))
	}
	return err
}
