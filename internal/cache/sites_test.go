package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// slowSite is a store that asks the site of a client, which does not respond until it is let go.
type slowSite struct {
	storage.Store
	respond chan struct{}
}

func (s slowSite) Client(_ context.Context, id string) (storage.Client, error) {
	if id == "https://slow.example/client.json" {
		<-s.respond
	}
	return storage.Client{ID: id}, nil
}

// TestSitesLeavePlaces: of the requests that name a client whose site does not respond, a bounded
// number waits. The others are refused, and clients that no site is asked about are found.
func TestSitesLeavePlaces(t *testing.T) {
	t.Parallel()
	slow := slowSite{respond: make(chan struct{})}
	now := time.Now()
	s := cache.New(slow, func() time.Time { return now })
	results := make(chan error)
	var all sync.WaitGroup
	const asked, waiting = 200, 65 // one of them looks the client up
	for range asked {
		all.Go(func() {
			_, err := s.Client(t.Context(), "https://slow.example/client.json")
			results <- err
		})
	}
	for range asked - waiting {
		if err := <-results; !errors.Is(err, storage.ErrBusy) {
			t.Fatalf("a request beyond the bound: %v", err)
		}
	}
	for _, id := range []string{"c_registered", "https://other.example/client.json"} {
		if c, err := s.Client(t.Context(), id); err != nil || c.ID != id {
			t.Errorf("%s: %v, %v", id, c, err)
		}
	}
	close(slow.respond)
	for range waiting {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	all.Wait()
}
