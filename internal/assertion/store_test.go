package assertion_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestFirstKey: of 64 concurrent attempts at two replicas to make the first key, one wins,
// and all sign with its key. A replica that starts later signs with it, too.
func TestFirstKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key, c := e.URL(t), keyring.Generate(), newClock()
		replicas := make([]replica, 2)
		for i := range replicas {
			replicas[i] = newReplica(repotest.Open(t, dbtest.Open(t, url), key), c.now)
		}
		const each = 32
		kids := make(chan string, each*len(replicas))
		var all sync.WaitGroup
		start := make(chan struct{})
		for _, r := range replicas {
			for range each {
				all.Go(func() {
					<-start
					_, kid := r.sign(t)
					kids <- kid
				})
			}
		}
		close(start)
		all.Wait()
		close(kids)
		_, want := newReplica(repotest.Open(t, dbtest.Open(t, url), key), c.now).sign(t)
		for kid := range kids {
			if kid != want {
				t.Fatal("assertions are signed with different keys")
			}
		}
		if n := dbtest.Value[int64](t, dbtest.SQL(t, url), "SELECT COUNT(*) FROM mcpkeep_signing_keys"); n != 1 {
			t.Errorf("%d keys were made", n)
		}
	})
}

// TestStoredKeys: a number is given once, deletion stops at its number, and the private key
// is not in the row.
func TestStoredKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		store := repotest.Open(t, dbtest.Open(t, url), keyring.Generate())
		now := time.Unix(1_800_000_000, 0).UTC()
		for i, id := range []string{"a", "b", "c"} {
			key := storage.SigningKey{ID: id, Number: int64(1 + i/2), Private: []byte("private-" + id), CreatedAt: now, SignsAt: now.Add(time.Hour)}
			if err := store.AddSigningKey(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		keys, err := store.SigningKeys(t.Context())
		if err != nil || len(keys) != 2 || keys[0].ID != "a" || keys[1].ID != "c" || string(keys[1].Private) != "private-c" ||
			keys[1].Broken != nil || !keys[1].CreatedAt.Equal(now) || !keys[1].SignsAt.Equal(now.Add(time.Hour)) {
			t.Errorf("SigningKeys: %+v, %v", keys, err)
		}
		for _, row := range dbtest.Rows(t, dbtest.SQL(t, url), "SELECT * FROM mcpkeep_signing_keys") {
			if strings.Contains(strings.Join(row, " "), "private-") {
				t.Error("a row has the private key")
			}
		}
		if err := store.DropSigningKeys(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if keys, err = store.SigningKeys(t.Context()); err != nil || len(keys) != 1 || keys[0].ID != "c" {
			t.Errorf("after the first was dropped: %+v, %v", keys, err)
		}
	})
}

// TestClaims: what an assertion says and for how long it is valid.
func TestClaims(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := newReplica(&memory{}, c.now)
	one, _ := r.sign(t)
	two, _ := r.sign(t)
	if one == two {
		t.Error("two assertions are equal")
	}
	set := r.published(t)
	if err := verify(set, one, c.now().Add(59*time.Second)); err != nil {
		t.Errorf("after 59 s: %v", err)
	}
	if err := verify(set, one, c.now().Add(61*time.Second)); err == nil {
		t.Error("valid after 61 s")
	}
	for _, key := range set.Keys {
		if key.Algorithm != "ES256" || key.Use != "sig" || !key.IsPublic() {
			t.Errorf("published: %+v", key)
		}
	}
}
