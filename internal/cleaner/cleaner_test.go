package cleaner_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cleaner"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func TestMain(m *testing.M) { dbtest.Main(m, nil) }

// watched counts the cleanings of all replicas.
type watched struct {
	*repo.Repo
	running, most, all *atomic.Int64
}

func (w watched) DeleteExpired(ctx context.Context, now time.Time, keep storage.Retention, limit int) (int64, error) {
	n := w.running.Add(1)
	defer w.running.Add(-1)
	if n > 1 {
		w.most.Store(n)
	} else {
		w.most.CompareAndSwap(0, 1)
	}
	w.all.Add(1)
	return w.Repo.DeleteExpired(ctx, now, keep, limit)
}

func noTokens(context.Context, int) (int, error) { return 0, nil }

// replicas makes n cleaners, each with a connection pool of its own.
func replicas(t *testing.T, url string, n int, now func() time.Time) ([]*cleaner.Cleaner, watched) {
	t.Helper()
	counted := watched{running: new(atomic.Int64), most: new(atomic.Int64), all: new(atomic.Int64)}
	keys := repotest.Ring(t, keyring.Generate())
	list := make([]*cleaner.Cleaner, n)
	for i := range list {
		own := counted
		own.Repo = repo.New(dbtest.Open(t, url), keys)
		list[i] = &cleaner.Cleaner{Store: own, ReturnTokens: noTokens, Now: now, Log: slog.New(slog.DiscardHandler)}
	}
	return list, counted
}

// Many replicas look at the same moment, and again a while later: one cleans.
func TestOneReplicaCleans(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		var clock atomic.Int64
		list, counted := replicas(t, e.URL(t), 6, func() time.Time { return repotest.Now.Add(time.Duration(clock.Load())) })
		for i, after := range []time.Duration{0, 3 * time.Minute, 5 * time.Minute} {
			clock.Store(int64(after))
			want := []int64{1, 1, 2}[i]
			var rounds atomic.Int64
			var wg sync.WaitGroup
			for _, c := range list {
				wg.Go(func() {
					if c.Round(t.Context()) {
						rounds.Add(1)
					}
				})
			}
			wg.Wait()
			if counted.all.Load() != want || counted.most.Load() != 1 {
				t.Errorf("after %v: %d cleanings, %d concurrent, %d rounds, want %d one by one",
					after, counted.all.Load(), counted.most.Load(), rounds.Load(), want)
			}
		}
	})
}

// A replica that dies while it cleans keeps the others waiting for a minute.
func TestDeadHolderIsReplaced(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		now := repotest.Now
		list, _ := replicas(t, e.URL(t), 1, func() time.Time { return now })
		dead, heir := list[0].Store.(watched), list[0]
		if held, err := dead.LeaseCleaning(t.Context(), "dead", now.Add(time.Minute), now); !held || err != nil {
			t.Fatalf("lease: %t, %v", held, err)
		}
		if held, err := dead.LeaseCleaning(t.Context(), "dead", now.Add(time.Minute), now.Add(time.Second)); !held || err != nil {
			t.Errorf("the holder renews: %t, %v", held, err)
		}
		now = repotest.Now.Add(59 * time.Second)
		if heir.Round(t.Context()) {
			t.Error("two clean")
		}
		now = repotest.Now.Add(time.Minute)
		if !heir.Round(t.Context()) {
			t.Error("no one cleans after the holder's death")
		}
		if held, err := dead.LeaseCleaning(t.Context(), "dead", now.Add(time.Hour), now.Add(time.Second)); held || err != nil {
			t.Errorf("the dead one renews: %t, %v", held, err)
		}
		if err := dead.EndCleaning(t.Context(), "dead", now); err != nil {
			t.Error(err)
		}
		if held, _ := dead.LeaseCleaning(t.Context(), "third", now.Add(time.Hour), now.Add(time.Second)); held {
			t.Error("the dead one has ended another's lease")
		}
	})
}

// TestFastClock: neither a lease nor a rest of a clock that was a day ahead keeps the others
// from cleaning.
func TestFastClock(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		now := repotest.Now
		list, _ := replicas(t, e.URL(t), 1, func() time.Time { return now })
		fast, heir := list[0].Store.(watched), list[0]
		day := now.Add(24 * time.Hour)
		if held, err := fast.LeaseCleaning(t.Context(), "fast", day.Add(time.Minute), day); !held || err != nil {
			t.Fatalf("lease: %t, %v", held, err)
		}
		if !heir.Round(t.Context()) {
			t.Error("no one cleans because of a lease a day ahead")
		}
		now = now.Add(5 * time.Minute)
		if held, err := fast.LeaseCleaning(t.Context(), "fast", now.Add(time.Minute), now); !held || err != nil {
			t.Fatalf("lease: %t, %v", held, err)
		}
		if err := fast.EndCleaning(t.Context(), "fast", day); err != nil {
			t.Fatal(err)
		}
		if !heir.Round(t.Context()) {
			t.Error("no one cleans because of a rest that ends a day ahead")
		}
	})
}

// fakeStore keeps a lease in memory.
type fakeStore struct {
	leases, ends atomic.Int64
	lost         atomic.Bool
	freeAt       time.Time
	work         func(ctx context.Context) error
}

func (f *fakeStore) LeaseCleaning(context.Context, string, time.Time, time.Time) (bool, error) {
	f.leases.Add(1)
	return !f.lost.Load(), nil
}

func (f *fakeStore) EndCleaning(_ context.Context, _ string, freeAt time.Time) error {
	f.ends.Add(1)
	f.freeAt = freeAt
	return nil
}

func (f *fakeStore) DeleteExpired(ctx context.Context, _ time.Time, _ storage.Retention, _ int) (int64, error) {
	return 0, f.work(ctx)
}

func (f *fakeStore) cleaner() *cleaner.Cleaner {
	return &cleaner.Cleaner{Store: f, ReturnTokens: noTokens, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

func TestLeaseIsRenewedWhileItWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{work: func(context.Context) error { time.Sleep(5 * time.Minute); return nil }}
		f.cleaner().Round(t.Context())
		if n := f.leases.Load(); n < 10 || f.ends.Load() != 1 || !f.freeAt.After(time.Now()) {
			t.Errorf("%d leases, %d ends, free at %v (now %v)", n, f.ends.Load(), f.freeAt, time.Now())
		}
	})
}

func TestLostLeaseEndsTheWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{}
		began := time.Now()
		f.work = func(ctx context.Context) error { f.lost.Store(true); <-ctx.Done(); return ctx.Err() }
		f.cleaner().Round(t.Context())
		if took := time.Since(began); took > time.Minute || f.freeAt.After(time.Now()) {
			t.Errorf("it worked for %v without the lease; free at %v", took, f.freeAt)
		}
	})
}

// A program that ends leaves the lease to others.
func TestShutdownFreesTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := &fakeStore{work: func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() }}
		f.cleaner().Run(ctx)
		if f.ends.Load() != 1 || f.freeAt.After(time.Now()) {
			t.Errorf("%d ends, free at %v (now %v)", f.ends.Load(), f.freeAt, time.Now())
		}
	})
}
