package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	logEvery = time.Second
	// logLease is how long the others wait for one that has died, and leaseLeft how much of it
	// is left when it is renewed.
	logLease, leaseLeft = 10 * time.Second, 5 * time.Second
	// logBefore is how long before its time in the database an event may be committed: what is
	// that old when the log begins belongs to the time before.
	logBefore = time.Minute
)

// LogLine is the message of the line about an event.
const LogLine = "audit event"

// LogStore is what the log needs of the store.
type LogStore interface {
	storage.EventNumberStore

	// BeginEventLog has the log begin with events since a time. Once it has, it stays so.
	BeginEventLog(ctx context.Context, since time.Time) error
	// EventLog returns how far the log is.
	EventLog(ctx context.Context) (storage.EventLog, error)
	// EventsWait reports whether there are events that are not in the log.
	EventsWait(ctx context.Context) (bool, error)
	// LeaseEventLog makes holder the one that logs until the given time, and says whether it
	// is: of any number of replicas one is.
	LeaseEventLog(ctx context.Context, holder string, until, now time.Time) (bool, error)
	// EndEventLog ends the lease of holder.
	EndEventLog(ctx context.Context, holder string) error
	// EventsLogged records that the events up to a number are in the log.
	EventsLogged(ctx context.Context, number int64) error
}

// Log writes each committed event as a line, at least once, whichever process committed it.
// Of several replicas one does so at a time, and records how far it is after the lines were
// written.
type Log struct {
	Store LogStore
	Now   func() time.Time
	Log   *slog.Logger

	holder string
	until  time.Time // of the lease
	begun  bool
	failed bool // the last round
}

// Run logs until the context ends.
func (l *Log) Run(ctx context.Context) {
	tick := time.NewTicker(logEvery)
	defer tick.Stop()
	for {
		l.Round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Close logs what waits, and lets others do so. It is called after Run has returned.
func (l *Log) Close(ctx context.Context) {
	if !l.begun {
		return
	}
	if l.Round(ctx); l.until.IsZero() {
		return
	}
	if err := l.Store.EndEventLog(ctx, l.holder); err != nil {
		l.Log.DebugContext(ctx, "could not end the lease of the log of events", logging.Error, err)
	}
}

// Round logs what waits, unless another replica does. What fails waits for the next round,
// and says so once, or not at all while the database is away.
func (l *Log) Round(ctx context.Context) {
	err := l.round(ctx)
	quiet := errors.Is(err, storage.ErrUnavailable) || errors.Is(err, storage.ErrBusy) || ctx.Err() != nil
	if err != nil && !quiet && !l.failed {
		l.Log.ErrorContext(ctx, "could not log events of the audit trail", logging.Error, err)
	}
	l.failed = err != nil && (l.failed || !quiet)
}

func (l *Log) round(ctx context.Context) error {
	if !l.begun {
		if err := l.Store.BeginEventLog(ctx, l.Now().Add(-logBefore)); err != nil {
			return err
		}
		l.begun = true
	}
	waits, err := l.Store.EventsWait(ctx)
	for waits && err == nil {
		var held bool
		if held, err = l.lease(ctx); !held || err != nil {
			return err
		}
		waits, err = l.batch(ctx)
	}
	return err
}

// lease takes the lease, or renews it when little of it is left.
func (l *Log) lease(ctx context.Context) (bool, error) {
	now := l.Now()
	if now.Add(leaseLeft).Before(l.until) {
		return true, nil
	}
	if l.holder == "" {
		l.holder = rand.Text()
	}
	until := now.Add(logLease)
	held, err := l.Store.LeaseEventLog(ctx, l.holder, until, now)
	l.until = time.Time{}
	if held && err == nil {
		l.until = until
	}
	return held, err
}

// batch numbers some events and logs some, and reports whether there may be more.
func (l *Log) batch(ctx context.Context) (more bool, err error) {
	numbered, err := l.Store.NumberEvents(ctx, batchLen)
	if err != nil {
		return false, err
	}
	at, err := l.Store.EventLog(ctx)
	if err != nil || at.Logged >= at.Last {
		return numbered == batchLen, err
	}
	events, err := l.Store.EventsByNumber(ctx, at.Logged, at.Last, batchLen)
	if err != nil {
		return false, err
	}
	upTo := at.Last // those that were deleted meanwhile are not waited for
	if len(events) == batchLen {
		upTo = events[len(events)-1].Number
	}
	for _, e := range events {
		if e.At.Before(at.Since) {
			continue
		}
		if err := l.write(ctx, e); err != nil {
			return false, err
		}
	}
	return numbered == batchLen || len(events) == batchLen, l.Store.EventsLogged(ctx, upTo)
}

// write writes a line. The handler says whether it is written, which the logger does not.
func (l *Log) write(ctx context.Context, e storage.NumberedEvent) error {
	line := slog.NewRecord(time.Now(), slog.LevelInfo, LogLine, 0)
	line.AddAttrs(
		slog.String(logging.EventID, e.ID), slog.Int64(logging.EventNumber, e.Number), slog.String(logging.EventType, string(e.Type)),
		slog.String(logging.Actor, e.Actor), slog.Time(logging.EventAt, e.At),
	)
	for _, a := range [][2]string{
		{logging.UserID, e.UserID}, {logging.ClientID, e.ClientID}, {logging.GrantID, e.GrantID}, {logging.Reference, e.Reference},
		{logging.Detail, e.Detail},
	} {
		if a[1] != "" {
			line.AddAttrs(slog.String(a[0], a[1]))
		}
	}
	return l.Log.Handler().Handle(ctx, line)
}
