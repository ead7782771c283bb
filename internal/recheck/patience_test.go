package recheck_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestPatience: the time that the provider takes does not count as the database's, and a
// refresh waits no longer than its patience for the database to store the answer.
func TestPatience(t *testing.T) {
	t.Parallel()
	for name, takes := range map[string]time.Duration{"fast provider": 0, "slow provider": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSet(t, 0)
				s.takes, s.away = takes, true
				began := time.Now()
				ctx := storage.WithPatience(t.Context(), time.Second)
				if err := s.checker.Confirm(ctx, s.session()); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took != takes+time.Second {
					t.Errorf("waited %v, of which the provider took %v", took, takes)
				}
				s.mu().Lock()
				s.away = false
				s.mu().Unlock()
				s.checker.Wait(t.Context())
				if s.session().Grant.Provider.CheckedAt.Before(began.Truncate(time.Second)) {
					t.Error("the answer was not stored")
				}
			})
		})
	}
}
