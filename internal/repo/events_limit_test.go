package repo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestEventsKept: a flood of events of one type costs only older ones of that type, none of
// the last hour, and says how many were left out.
func TestEventsKept(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		r := repotest.Open(t, dbtest.Open(t, url), keyring.Generate())
		conn := dbtest.SQL(t, url)
		now := time.Now()
		const beyond = 700
		fill := func(typ storage.EventType, n int, at time.Time) {
			const timeEnds = len("ev_00000000-0000")
			dbtest.Exec(t, conn, fmt.Sprintf("INSERT INTO mcpkeep_events (id, type, actor, created_at) "+
				"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d) "+
				"SELECT '%s-' || '%s' || CAST(1000000 + n AS TEXT), '%[3]s', 'client', 0 FROM numbers",
				n, storage.FirstEventID(at)[:timeEnds], typ))
		}
		fill(storage.EventClientRefused, storage.LimitedEventsKept+beyond, now.Add(-2*time.Hour))
		fill(storage.EventUserDisabled, 3, now.Add(-48*time.Hour))
		for range 3 {
			if _, err := r.DeleteExpired(t.Context(), now, storage.Retention{}, 1000); err != nil {
				t.Fatal(err)
			}
		}
		for typ, want := range map[storage.EventType]int64{storage.EventClientRefused: storage.LimitedEventsKept, storage.EventUserDisabled: 3} {
			if got := dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM mcpkeep_events WHERE type = '"+string(typ)+"'"); got != want {
				t.Errorf("%d events %s, want %d", got, typ, want)
			}
		}
		for range storage.LimitedEvents + 2 {
			if err := r.RecordEvent(t.Context(), storage.Event{Type: storage.EventClientRefused}, now); err != nil {
				t.Fatal(err)
			}
		}
		dbtest.Exec(t, conn, "DELETE FROM mcpkeep_events WHERE type = 'client_refused'")
		if err := r.RecordEvent(t.Context(), storage.Event{Type: storage.EventClientRefused, Detail: "why"}, now); err != nil {
			t.Fatal(err)
		}
		newest, err := r.NewestEvents(t.Context(), storage.EventFilter{Type: storage.EventClientRefused}, 1)
		if err != nil || len(newest) != 1 || !strings.Contains(newest[0].Detail, "why (2 more before it were left out)") {
			t.Errorf("%+v, %v", newest, err)
		}
	})
}

// TestEventsOfOneClient: a client that repeats an assertion, or changes its registration, leaves
// no more events than strangers may.
func TestEventsOfOneClient(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		r := repotest.Open(t, dbtest.Open(t, url), keyring.Generate())
		now := time.Now()
		if err := r.CreateClient(t.Context(), storage.Client{ID: "c"}); err != nil {
			t.Fatal(err)
		}
		for i := range storage.LimitedEvents + 3 {
			err := r.UseAssertion(t.Context(), "c", storage.HashOf("jti"), now.Add(time.Minute), now)
			if i > 0 && !errors.Is(err, storage.ErrSpent) {
				t.Fatal(err)
			}
			is, err := r.CurrentClient(t.Context(), "c")
			if err != nil {
				t.Fatal(err)
			}
			next := is
			next.Name = fmt.Sprint("name ", i)
			if err := r.UpdateClient(t.Context(), is, next, now); err != nil {
				t.Fatal(err)
			}
		}
		for _, typ := range []storage.EventType{storage.EventAssertionReuse, storage.EventClientUpdated} {
			n := dbtest.Value[int64](t, dbtest.SQL(t, url), "SELECT COUNT(*) FROM mcpkeep_events WHERE type = '"+string(typ)+"'")
			if n != storage.LimitedEvents {
				t.Errorf("%d events %s, want %d", n, typ, storage.LimitedEvents)
			}
		}
	})
}
