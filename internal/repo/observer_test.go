package repo_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// observer counts what it is told.
type observer struct {
	mu   sync.Mutex
	seen map[string]int
}

func (o *observer) count(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen[what]++
}

func (o *observer) Statement(kind string, _ time.Duration, failed bool) {
	if failed {
		kind += " failed"
	}
	o.count(kind)
}
func (o *observer) Committed(eventType string) { o.count(eventType) }
func (o *observer) Unreadable(table string)    { o.count(table) }

// take returns what was seen since the last time.
func (o *observer) take() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := o.seen
	o.seen = map[string]int{}
	return seen
}

// TestObserver: it is told each step, each event that was committed, and none of a step that
// was not.
func TestObserver(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		r := repotest.Open(t, dbtest.Open(t, e.URL(t)), keyring.Generate())
		o := &observer{seen: map[string]int{}}
		r.Observe(o)
		check := func(what string, err, wanted error, want map[string]int) {
			t.Helper()
			if got := o.take(); !errors.Is(err, wanted) || !maps.Equal(got, want) {
				t.Errorf("%s: %v, saw %v, want %v", what, err, got, want)
			}
		}
		now := repotest.Now
		c := storage.Client{ID: "c_1", CreatedAt: now}
		check("register", r.RegisterClient(t.Context(), c, storage.Ceiling{}), nil, map[string]int{"batch": 1, "client_registered": 1})
		check("register again", r.RegisterClient(t.Context(), c, storage.Ceiling{}), storage.ErrExists, map[string]int{"batch": 1})
		_, err := r.Client(t.Context(), "c_none")
		check("look up", err, storage.ErrNotFound, map[string]int{"read": 1})
		_, err = r.Access(t.Context(), storage.HashOf("none"), now)
		check("access", err, storage.ErrNotFound, map[string]int{"access": 1})
		check("event", r.RecordEvent(t.Context(), storage.Event{Type: storage.EventUserDisabled}, now), nil,
			map[string]int{"read": 1, "write": 1, "user_disabled": 1})
		calls := []storage.Event{callEvent(now), callEvent(now)}
		check("calls", r.RecordCalls(t.Context(), calls), nil, map[string]int{"batch": 1, "tool_called": 2})
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		check("canceled", r.DeleteClient(ended, "c_1", now), storage.ErrUnavailable, map[string]int{"write failed": 1})
	})
}
