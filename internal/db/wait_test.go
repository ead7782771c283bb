package db_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// TestWaitingIsSaid: after a second, and again after two more, with who keeps it, and
// however short the limits of the role are.
func TestWaitingIsSaid(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, holder := e.EmptyURL(t), "process "
		if e.Name == "postgres" {
			admin := url
			var role string
			url, role = dbtest.NewRole(t, admin)
			conn := dbtest.SQL(t, admin)
			dbtest.Exec(t, conn, "GRANT CREATE ON SCHEMA public TO "+role)
			for _, limit := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
				dbtest.Exec(t, conn, "ALTER ROLE "+role+" SET "+limit+" = '200ms'")
			}
			holder = "application_name mcpkeep"
		}
		first, second := dbtest.Open(t, url), dbtest.Open(t, url)
		holding, release := make(chan struct{}), make(chan struct{})
		var held sync.WaitGroup
		held.Go(func() {
			if err := first.Exclusive(t.Context(), func() error { close(holding); <-release; return nil }); err != nil {
				t.Error(err)
			}
		})
		<-holding
		began := time.Now()
		var said []time.Duration
		second.OnWait(func(who string) {
			said = append(said, time.Since(began))
			if !strings.Contains(who, holder) {
				t.Errorf("waits for %q, want %q", who, holder)
			}
			if len(said) == 2 {
				close(release)
			}
		})
		applied, err := second.Migrate(t.Context())
		held.Wait()
		if err != nil || len(applied) != int(db.NeededVersion()) {
			t.Errorf("Migrate = %v, %v", applied, err)
		}
		if len(said) < 2 || said[0] < time.Second || said[1]-said[0] < 2*time.Second {
			t.Errorf("said after %v", said)
		}
	})
}
