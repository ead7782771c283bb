package repo

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// numberedTogether is how many events get their numbers in one transaction.
const numberedTogether = 500

// NumberEvents implements storage.EventNumberStore. The events are chosen before the last
// number is locked: what another call numbered meanwhile stays as it is.
func (r *Repo) NumberEvents(ctx context.Context, limit int) (int, error) {
	ids, err := r.withoutNumber(ctx, "", afterAllEvents, limit)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return len(ids), r.number(ctx, ids)
}

// NumberAllEvents implements storage.EventNumberStore. What is committed now has no later ID
// than the newest one. Each part begins where the last one ended: from the beginning it would
// go through what PostgreSQL keeps of those that have just got a number.
func (r *Repo) NumberAllEvents(ctx context.Context, tell func(int)) error {
	until, err := r.newestWithoutNumber(ctx)
	for after := ""; err == nil && after < until; {
		var ids []string
		if ids, err = r.withoutNumber(ctx, after, until, numberedTogether); err != nil || len(ids) == 0 {
			break
		}
		after = ids[len(ids)-1]
		if err = r.number(ctx, ids); err == nil {
			tell(len(ids))
		}
	}
	return err
}

// newestWithoutNumber returns the ID of an event, "" if each has a number.
func (r *Repo) newestWithoutNumber(ctx context.Context) (id string, err error) {
	err = r.db.Read(ctx, "look for the newest event without a number", func(ctx context.Context, q db.Querier) (err error) {
		id, err = q.GetNewestEventWithoutNumber(ctx)
		if r.db.Classify(err) == db.NoRows {
			return nil
		}
		return err
	})
	return id, err
}

func (r *Repo) number(ctx context.Context, ids []string) error {
	return r.db.WriteTogether(ctx, "number events", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		if err := q.LockEventNumbers(ctx); err != nil {
			return err
		}
		for i, id := range ids {
			if err := q.NumberEvent(ctx, sqlitedb.NumberEventParams{Place: int64(i + 1), ID: id}); err != nil {
				return err
			}
		}
		return q.AddEventNumbers(ctx, int64(len(ids)))
	})
}

func (r *Repo) withoutNumber(ctx context.Context, after, until string, limit int) (ids []string, err error) {
	err = r.db.Read(ctx, "look for events without a number", func(ctx context.Context, q db.Querier) (err error) {
		ids, err = q.ListEventsWithoutNumber(ctx, sqlitedb.ListEventsWithoutNumberParams{After: after, Until: until, MaxRows: int64(limit)})
		return err
	})
	return ids, err
}

// LastEventNumber implements storage.EventNumberStore.
func (r *Repo) LastEventNumber(ctx context.Context) (int64, error) {
	log, err := r.EventLog(ctx)
	return log.Last, err
}

// EventNumber implements storage.EventNumberStore.
func (r *Repo) EventNumber(ctx context.Context, id string) (number int64, err error) {
	err = r.db.Read(ctx, "look up an event", func(ctx context.Context, q db.Querier) (err error) {
		number, err = q.GetEventNumber(ctx, id)
		return err
	})
	return number, err
}

// EventsByNumber implements storage.EventNumberStore.
func (r *Repo) EventsByNumber(ctx context.Context, after, until int64, limit int) ([]storage.NumberedEvent, error) {
	var events []storage.NumberedEvent
	err := r.db.Read(ctx, "list events by number", func(ctx context.Context, q db.Querier) error {
		rows, err := q.ListEventsByNumber(ctx, sqlitedb.ListEventsByNumberParams{After: after, Until: until, MaxRows: int64(limit)})
		for _, row := range rows {
			events = append(events, storage.NumberedEvent{Event: eventOf(row), Number: *row.Number})
		}
		return err
	})
	return events, err
}
