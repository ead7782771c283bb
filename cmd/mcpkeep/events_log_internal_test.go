package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// TestEventsLog: a server logs what a command commits. At its end it logs what it has not yet.
func TestEventsLog(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	said := &printed{}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{
			"serve", "--listen", "127.0.0.1:0", "--database-url", env["DATABASE_URL"], "--encryption-keys", env["MCPKEEP_ENCRYPTION_KEYS"],
			"--events-log", "--drain", "0s",
		}, streams{in: strings.NewReader(""), out: io.Discard, err: said})
	}()
	await := func(text string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(said.String(), text); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s is not in the log:\n%s", text, said.String())
			}
		}
	}
	await(`"type":"password_set"`) // of the last minute
	command(t, env, "users", "disable", "--yes", "owner").wants(t, exitOK)
	await(`"type":"user_disabled"`)
	command(t, env, "users", "enable", "--yes", "owner").wants(t, exitOK)
	stop()
	if status := <-ended; status != exitOK {
		t.Errorf("status %d", status)
	}
	for _, typ := range []string{"password_set", "user_disabled", "user_enabled"} {
		if n := strings.Count(said.String(), `"type":"`+typ+`"`); n != 1 {
			t.Errorf("%s is in the log %d times:\n%s", typ, n, said.String())
		}
	}
}

// TestEventsLogNeedsItsLevel: a log that would drop the lines is refused.
func TestEventsLogNeedsItsLevel(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	got := command(t, env, "serve", "--listen", "127.0.0.1:0", "--events-log", "--log-level", "warn")
	got.wants(t, exitUsage, "MCPKEEP_EVENTS_LOG (--events-log)", "want false, or a log of the level info or debug")
}
