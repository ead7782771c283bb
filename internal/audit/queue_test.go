package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// fakeStore keeps events, or fails.
type fakeStore struct {
	mu     sync.Mutex
	err    error
	events map[string]storage.Event
	tries  []string // the first ID of each batch
	most   int      // events of a batch
}

func (f *fakeStore) RecordCalls(_ context.Context, events []storage.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries = append(f.tries, events[0].ID)
	f.most = max(f.most, len(events))
	if f.err != nil {
		return f.err
	}
	if f.events == nil {
		f.events = make(map[string]storage.Event)
	}
	for _, e := range events {
		f.events[e.ID] = e
	}
	return nil
}

// count returns how many events of a type there are, and the last one.
func (f *fakeStore) count(t storage.EventType) (n int, last storage.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e.Type == t {
			n, last = n+1, e
		}
	}
	return n, last
}

func newQueue(f *fakeStore, log *bytes.Buffer) *audit.Queue {
	return &audit.Queue{Store: f, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil))}
}

var call = audit.Call{
	UserID: "us_1", ClientID: "c_1", GrantID: "gr_1", Reference: "ref", Upstream: "default", Tool: "search", Outcome: audit.OK,
	Took: 1234567 * time.Microsecond,
}

// TestWrittenEachSecond: a call is on record a second after it ended, with who made it.
func TestWrittenEachSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{}
		q := newQueue(f, new(bytes.Buffer))
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go q.Run(ctx)
		at := time.Now()
		q.Add(call)
		if n, _ := f.count(storage.EventToolCalled); n != 0 {
			t.Error("the call waited for the database")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		n, got := f.count(storage.EventToolCalled)
		want := storage.Event{
			ID: got.ID, Type: storage.EventToolCalled, Actor: "us_1", UserID: "us_1", ClientID: "c_1", GrantID: "gr_1", Reference: "ref",
			Detail: "upstream=default tool=search outcome=ok ms=1234", At: at,
		}
		if n != 1 || got != want {
			t.Errorf("%d events after a second, %+v\nwant %+v", n, got, want)
		}
		time.Sleep(5 * time.Second)
		if synctest.Wait(); len(f.tries) != 1 {
			t.Errorf("%d writes of one call", len(f.tries))
		}
	})
}

// TestOverflow: what does not fit is counted in one event.
func TestOverflow(t *testing.T) {
	t.Parallel()
	f := &fakeStore{}
	q := newQueue(f, new(bytes.Buffer))
	for range audit.Capacity + 7 {
		q.Add(call)
	}
	q.Flush(t.Context())
	written, _ := f.count(storage.EventToolCalled)
	lost, event := f.count(storage.EventToolCallsLost)
	if written != audit.Capacity || lost != 1 || event.Detail != "calls=7" {
		t.Errorf("%d calls, %d events of lost ones: %s", written, lost, event.Detail)
	}
	if f.most > 501 {
		t.Errorf("%d rows in one transaction", f.most)
	}
	q.Add(call)
	q.Flush(t.Context())
	if written, _ = f.count(storage.EventToolCalled); written != audit.Capacity+1 {
		t.Errorf("%d calls after the overflow", written)
	}
}

// TestOutage: calls wait for the database, the same batch is tried again as it is, and what
// outlasts the queue is counted.
func TestOutage(t *testing.T) {
	t.Parallel()
	for _, away := range []error{storage.ErrUnavailable, fmt.Errorf("x: %w", storage.ErrBusy)} {
		f := &fakeStore{err: away}
		q := newQueue(f, new(bytes.Buffer))
		q.Add(call)
		q.Flush(t.Context())
		for range audit.Capacity + 3 {
			q.Add(call)
		}
		q.Flush(t.Context())
		if len(f.tries) != 2 || f.tries[0] != f.tries[1] {
			t.Errorf("%v: tried %v, want the same event twice", away, f.tries)
		}
		f.err = nil
		q.Flush(t.Context())
		written, _ := f.count(storage.EventToolCalled)
		if lost, event := f.count(storage.EventToolCallsLost); written != audit.Capacity+1 || lost != 1 || event.Detail != "calls=3" {
			t.Errorf("%v: %d calls, %d events of lost ones: %s", away, written, lost, event.Detail)
		}
	}
}

// TestRefusedBatch: a batch that the database will never take is counted and does not stop
// the others.
func TestRefusedBatch(t *testing.T) {
	t.Parallel()
	f, log := &fakeStore{err: errors.New("no")}, new(bytes.Buffer)
	q := newQueue(f, log)
	q.Add(call)
	q.Flush(t.Context())
	q.Flush(t.Context()) // the event of the lost call is lost as well
	f.err = nil
	q.Add(call)
	q.Flush(t.Context())
	written, _ := f.count(storage.EventToolCalled)
	if _, event := f.count(storage.EventToolCallsLost); written != 1 || event.Detail != "calls=1" {
		t.Errorf("%d calls, lost %q", written, event.Detail)
	}
	if !strings.Contains(log.String(), "could not record") {
		t.Errorf("not logged: %s", log)
	}
}

// TestClose: what waits is written; what the database does not take is logged, by number.
func TestClose(t *testing.T) {
	t.Parallel()
	f, log := &fakeStore{}, new(bytes.Buffer)
	q := newQueue(f, log)
	q.Add(call)
	q.Close(t.Context())
	if n, _ := f.count(storage.EventToolCalled); n != 1 || log.Len() > 0 {
		t.Errorf("%d calls; %s", n, log)
	}
	f.err = storage.ErrUnavailable
	q.Add(call)
	q.Add(call)
	q.Close(t.Context())
	if !strings.Contains(log.String(), "calls=2") {
		t.Errorf("not logged: %s", log)
	}
}

// TestToolNames: a name that is not one of MCP's cannot forge a part of the detail.
func TestToolNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.b-C_1/x":              "a.b-C_1/x",
		"":                       `""`,
		"x outcome=ok":           `"x outcome=ok"`,
		"a\nb\"":                 `"a\nb\""`,
		"ä":                      `"\u00e4"`,
		strings.Repeat("a", 200): `"` + strings.Repeat("a", 128) + `\u2026"`,
	} {
		f := &fakeStore{}
		q := newQueue(f, new(bytes.Buffer))
		c := call
		c.Tool = name
		q.Add(c)
		q.Flush(t.Context())
		if _, e := f.count(storage.EventToolCalled); e.Detail != "upstream=default tool="+want+" outcome=ok ms=1234" {
			t.Errorf("%q: %s", name, e.Detail)
		}
	}
}
