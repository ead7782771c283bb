package repo_test

import (
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func callEvent(at time.Time) storage.Event {
	return storage.Event{
		ID: storage.NewOrderedID(storage.EventIDPrefix, at), Type: storage.EventToolCalled, Actor: "us_1", UserID: "us_1", ClientID: "c_1",
		GrantID: "gr_1", Reference: "ref", Detail: "upstream=default", At: at.UTC().Truncate(time.Second),
	}
}

// TestRecordCalls: a batch is written whole, and once, however often it comes.
func TestRecordCalls(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		r := repotest.Open(t, dbtest.Open(t, e.URL(t)), keyring.Generate())
		batch := []storage.Event{callEvent(time.Now()), callEvent(time.Now()), callEvent(time.Now())}
		for range 2 {
			if err := r.RecordCalls(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.RecordCalls(t.Context(), nil); err != nil {
			t.Error(err)
		}
		got, err := r.ListEvents(t.Context(), storage.EventFilter{UserID: "us_1", Type: storage.EventToolCalled}, "", 10)
		if err != nil || len(got) != len(batch) {
			t.Fatalf("%d events, %v", len(got), err)
		}
		for i, e := range got {
			if e != batch[i] {
				t.Errorf("got %+v\nwant %+v", e, batch[i])
			}
		}
	})
}

// TestCallsExpire: calls have a retention of their own, and none of other events.
func TestCallsExpire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		r := repotest.Open(t, dbtest.Open(t, e.URL(t)), keyring.Generate())
		now := repotest.Now
		old, young := callEvent(now.Add(-time.Hour)), callEvent(now.Add(-time.Hour+time.Second))
		if err := r.RecordCalls(t.Context(), []storage.Event{old, young}); err != nil {
			t.Fatal(err)
		}
		if err := r.RecordEvent(t.Context(), storage.Event{Type: storage.EventUserDisabled}, now.Add(-24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		left := func(keep storage.Retention) (list []storage.EventType) {
			if _, err := r.DeleteExpired(t.Context(), now, keep, 1000); err != nil {
				t.Fatal(err)
			}
			events, err := r.ListEvents(t.Context(), storage.EventFilter{}, "", 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				if e.Type != storage.EventKeyRecorded { // of now
					list = append(list, e.Type)
				}
			}
			return list
		}
		if got := left(storage.Retention{Events: 48 * time.Hour}); len(got) != 3 {
			t.Errorf("without a retention of calls: %v", got)
		}
		got := left(storage.Retention{Events: 48 * time.Hour, Calls: time.Hour})
		if len(got) != 2 || got[0] != storage.EventUserDisabled || got[1] != storage.EventToolCalled {
			t.Errorf("after the retention of calls: %v", got)
		}
		if got := left(storage.Retention{Events: time.Minute}); len(got) != 0 {
			t.Errorf("after that of all events: %v", got)
		}
	})
}
