package cimd_test

import (
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestDocumentOfWrongClock: what a clock that was far ahead recorded is not taken for fresh.
func TestDocumentOfWrongClock(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	for name, renew := range map[string]bool{"fresh until": false, "fetched at": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sqlite(t)
			id := w.Publish("/c.json")
			w.clock.advance(year)
			if _, err := w.find(t, id); err != nil {
				t.Fatal(err)
			}
			w.clock.advance(-year)
			if _, err := w.Client(t.Context(), id, renew); err != nil {
				t.Fatal(err)
			}
			if n := w.Requests("/c.json"); n != 2 {
				t.Errorf("%d requests, want 2", n)
			}
			known, err := w.store.Document(t.Context(), id, id)
			if err != nil || storage.Age(known.FetchedAt, w.clock.Now()) > time.Minute {
				t.Errorf("fetched at %v, %v", known.FetchedAt, err)
			}
		})
	}
}
