package cache_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/storage/storagetest"
)

// start is when the tests begin.
var start = time.Unix(1_800_000_000, 0).UTC()

// TestContract: a store with a memory keeps every promise of a store.
func TestContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t testing.TB) storage.Store {
		t.Helper()
		return cache.New(newRepo(t, dbtest.SQLite()), nil)
	})
}

func newRepo(t testing.TB, e dbtest.Engine) *repo.Repo {
	t.Helper()
	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}
	r := repo.New(e.Open(t), keys)
	if err := r.CheckKeys(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	return r
}

// clock is a time that tests move.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(start.UnixNano())
	return c
}

func (c *clock) Now() time.Time { return time.Unix(0, c.nanos.Load()).UTC() }

func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// fakeStore answers as its functions say and counts. Every other method is that
// of a nil interface and panics.
type fakeStore struct {
	storage.Store
	access  func(context.Context) (storage.Access, error)
	client  func(context.Context) (storage.Client, error)
	touch   func(context.Context) error
	asked   atomic.Int64 // for tokens
	touched atomic.Int64
	claims  atomic.Int64
	failure error // of a claim
}

func (f *fakeStore) Access(ctx context.Context, _ storage.Hash, _ time.Time) (storage.Access, error) {
	f.asked.Add(1)
	return f.access(ctx)
}

func (f *fakeStore) Client(ctx context.Context, _ string) (storage.Client, error) {
	return f.client(ctx)
}

func (f *fakeStore) TouchGrant(ctx context.Context, _ string, _ time.Time) error {
	f.touched.Add(1)
	return f.touch(ctx)
}

func (f *fakeStore) ClaimName(context.Context, storage.NameClaim, time.Time) error {
	f.claims.Add(1)
	return f.failure
}

// DeleteClient implements storage.ClientStore.
func (*fakeStore) DeleteClient(context.Context, string, time.Time) error { return nil }

// UseTokens implements storage.GrantStore.
func (f *fakeStore) UseTokens(ctx context.Context, _ storage.Hash, _ time.Time) error {
	f.touched.Add(1)
	return f.touch(ctx)
}

// RevokeGrant implements storage.GrantStore.
func (*fakeStore) RevokeGrant(context.Context, string, time.Time) error { return nil }

// granted is what a token stands for until an hour after the start.
var granted = storage.Access{GrantID: "gr_1", ClientID: "c_1", Scope: "mcp", ExpiresAt: start.Add(time.Hour)}
