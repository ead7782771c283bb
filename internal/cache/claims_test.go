package cache_test

import (
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestClaimName: of the claims of a client one is passed on in a while, whatever it says;
// a weak one does not hold up a better one, and one that failed is tried again.
func TestClaimName(t *testing.T) {
	t.Parallel()
	clock := newClock()
	db := &fakeStore{}
	s := cache.New(db, clock.Now)
	app, agent := storage.NameClaim{ClientID: "c_1", Name: "App"}, storage.NameClaim{ClientID: "c_1", Name: "agent", Weak: true}
	other, elsewhere := storage.NameClaim{ClientID: "c_1", Name: "Other"}, storage.NameClaim{ClientID: "c_2", Name: "App"}
	for i, step := range []struct {
		claim   storage.NameClaim
		later   time.Duration
		failure error
		claims  int64
	}{
		{agent, 0, nil, 1},
		{app, 0, storage.ErrUnavailable, 2},
		{app, 0, nil, 3},
		{app, 0, nil, 3},
		{other, time.Second, nil, 3},
		{elsewhere, 0, nil, 4},
		{agent, 0, nil, 4},
		{other, cache.Claim - time.Second - 1, nil, 4},
		{other, 1, nil, 5},
	} {
		clock.advance(step.later)
		db.failure = step.failure
		want(t, "claim", s.ClaimName(t.Context(), step.claim, clock.Now()), step.failure)
		if got := db.claims.Load(); got != step.claims {
			t.Errorf("step %d: %d claims passed on, want %d", i, got, step.claims)
		}
	}
	if err := s.DeleteClient(t.Context(), "c_1", clock.Now()); err != nil {
		t.Fatal(err)
	}
	want(t, "after the deletion", s.ClaimName(t.Context(), other, clock.Now()), nil)
	if got := db.claims.Load(); got != 6 {
		t.Errorf("after the deletion: %d claims passed on, want 6", got)
	}
}
