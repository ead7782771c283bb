package repo_test

import (
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestNumbersWaitForEarlierOnes: numbers are given after those that another transaction gives
// are visible, so that no reader passes a number that appears later.
func TestNumbersWaitForEarlierOnes(t *testing.T) {
	t.Parallel()
	url := dbtest.Postgres().URL(t)
	r := repotest.Open(t, dbtest.Open(t, url), keyring.Generate())
	for _, at := range []time.Time{repotest.Now, repotest.Now.Add(time.Hour)} {
		if err := r.RecordEvent(t.Context(), storage.Event{Type: storage.EventUserDisabled}, at); err != nil {
			t.Fatal(err)
		}
	}
	conn := dbtest.SQL(t, url)
	for range 2 { // the key's event too
		if _, err := r.NumberEvents(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	dbtest.Exec(t, conn, "UPDATE mcpkeep_events SET number = NULL WHERE type = 'user_disabled'")
	ids := dbtest.Rows(t, conn, "SELECT id FROM mcpkeep_events WHERE type = 'user_disabled' ORDER BY id")
	last, err := r.LastEventNumber(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{
		"UPDATE mcpkeep_event_log SET last_number = last_number + 1",
		"UPDATE mcpkeep_events SET number = (SELECT last_number FROM mcpkeep_event_log) WHERE id = '" + ids[1][0] + "'",
	} {
		if _, err := tx.ExecContext(t.Context(), step); err != nil {
			t.Fatal(err)
		}
	}
	numbered := make(chan error, 1)
	go func() {
		_, err := r.NumberEvents(t.Context(), 1) // the other event, whose ID is lower
		numbered <- err
	}()
	const waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	for deadline := time.Now().Add(5 * time.Second); dbtest.Value[int64](t, conn, waiting) == 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-numbered; err != nil {
		t.Fatal(err)
	}
	if n, err := r.EventNumber(t.Context(), ids[0][0]); n != last+2 || err != nil {
		t.Errorf("number %d, %v, want %d after that of the other transaction", n, err, last+2)
	}
}
