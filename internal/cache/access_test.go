package cache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const token = storage.Hash("token")

func want(t testing.TB, what string, err, wanted error) {
	t.Helper()
	if !errors.Is(err, wanted) {
		t.Errorf("%s: %v, want %v", what, err, wanted)
	}
}

// TestFreshness: an answer is good for Fresh from when it was asked for, and no
// longer; "not found" is never remembered; expiry is exact.
func TestFreshness(t *testing.T) {
	t.Parallel()
	clock := newClock()
	answer := storage.ErrNotFound
	db := &fakeStore{access: func(context.Context) (storage.Access, error) {
		clock.advance(time.Millisecond) // as long as the answer takes
		return granted, answer
	}}
	s := cache.New(db, clock.Now)
	for _, step := range []struct {
		what   string
		later  time.Duration
		answer error // of the database from now on
		want   error
		asked  int64
	}{
		{"unknown", 0, storage.ErrNotFound, storage.ErrNotFound, 1},
		{"unknown, again immediately", 0, storage.ErrNotFound, storage.ErrNotFound, 2},
		{"known now", 0, nil, nil, 3},
		{"again immediately", 0, nil, nil, 3},
		{"revoked elsewhere, just fresh", cache.Fresh - 2*time.Millisecond, storage.ErrNotFound, nil, 3},
		{"revoked elsewhere, no longer", time.Millisecond, storage.ErrNotFound, storage.ErrNotFound, 4},
		{"an error is no answer", 0, storage.ErrUnavailable, storage.ErrUnavailable, 5},
		{"known again", 0, nil, nil, 6},
		{"a moment before it expires", granted.ExpiresAt.Sub(start) - 600*time.Millisecond, nil, nil, 7},
	} {
		clock.advance(step.later)
		answer = step.answer
		_, err := s.Access(t.Context(), token, clock.Now())
		want(t, step.what, err, step.want)
		if asked := db.asked.Load(); asked != step.asked {
			t.Errorf("%s: the database was asked %d times, want %d", step.what, asked, step.asked)
		}
	}
	_, err := s.Access(t.Context(), token, granted.ExpiresAt)
	want(t, "when it expires, fresh", err, storage.ErrNotFound)
	_, err = s.Access(t.Context(), token, granted.ExpiresAt.Add(-1))
	want(t, "before it expires, fresh", err, nil)
}

// TestOneQuestion: of any number of calls with one token, one asks.
func TestOneQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &fakeStore{access: func(ctx context.Context) (storage.Access, error) {
			time.Sleep(cache.Fresh / 2)
			return granted, ctx.Err()
		}}
		s := cache.New(db, nil)
		first, hangUp := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 64 {
			ctx := t.Context()
			if i == 0 {
				ctx = first
			} else {
				synctest.Wait() // the first has asked
			}
			all.Go(func() {
				_, err := s.Access(ctx, token, start)
				want(t, "access", err, nil)
			})
		}
		synctest.Wait()
		hangUp() // the asking caller gives up, but its answer stays
		all.Wait()
		if asked := db.asked.Load(); asked != 1 {
			t.Errorf("the database was asked %d times concurrently", asked)
		}
	})
}

// TestSlowQuestion: an answer that has been under way for longer than Fresh belongs to
// the past, also for callers that came only now.
func TestSlowQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		revoked := false
		db := &fakeStore{access: func(context.Context) (storage.Access, error) {
			if revoked {
				return storage.Access{}, storage.ErrNotFound
			}
			time.Sleep(2 * cache.Fresh)
			return granted, nil
		}}
		s := cache.New(db, nil)
		var first sync.WaitGroup
		first.Go(func() {
			_, err := s.Access(t.Context(), token, start)
			want(t, "asked before it was revoked", err, nil)
		})
		time.Sleep(cache.Fresh)
		synctest.Wait()
		revoked = true
		_, err := s.Access(t.Context(), token, start)
		want(t, "asked after it was revoked", err, storage.ErrNotFound)
		first.Wait()
		_, err = s.Access(t.Context(), token, start)
		want(t, "when the old answer has come", err, storage.ErrNotFound)
	})
}

// TestRevokedWhileAsked: the answer to a question that was put before a
// revocation of our own is neither remembered nor given to later callers.
func TestRevokedWhileAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow, revoked := true, false
		db := &fakeStore{access: func(context.Context) (storage.Access, error) {
			if revoked {
				return storage.Access{}, storage.ErrNotFound
			}
			if slow {
				time.Sleep(cache.Fresh / 2)
			}
			return granted, nil
		}}
		s := cache.New(db, nil)
		var before sync.WaitGroup
		before.Go(func() { _, _ = s.Access(t.Context(), token, start) })
		synctest.Wait()
		revoked = true
		if err := s.RevokeGrant(t.Context(), "another", start); err != nil {
			t.Fatal(err)
		}
		_, err := s.Access(t.Context(), token, start)
		want(t, "while the old question is under way", err, storage.ErrNotFound)
		before.Wait()
		_, err = s.Access(t.Context(), token, start)
		want(t, "when its answer has come", err, storage.ErrNotFound)
	})
}

