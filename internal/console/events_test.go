package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func (o *fixture) events(w console.Watch) func(ctx context.Context) error {
	return func(ctx context.Context) error { return o.console.Events(ctx, w) }
}

func TestEvents(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		o.console.Now = func() time.Time { return start.Add(time.Hour) }
		if got := o.run(o.events(console.Watch{Type: storage.EventUserDisabled})); got != "" {
			t.Error(got)
		}
		furnish(o)
		ctx := storage.WithActor(t.Context(), storage.Actor{Name: storage.ActorPerson, Reference: "ref1", Reason: "not on the list\x1b[2J"})
		o.ok(o.store.RecordEvent(ctx, storage.Event{Type: storage.EventSignInRefused, UserID: o.user(bob), ClientID: "c_desk"}, start))
		o.contains(o.run(o.events(console.Watch{Limit: 1})),
			"2026-11-25 12:00:00Z  sign_in_refused       by person  user="+o.user(bob)+"  client=c_desk  reference=ref1  detail=\"not on the list[2J\"\n")
		lines := func(w console.Watch) int { return strings.Count(o.run(o.events(w)), "\n") }
		for _, tt := range []struct {
			watch console.Watch
			want  int
		}{
			{console.Watch{}, 10}, {console.Watch{Limit: 3}, 3}, {console.Watch{User: "alice"}, 4}, {console.Watch{User: "usr_gone"}, 0},
			{console.Watch{Client: "c_desk"}, 6}, {console.Watch{Grant: "gr_1"}, 2}, {console.Watch{Type: storage.EventGrantCreated}, 3},
			{console.Watch{Type: storage.EventGrantCreated, User: "bob"}, 1}, {console.Watch{Since: console.Ago(time.Minute)}, 0}, {console.Watch{Since: console.Ago(2 * time.Hour), Limit: 4}, 4},
		} {
			if got := lines(tt.watch); got != tt.want {
				t.Errorf("%+v: %d events, want %d", tt.watch, got, tt.want)
			}
		}
		o.fails("no user", o.events(console.Watch{User: "carol"}))
		o.console.JSON = true
		var list []map[string]any
		if err := json.Unmarshal([]byte(o.run(o.events(console.Watch{Grant: "gr_1"}))), &list); err != nil || len(list) != 2 {
			t.Fatalf("%v, %v", list, err)
		}
		for _, member := range []string{"event_id", "at", "type", "actor", "user_id", "client_id", "grant_id", "reference", "detail"} {
			if _, ok := list[0][member]; !ok {
				t.Errorf("no member %s in %v", member, list[0])
			}
		}
		if got := o.run(o.events(console.Watch{Grant: "gr_none"})); got != "[]\n" {
			t.Errorf("nothing: %q", got)
		}
	})
}

// lateEvent puts an event into the table as if its transaction had begun earlier,
// or at a server whose clock is off.
func (o *fixture) lateEvent(name string, offset time.Duration) {
	o.Helper()
	made := time.Now().Add(offset)
	id := storage.NewOrderedID(storage.EventIDPrefix, made)
	dbtest.Exec(o.T, dbtest.SQL(o.T, o.url), "INSERT INTO mcpkeep_events (id, type, actor, detail, created_at) VALUES ($1, 'tokens_issued', 'client', $2, $3)",
		id, name, made.Unix())
}

// output collects what a follower prints.
type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) details(t testing.TB) (list []string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for line := range strings.Lines(o.b.String()) {
		var event struct {
			Detail string `json:"detail"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		list = append(list, event.Detail)
	}
	return list
}

// outage is a store whose database is away now and then.
type outage struct {
	console.Store
	away atomic.Bool
}

func (s *outage) NewestEvents(ctx context.Context, f storage.EventFilter, limit int) ([]storage.Event, error) {
	if s.away.Load() {
		return nil, storage.ErrUnavailable
	}
	return s.Store.NewestEvents(ctx, f, limit)
}

// TestFollow: each event is shown once: those that are seen late, those of clocks that
// are off, and those of an outage; what was there before, and is not asked for, is not.
func TestFollow(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		for i := range 5 {
			o.lateEvent(fmt.Sprintf("before%d", i), -time.Duration(5-i)*time.Second)
		}
		store, out := &outage{Store: o.store}, &output{}
		o.console.Store, o.console.Out, o.console.Now, o.console.JSON = store, out, nil, true
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- o.console.Events(ctx, console.Watch{Type: "tokens_issued", Limit: 2, Follow: true}) }()
		want := []string{"before3", "before4"}
		await := func(more ...string) {
			t.Helper()
			want = append(want, more...)
			deadline := time.Now().Add(10 * time.Second)
			for len(out.details(t)) < len(want) && time.Now().Before(deadline) {
				time.Sleep(20 * time.Millisecond)
			}
			if got := fmt.Sprint(out.details(t)); got != fmt.Sprint(want) {
				t.Fatalf("shown %v, want %v", got, want)
			}
		}
		await()
		o.lateEvent("now", 0)
		await("now")
		o.lateEvent("of a server that is ahead", 20*time.Second)
		await("of a server that is ahead")
		o.lateEvent("committed late", -8*time.Second)
		await("committed late")
		o.lateEvent("of a server that is behind", -30*time.Second)
		await("of a server that is behind")
		store.away.Store(true)
		o.lateEvent("during an outage", 0)
		time.Sleep(1200 * time.Millisecond)
		await()
		store.away.Store(false)
		await("during an outage")
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		await()
	})
}

// TestFollowUnderLoad: many writers, none of whose events is missed or shown twice.
func TestFollowUnderLoad(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		const writers, each = 8, 100
		o := open(t, e)
		out := &output{}
		o.console.Out, o.console.Now, o.console.JSON = out, nil, true
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- o.console.Events(ctx, console.Watch{Type: storage.EventTokensIssued, Follow: true}) }()
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for i := range each {
					event := storage.Event{Type: storage.EventTokensIssued, Detail: fmt.Sprint(w, " ", i)}
					if err := o.store.RecordEvent(t.Context(), event, time.Now()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		for deadline := time.Now().Add(20 * time.Second); len(out.details(t)) < writers*each && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		seen := map[string]int{}
		for _, detail := range out.details(t) {
			seen[detail]++
		}
		for detail, n := range seen {
			if n != 1 {
				t.Errorf("%s was shown %d times", detail, n)
			}
		}
		if len(seen) != writers*each {
			t.Errorf("%d events were shown, want %d", len(seen), writers*each)
		}
	})
}
