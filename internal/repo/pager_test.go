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

// However many rows have expired, the cleaner's transactions are small, and each
// follows the time that the one before was open.
func TestCleanerWorksInSmallTransactions(t *testing.T) {
	t.Parallel()
	const rows = 3000
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		conn := dbtest.SQL(t, url)
		values := "FROM generate_series(1, 3000) AS g(i)"
		with := ""
		if e.Name == "sqlite" {
			with, values = "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 3000) ", "FROM g"
		}
		dbtest.Exec(t, conn, with+"INSERT INTO mcpkeep_events (id, type, actor, created_at) SELECT 'ev_' || g.i, 't', 'server', 1 "+values)
		store := repo.New(dbtest.Open(t, url), repotest.Ring(t, keyring.Generate()))
		type page struct {
			rows int64
			held time.Duration
		}
		var pages []page
		store.ObservePages(func(rows int64, held time.Duration) { pages = append(pages, page{rows, held}) })
		deleted, err := store.DeleteExpired(t.Context(), repotest.Now, storage.Retention{Events: time.Hour}, 10*rows)
		if deleted != rows || err != nil {
			t.Fatalf("%d rows deleted, %v, want %d", deleted, err, rows)
		}
		if left := dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM mcpkeep_events"); left != 0 {
			t.Errorf("%d rows are left", left)
		}
		for i, p := range pages {
			if p.rows > 200 || i > 0 && p.rows > 2*max(pages[i-1].rows, 20) {
				t.Errorf("page %d is for %d rows, after one for %d", i, p.rows, pages[max(i-1, 0)].rows)
			}
			if i+1 < len(pages) && p.held > 5*time.Millisecond && pages[i+1].rows > max(p.rows/4, 20) {
				t.Errorf("page %d took %v for %d rows, and the next is for %d", i, p.held, p.rows, pages[i+1].rows)
			}
		}
	})
}
