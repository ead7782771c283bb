package repo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Bounds of the sign-ins at a provider that are in progress.
const (
	maxSignIns        = 1000
	maxSignInsBrowser = 10
	// signInMinAge protects new ones from eviction.
	signInMinAge = 30 * time.Second
)

const (
	// intakeFor is how long an intake relies on the room that it has seen.
	intakeFor = 250 * time.Millisecond
	// intakePart is the share of the room to use before querying again, so that replicas that
	// query at the same moment barely exceed it together.
	intakePart = 200
	// evictMost bounds what one query evicts.
	evictMost = 1000
)

// intake tracks how many more rows there is room for, of a kind that anyone can cause to be
// stored. It only saves queries: every replica asks the database.
type intake struct {
	mu     sync.Mutex
	room   int64
	full   bool      // there is no more than that
	asOf   time.Time // by the callers' clock
	until  time.Time
	asking *look
}

// look is a query to the database. Only the goroutine that runs it writes to it, before
// done is closed.
type look struct {
	done chan struct{}
	err  error
}

// take returns nil when there is room for a row, and storage.ErrFull when there is none.
// ask, which makes room, is called once for all that wait for the result.
func (i *intake) take(ctx context.Context, now time.Time, ask func(context.Context) (int64, error)) error {
	for {
		waiting, mine, err := i.look(now)
		switch {
		case waiting == nil:
			return err
		case mine:
			i.answer(ctx, now, waiting, ask)
		}
		select {
		case <-waiting.done:
		case <-ctx.Done():
			return fmt.Errorf("look for room: %w: %w", storage.ErrUnavailable, ctx.Err())
		}
		if waiting.err != nil {
			return waiting.err
		}
	}
}

// look takes a place if there is one. Otherwise it returns the query to wait for, which the
// caller must run if it owns it.
func (i *intake) look(now time.Time) (waiting *look, mine bool, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch fresh := time.Now().Before(i.until) && now.Sub(i.asOf).Abs() <= time.Second; {
	case fresh && i.room > 0:
		i.room--
		return nil, false, nil
	case fresh && i.full:
		return nil, false, storage.ErrFull
	case i.asking != nil:
		return i.asking, false, nil
	}
	i.asking = &look{done: make(chan struct{}), err: storage.ErrUnavailable}
	return i.asking, true, nil
}

func (i *intake) answer(ctx context.Context, now time.Time, q *look, ask func(context.Context) (int64, error)) {
	var room int64
	defer func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.asking = nil
		if q.err == nil {
			i.room, i.full = min(room, intakePart), room <= intakePart
			i.asOf, i.until = now, time.Now().Add(intakeFor)
		}
		close(q.done)
	}()
	room, q.err = ask(context.WithoutCancel(ctx))
}

// roomForClients evicts excess clients, of those that were never used, and returns how many
// more there is room for.
func (r *Repo) roomForClients(ctx context.Context, ceiling storage.Ceiling, now time.Time) (int64, error) {
	old, room, until := unix(now.Add(-ceiling.MinAge)), int64(0), int64(0)
	err := r.db.Read(ctx, "look for room for a client", func(ctx context.Context, q db.Querier) error {
		young, err := q.CountYoungClients(ctx, sqlitedb.CountYoungClientsParams{Since: old, Latest: unix(now) + longestLease, MaxRows: ceiling.Unused})
		if err != nil {
			return err
		}
		room = ceiling.Unused - young
		until, err = q.GetEvictionTime(ctx, sqlitedb.GetEvictionTimeParams{Until: old, Kept: room})
		if r.db.Classify(err) == db.NoRows {
			until, err = 0, nil
		}
		return err
	})
	if err == nil && until > 0 {
		err = r.db.Write(ctx, "evict clients", func(ctx context.Context, q db.Querier) error {
			_, err := r.evict(ctx, q, until, evictMost, now)
			return err
		})
	}
	return room, err
}

// evict deletes registrations that no one used before a given time, with their events, and
// records how many. A client that comes into use at that moment stays, perhaps without the
// event of its registration. Like every step, it locks the count before the clients.
func (r *Repo) evict(ctx context.Context, q db.Querier, until, limit int64, now time.Time) (int64, error) {
	if _, err := q.LockClientCount(ctx); err != nil {
		return 0, err
	}
	_, err := q.ForgetRegistrations(ctx, sqlitedb.ForgetRegistrationsParams{
		Type: string(storage.EventClientRegistered), UnusedSince: until, MaxRows: limit,
	})
	if err != nil {
		return 0, err
	}
	keys, err := q.EvictClients(ctx, sqlitedb.EvictClientsParams{UnusedSince: until, MaxRows: limit})
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	if _, err := r.unshareClients(ctx, q, clientIDs(keys)...); err != nil {
		return 0, err
	}
	n := int64(len(keys))
	r.evicted.Add(n)
	ctx = storage.WithActor(ctx, storage.Actor{Name: storage.ActorServer, Reference: storage.ActorOf(ctx).Reference})
	event := storage.Event{Type: storage.EventClientsEvicted, Detail: fmt.Sprintf("%d registrations that no one used", n)}
	if err := sealed.Record(ctx, q, event, now); err != nil {
		return 0, err
	}
	return n, q.AddToClientCount(ctx, -n)
}

// roomForSignIns is like roomForClients for sign-ins in progress.
func (r *Repo) roomForSignIns(ctx context.Context, expires time.Time) (int64, error) {
	old, room := unix(expires.Add(-signInMinAge)), int64(0)
	err := r.db.Read(ctx, "look for room for a sign-in", func(ctx context.Context, q db.Querier) error {
		young, err := q.CountYoungSignIns(ctx, sqlitedb.CountYoungSignInsParams{
			ExpiresAfter: old, Latest: unix(expires) + longestLease, MaxRows: maxSignIns,
		})
		room = maxSignIns - young
		return err
	})
	if err != nil {
		return 0, err
	}
	err = r.db.Write(ctx, "evict sign-ins", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		n, err := q.EvictSignIns(ctx, sqlitedb.EvictSignInsParams{ExpiresUntil: old, Kept: room, MaxRows: evictMost})
		r.evicted.Add(n)
		return err
	})
	return room, err
}

const (
	// vacuumAfter is how many evicted rows are left to the database's own maintenance.
	vacuumAfter = 1000
	// vacuumFor bounds how long their space is reclaimed.
	vacuumFor = 5 * time.Second
)

// vacuum makes the database reuse the space of evicted rows once there are enough of them.
// It leaves the rest to the database's own maintenance.
func (r *Repo) vacuum(ctx context.Context, atLeast int64) {
	if n := r.evicted.Load(); n < atLeast || !r.evicted.CompareAndSwap(n, 0) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), vacuumFor)
	defer cancel()
	_ = r.db.Unsealed().Vacuum(ctx, "oauth_clients", "mcpkeep_events", "mcpkeep_authorizations", "mcpkeep_client_documents", "mcpkeep_client_assertions")
}
