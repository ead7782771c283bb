package console

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// trail is a store with nothing but events, the oldest first.
type trail struct {
	Store
	events []storage.Event
}

func (t trail) ListEvents(_ context.Context, _ storage.EventFilter, after string, limit int) ([]storage.Event, error) {
	for i, e := range t.events {
		if e.ID > after {
			return t.events[i:min(i+limit, len(t.events))], nil
		}
	}
	return nil, nil
}

func (t trail) NewestEvents(_ context.Context, _ storage.EventFilter, limit int) ([]storage.Event, error) {
	return t.events[max(0, len(t.events)-limit):], nil
}

func (t trail) DescribeRefused(context.Context, []storage.Event) error { return nil }

// TestFollowerForgets: a follower of a long trail remembers recent entries only.
func TestFollowerForgets(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var long trail
	for i := range 3000 { // one a second
		at := now.Add(time.Duration(i-3000) * time.Second)
		long.events = append(long.events, storage.Event{ID: fmt.Sprintf("%.20s%04d", storage.FirstEventID(at), i), At: at})
	}
	w := &follower{console: &Console{Store: long, Out: io.Discard}, known: map[string]bool{}}
	if err := w.begin(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if n := len(w.known); n < 59 || n > 62 {
		t.Errorf("%d events are known, want those of one minute", n)
	}
}
