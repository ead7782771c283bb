package app

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// TestCloseRecordsCalls: a call that ends last is in the audit trail after a graceful end.
func TestCloseRecordsCalls(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	a, err := Open(t.Context(), Settings{
		BaseURL: "http://127.0.0.1:8080", DatabaseURL: url, Logger: slog.New(slog.DiscardHandler),
		Provider: Provider{Kind: Local, Password: "correct-horse-battery-staple"},
	})
	if err != nil {
		t.Fatal(err)
	}
	a.stop()
	a.background.Wait() // nothing writes each second any more
	a.calls.Add(audit.Call{Tool: "last"})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if n := dbtest.Value[int](t, dbtest.SQL(t, url), "SELECT COUNT(*) FROM mcpkeep_events WHERE type = 'tool_called'"); n != 1 {
		t.Errorf("%d calls are recorded, want 1", n)
	}
}
