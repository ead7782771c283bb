package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// eventLogLease is the name of the lease of the one that logs events.
const eventLogLease = "event-log"

// EventLog says how far the log is.
func (r *Repo) EventLog(ctx context.Context) (log storage.EventLog, err error) {
	err = r.db.Read(ctx, "read how far the log of events is", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetEventLog(ctx)
		if err != nil {
			return err
		}
		log = storage.EventLog{Last: row.LastNumber, Since: optionalAt(row.LoggedSince)}
		if row.LoggedNumber != nil {
			log.Logged = *row.LoggedNumber
		}
		return nil
	})
	return log, err
}

// EventsWait implements audit.LogStore.
func (r *Repo) EventsWait(ctx context.Context) (bool, error) {
	log, err := r.EventLog(ctx)
	if err != nil || log.Logged < log.Last {
		return err == nil, err
	}
	ids, err := r.withoutNumber(ctx, "", afterAllEvents, 1)
	return len(ids) > 0, err
}

// BeginEventLog implements audit.LogStore.
func (r *Repo) BeginEventLog(ctx context.Context, since time.Time) error {
	return r.db.WriteTogether(ctx, "begin the log of events", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		return q.BeginEventLog(ctx, unix(since))
	})
}

// EventsLogged implements audit.LogStore.
func (r *Repo) EventsLogged(ctx context.Context, number int64) error {
	return r.db.WriteTogether(ctx, "record how far the log of events is", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		return q.SetLoggedEvent(ctx, number)
	})
}

// LeaseEventLog implements audit.LogStore: one statement, whose row count decides.
func (r *Repo) LeaseEventLog(ctx context.Context, holder string, until, now time.Time) (bool, error) {
	var held bool
	err := r.db.Write(ctx, "lease the log of events", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		n, err := q.TakeLease(ctx, sqlitedb.TakeLeaseParams{
			Name: eventLogLease, Holder: holder, Until: unix(until), Now: unix(now), Latest: unix(now) + longestEventLease,
		})
		held = n == 1
		return err
	})
	return held && err == nil, err
}

// longestEventLease, in seconds, is more than a lease lasts.
const longestEventLease = int64(time.Minute / time.Second)

// EndEventLog implements audit.LogStore.
func (r *Repo) EndEventLog(ctx context.Context, holder string) error {
	return r.db.Write(ctx, "end the lease of the log of events", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		_, err := q.EndLease(ctx, sqlitedb.EndLeaseParams{FreeAt: 0, Name: eventLogLease, Holder: holder})
		return err
	})
}
