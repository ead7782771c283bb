package repo_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestCountOfFastClock: a number of clients that a clock ahead of time wrote is not trusted
// until that time comes: it is counted again, by a registration or by the cleaner. One that is
// minutes ahead is.
func TestCountOfFastClock(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		store, now, conn := repotest.Open(t, dbtest.Open(t, url), keyring.Generate()), time.Unix(1_800_000_000, 0), dbtest.SQL(t, url)
		registered := 0
		for _, tt := range []struct {
			ahead   time.Duration
			clients int64 // as the clock left it
			clean   bool
			full    bool
		}{
			{24 * time.Hour, 100, false, false}, {24 * time.Hour, 0, true, false},
			{24 * time.Hour, 0, false, true}, {5 * time.Minute, 0, false, false}, {24 * time.Hour, 0, true, true},
		} {
			dbtest.Exec(t, conn, fmt.Sprintf("UPDATE mcpkeep_client_counts SET clients = %d, counted_at = %d", tt.clients, now.Add(tt.ahead).Unix()))
			if tt.clean {
				if _, err := store.DeleteExpired(t.Context(), now, storage.Retention{CountClients: true}, 100); err != nil {
					t.Fatal(err)
				}
				if got := dbtest.Value[int64](t, conn, "SELECT clients FROM mcpkeep_client_counts"); got != int64(registered) {
					t.Errorf("the cleaner counts %d clients, want %d", got, registered)
				}
			}
			c := storage.Client{ID: fmt.Sprint(registered), CreatedAt: now, RegistrationTokenHash: storage.HashOf("token")}
			err := store.RegisterClient(t.Context(), c, storage.Ceiling{Clients: 2, MinAge: time.Hour})
			if errors.Is(err, storage.ErrFull) != tt.full || err != nil && !tt.full {
				t.Errorf("%d clients, counted %s ahead as %d: %v", registered, tt.ahead, tt.clients, err)
			}
			if err == nil {
				registered++
			}
		}
	})
}
