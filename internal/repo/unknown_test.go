package repo_test

import (
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestUnknownClientsOfFastClock: IDs that a clock ahead of time left behind make room.
func TestUnknownClientsOfFastClock(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		store, now, conn := repotest.Open(t, dbtest.Open(t, url), keyring.Generate()), time.Unix(1_800_000_000, 0), dbtest.SQL(t, url)
		for _, ahead := range []time.Duration{24 * time.Hour, 5 * time.Minute} {
			if _, err := store.SeeUnknownClient(t.Context(), storage.HashOf(ahead.String()), now.Add(ahead)); err != nil {
				t.Fatal(err)
			}
		}
		if again, err := store.SeeUnknownClient(t.Context(), storage.HashOf("now"), now); again || err != nil {
			t.Fatal(again, err)
		}
		if got := dbtest.Value[int64](t, conn, "SELECT MAX(seen_at) FROM mcpkeep_unknown_clients"); got != now.Add(5*time.Minute).Unix() {
			t.Errorf("the latest row has the time %s", time.Unix(got, 0))
		}
	})
}

// TestUnknownClientsAreBounded: of 10,000 unknown client IDs the one that came longest ago
// makes room for another.
func TestUnknownClientsAreBounded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		keys, err := keyring.Parse(keyring.Generate())
		if err != nil {
			t.Fatal(err)
		}
		store, now := repo.New(dbtest.Open(t, url), keys), time.Unix(1_800_000_000, 0)
		conn := dbtest.SQL(t, url)
		const fill = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
			INSERT INTO mcpkeep_unknown_clients (id_hash, seen_at, seen_before)
			SELECT substr('0000000000000000000000000000000000000000000' || i, -43), 1799999000 + i / 20, 0 FROM n`
		if e.Name == "sqlite" {
			_, err = conn.ExecContext(t.Context(), fill)
		} else {
			_, err = conn.ExecContext(t.Context(), `INSERT INTO mcpkeep_unknown_clients (id_hash, seen_at, seen_before)
				SELECT lpad(i::text, 43, '0'), 1799999000 + i / 20, 0 FROM generate_series(1, 9999) i`)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"a", "b", "c"} {
			if again, err := store.SeeUnknownClient(t.Context(), storage.HashOf(id), now); again || err != nil {
				t.Fatal(id, again, err)
			}
		}
		if n := dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM mcpkeep_unknown_clients"); n != 10_000 {
			t.Errorf("%d rows, want 10000", n)
		}
		gone := dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM mcpkeep_unknown_clients WHERE seen_at = 1799999000")
		if gone != 17 { // of 19
			t.Errorf("%d of the oldest 19 are left, want 17", gone)
		}
		if again, err := store.SeeUnknownClient(t.Context(), storage.HashOf("a"), now); !again || err != nil {
			t.Errorf("the newest was forgotten: %v", err)
		}
	})
}
