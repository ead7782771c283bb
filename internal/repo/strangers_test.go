package repo_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// series is a table of the numbers from 1 to n.
func series(e dbtest.Engine, n int) string {
	if e.Name == "sqlite" {
		return fmt.Sprintf("(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < %d) SELECT i FROM s) AS s", n)
	}
	return fmt.Sprintf("generate_series(1, %d) AS s(i)", n)
}

// TestAssertionsBounded: the assertions of clients without grants, which anyone can register, are
// a bounded number. Those of a client with grants are each good once, however many there are.
func TestAssertionsBounded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		r, conn := repotest.Open(t, dbtest.Open(t, url), keyring.Generate()), dbtest.SQL(t, url)
		repotest.Connect(t, r, "known")
		client := dbtest.Value[string](t, conn, "SELECT client_id FROM mcpkeep_grants")
		dbtest.Exec(t, conn, `INSERT INTO mcpkeep_client_assertions (client_id, jti_hash, expires_at)
			SELECT 'c' || i, substr('0000000000000000000000000000000000000000000' || i, length('' || i) + 1), 0 FROM `+series(e, 4990))
		use := func(client string, i int) error {
			return r.UseAssertion(t.Context(), client, storage.HashOf(fmt.Sprint(i)), repotest.Now.Add(time.Minute), repotest.Now)
		}
		for i := range 100 {
			if err := use("stranger", i); err != nil {
				t.Fatal(err)
			}
		}
		if n := dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM mcpkeep_client_assertions"); n != 5000 {
			t.Errorf("%d rows are kept", n)
		}
		if err := use("stranger", 99); err != nil {
			t.Errorf("a client without grants: %v", err)
		}
		if first, second := use(client, 1), use(client, 1); first != nil || !errors.Is(second, storage.ErrSpent) {
			t.Errorf("a client with grants: %v, %v", first, second)
		}
	})
}

// TestIdleDocumentsBounded: of the documents of clients without grants the newest 750 are kept.
// Those of clients in use stay, and a client has one key set.
func TestIdleDocumentsBounded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		r, conn := repotest.Open(t, dbtest.Open(t, url), keyring.Generate()), dbtest.SQL(t, url)
		repotest.Connect(t, r, "known")
		client := dbtest.Value[string](t, conn, "SELECT client_id FROM mcpkeep_grants")
		const insert = "INSERT INTO mcpkeep_client_documents (client_id, url, site, admitted_at, review_at) "
		dbtest.Exec(t, conn, insert+"VALUES ($1, $1, '', 1, 0)", client)
		dbtest.Exec(t, conn, insert+"SELECT 'd' || i, 'd' || i, '', 1000 + i, 0 FROM "+series(e, 900))
		claim := func(client, url string) {
			t.Helper()
			err := r.ClaimDocument(t.Context(), storage.DocumentClaim{
				ClientID: client, URL: url, Site: "a.example", Lease: url, Until: repotest.Now.Add(time.Minute),
				Limit: storage.FetchLimit{Since: repotest.Now.Add(-time.Minute), PerSite: 20, All: 60},
			}, repotest.Now)
			if err != nil {
				t.Error(err)
			}
		}
		count := func(where string) int64 {
			return dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM mcpkeep_client_documents WHERE "+where)
		}
		claim("new", "new")
		if count("TRUE") != 751 || count("client_id IN ('new', 'd900', 'd152')") != 3 || count("client_id = 'd151'") != 0 {
			t.Errorf("%d documents are kept", count("TRUE"))
		}
		claim(client, "keys-1")
		claim(client, "keys-2")
		if count("client_id <> 'new' AND admitted_at NOT BETWEEN 1000 AND 2000") != 2 || count("url = 'keys-1'") != 0 {
			t.Error("a client has more than its document and one key set")
		}
	})
}

// TestUpdatesReuseSpace: a client that changes its registration again and again takes the space of
// a part of that, and one that changes nothing takes none.
func TestUpdatesReuseSpace(t *testing.T) {
	t.Parallel()
	url := dbtest.Postgres().URL(t)
	r, conn := repotest.Open(t, dbtest.Open(t, url), keyring.Generate()), dbtest.SQL(t, url)
	const writers, each, sizeMost = 8, 250, 12e6
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			id := fmt.Sprint("c", w)
			if err := r.RegisterClient(t.Context(), storage.Client{ID: id, CreatedAt: repotest.Now}, storage.Ceiling{}); err != nil {
				t.Error(err)
			}
			for i := range each {
				was, err := r.Client(t.Context(), id)
				if err != nil {
					t.Error(err)
					return
				}
				next := was
				next.Client = metadata.Client{Name: fmt.Sprint(i), URI: "https://a.example/" + storage.NewOrderedID(strings.Repeat("a", 3000), repotest.Now)}
				if err := r.UpdateClient(t.Context(), was, next, repotest.Now); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	size := func() int64 { return dbtest.Value[int64](t, conn, "SELECT pg_total_relation_size('oauth_clients')") }
	if n := size(); n > sizeMost {
		t.Errorf("the table has %d bytes", n)
	}
	before := dbtest.Value[string](t, conn, "SELECT string_agg(xmin::text, ' ' ORDER BY key) FROM oauth_clients")
	same, err := r.Client(t.Context(), "c0")
	if err == nil {
		err = r.UpdateClient(t.Context(), same, same, repotest.Now.Add(time.Second))
	}
	if after := dbtest.Value[string](t, conn, "SELECT string_agg(xmin::text, ' ' ORDER BY key) FROM oauth_clients"); err != nil || after != before {
		t.Errorf("a row was written again: %v", err)
	}
}
