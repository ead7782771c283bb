package repo_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestSignInsBounded: sign-ins whose user is not known are at most a thousand, and some
// that came within half a minute; a finished one counts, and one after a password stays.
func TestSignInsBounded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		r, conn := repotest.Open(t, dbtest.Open(t, url), keyring.Generate()), dbtest.SQL(t, url)
		start := func(id string, now time.Time) error {
			return r.StartAuthorization(t.Context(), storage.Authorization{
				ID: id, Browser: storage.HashOf(id), StateHash: storage.HashOf(id), CreatedAt: now, ExpiresAt: now.Add(15 * time.Minute),
			})
		}
		count := func() int64 { return dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM mcpkeep_authorizations") }
		if err := start("first", repotest.Now); err != nil {
			t.Fatal(err)
		}
		series := "generate_series(1, 3000) AS s(i)"
		if e.Name == "sqlite" {
			series = "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 3000) SELECT i FROM s)"
		}
		dbtest.Exec(t, conn, `INSERT INTO mcpkeep_authorizations (id, client_id, browser_hash, request, request_key_id, created_at, expires_at, finished_at)
			SELECT 'az_' || i, client_id, browser_hash, request, request_key_id, created_at, expires_at, CASE WHEN i < 1500 THEN created_at END
			FROM mcpkeep_authorizations CROSS JOIN `+series)
		if err := start("all are young", repotest.Now.Add(2*time.Second)); !errors.Is(err, storage.ErrFull) {
			t.Errorf("with 3000 young ones: %v", err)
		}
		for i := range 4 { // each look deletes a part
			if err := start(fmt.Sprint("later", i), repotest.Now.Add(time.Minute+time.Duration(2*i)*time.Second)); err != nil {
				t.Error(err)
			}
		}
		if n := count(); n > 1000+4 {
			t.Errorf("%d sign-ins are kept", n)
		}
	})
}

// TestRoomAfterFastClock: registrations and sign-ins from a clock that was a day ahead take
// no one's place.
func TestRoomAfterFastClock(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		r := repotest.Open(t, e.Open(t), keyring.Generate())
		const most = 5
		register := func(id string, at time.Time) error {
			return r.RegisterClient(t.Context(), storage.Client{ID: id, CreatedAt: at}, storage.Ceiling{Unused: most, MinAge: time.Minute})
		}
		day := repotest.Now.Add(24 * time.Hour)
		for i := range most {
			if err := register(fmt.Sprint("fast", i), day); err != nil {
				t.Fatal(err)
			}
		}
		if err := register("one more there", day); !errors.Is(err, storage.ErrFull) {
			t.Errorf("at the fast clock: %v", err)
		}
		for i := range most {
			if err := register(fmt.Sprint("now", i), repotest.Now); err != nil {
				t.Errorf("at a right one: %v", err)
			}
		}
	})
}

// TestIntake: of many concurrent registrations those get in that there is room for, as the
// database says, and not one look at it for each. A slow machine may look again before those
// that got in are stored.
func TestIntake(t *testing.T) {
	t.Parallel()
	r := repotest.Open(t, dbtest.SQLite().Open(t), keyring.Generate())
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	const room, lookAfter = 30, 250 * time.Millisecond
	began := time.Now()
	for i := range 100 {
		all.Go(func() {
			c := storage.Client{ID: fmt.Sprint("c", i), CreatedAt: repotest.Now}
			err := r.RegisterClient(context.WithoutCancel(t.Context()), c, storage.Ceiling{Unused: room, MinAge: time.Minute})
			mu.Lock()
			defer mu.Unlock()
			got[fmt.Sprint(err)]++
		})
	}
	all.Wait()
	looks := 1 + int(time.Since(began)/lookAfter)
	if n := got["<nil>"]; n < room || n > room*looks || n+got[storage.ErrFull.Error()] != 100 {
		t.Errorf("got %v in %d looks", got, looks)
	}
}