// TestOutage: guarantee 5. A token continues for Outage after the database has
// confirmed it, whether the database fails or hangs, and not after it expired.
func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		expires := time.Now().Add(time.Hour)
		access, failure := granted, error(nil)
		access.ExpiresAt = expires
		db := &fakeStore{access: func(context.Context) (storage.Access, error) {
			return access, failure
		}}
		s := cache.New(db, nil)
		failure = storage.ErrUnavailable
		_, err := s.Access(t.Context(), token, time.Now())
		want(t, "never seen", err, storage.ErrUnavailable)
		failure = nil
		_, err = s.Access(t.Context(), token, time.Now())
		want(t, "seen", err, nil)

		time.Sleep(time.Minute)
		failure = storage.ErrBusy
		_, err = s.Access(t.Context(), token, time.Now())
		want(t, "overload is no outage", err, storage.ErrBusy)
		failure = storage.ErrUnavailable
		got, err := s.Access(t.Context(), token, time.Now())
		want(t, "during the outage", err, nil)
		want(t, "why", got.Outage, storage.ErrUnavailable)
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = s.Access(canceled, token, time.Now())
		want(t, "hung up", err, storage.ErrUnavailable)
		_, err = s.Access(t.Context(), token, expires)
		want(t, "expired", err, storage.ErrUnavailable)
		time.Sleep(4 * time.Minute)
		_, err = s.Access(t.Context(), token, time.Now())
		want(t, "after five minutes", err, storage.ErrUnavailable)
	})
}

// TestStrangers: tokens that no one knows are looked up a few at a time, and a known one
// waits for none of them.
func TestStrangers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var strange atomic.Bool
		db := &fakeStore{access: func(context.Context) (storage.Access, error) {
			if strange.Load() {
				<-release
				return storage.Access{}, storage.ErrNotFound
			}
			return granted, nil
		}}
		s := cache.New(db, nil)
		_, err := s.Access(t.Context(), token, start)
		want(t, "seen", err, nil)
		time.Sleep(time.Second)
		strange.Store(true)
		const most = 64
		var all sync.WaitGroup
		for i := range most {
			all.Go(func() {
				_, err := s.Access(t.Context(), storage.HashOf(fmt.Sprint(i)), start)
				want(t, "made up", err, storage.ErrNotFound)
			})
		}
		synctest.Wait()
		_, err = s.Access(t.Context(), storage.HashOf("one more"), start)
		want(t, "one more", err, storage.ErrBusy)
		strange.Store(false)
		_, err = s.Access(t.Context(), token, start)
		want(t, "known", err, nil)
		close(release)
		all.Wait()
		_, err = s.Access(t.Context(), storage.HashOf("later"), start)
		want(t, "later", err, nil)
	})
}

// TestTouch: calls that all see an old last use write once; a write that failed
// is tried again.
func TestTouch(t *testing.T) {
	t.Parallel()
	clock := newClock()
	failure := error(nil)
	db := &fakeStore{touch: func(ctx context.Context) error {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the caller's deadline is lost")
		}
		return failure
	}}
	s := cache.New(db, clock.Now)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() { want(t, "touch", s.TouchGrant(ctx, "gr_1", start), nil) })
	}
	all.Wait()
	clock.advance(cache.Fresh)
	failure = storage.ErrUnavailable
	want(t, "failing", s.TouchGrant(ctx, "gr_1", start), storage.ErrUnavailable)
	failure = nil
	want(t, "again", s.TouchGrant(ctx, "gr_1", start), nil)
	want(t, "another grant", s.TouchGrant(ctx, "gr_2", start), nil)
	if got := db.touched.Load(); got != 4 {
		t.Errorf("%d writes, want 4", got)
	}
}

// TestPanic: callers that wait for an answer that never comes get an error.
func TestPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &fakeStore{access: func(context.Context) (storage.Access, error) {
			time.Sleep(time.Millisecond)
			panic("a defect")
		}}
		s := cache.New(db, nil)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				defer func() { _ = recover() }()
				if _, err := s.Access(t.Context(), token, start); err == nil {
					t.Error("no error")
				}
			})
		}
		all.Wait()
	})
}

// TestFirstUse: of concurrent first uses one is written, and none once it is, however old the
// answer of the database is; a write that failed is tried again.
func TestFirstUse(t *testing.T) {
	t.Parallel()
	clock := newClock()
	failure := storage.ErrUnavailable
	access := granted
	access.Unused = "pair"
	db := &fakeStore{
		access: func(context.Context) (storage.Access, error) { return access, nil },
		touch:  func(context.Context) error { return failure },
	}
	s := cache.New(db, clock.Now)
	wantUnused := func(what string, want storage.Hash) {
		t.Helper()
		got, err := s.Access(t.Context(), token, clock.Now())
		if got.Unused != want || err != nil {
			t.Errorf("%s: unused pair %q, %v, want %q", what, got.Unused, err, want)
		}
	}
	wantUnused("at first", "pair")
	want(t, "failing", s.UseTokens(t.Context(), "pair", start), storage.ErrUnavailable)
	wantUnused("after a failure", "pair")
	failure = nil
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() { want(t, "use", s.UseTokens(t.Context(), "pair", start), nil) })
	}
	all.Wait()
	wantUnused("from memory", "")
	clock.advance(time.Minute)
	wantUnused("from a database that is behind", "")
	if got := db.touched.Load(); got != 2 {
		t.Errorf("%d writes, want 2", got)
	}
}
