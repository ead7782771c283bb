package autotls

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
)

func TestMain(m *testing.M) { dbtest.Main(m, nil) }

// TestFiles: the database behaves as the folders that certmagic wants.
func TestFiles(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		f := newFiles(repotest.NewWorld(t, e).Repo, nil)
		ctx := t.Context()
		for _, name := range []string{"a/b/1", "a/b/2", "a/c", "ab/c"} {
			if err := f.Store(ctx, name, []byte("old")); err != nil {
				t.Fatal(err)
			}
			if err := f.Store(ctx, name, []byte(name)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := f.Load(ctx, "a/c"); err != nil || string(got) != "a/c" {
			t.Errorf("load: %q, %v", got, err)
		}
		for _, tt := range []struct {
			folder    string
			recursive bool
			want      []string
		}{
			{"a", true, []string{"a/b/1", "a/b/2", "a/c"}}, {"a", false, []string{"a/b", "a/c"}},
			{"a/b", false, []string{"a/b/1", "a/b/2"}}, {"a/c", false, nil}, {"x", true, nil},
		} {
			if got, err := f.List(ctx, tt.folder, tt.recursive); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("list %s, %v: %q, %v, want %q", tt.folder, tt.recursive, got, err, tt.want)
			}
		}
		file, err := f.Stat(ctx, "a/c")
		folder, err2 := f.Stat(ctx, "a/b")
		if err != nil || !file.IsTerminal || file.Size != 3 || time.Since(file.Modified) > time.Minute || err2 != nil || folder.IsTerminal {
			t.Errorf("stat: %+v, %v, %+v, %v", file, err, folder, err2)
		}
		if err := f.Delete(ctx, "a"); err != nil {
			t.Error(err)
		}
		_, err = f.Load(ctx, "a/b/1")
		if _, err2 = f.Stat(ctx, "a"); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err2, fs.ErrNotExist) || !f.Exists(ctx, "ab") {
			t.Errorf("after deleting a folder: %v, %v", err, err2)
		}
		if err := f.Delete(ctx, "a"); err != nil {
			t.Errorf("delete what is not there: %v", err)
		}
	})
}

// TestLocks: one holder at a time, for as long as it holds on, and no longer when it died.
func TestLocks(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := repotest.NewWorld(t, e)
		const lease = 3 * time.Second
		mine, other := newLocks(w.Repo, lease, time.Now), newLocks(w.Repo, lease, time.Now)
		ctx := t.Context()
		if err := mine.Lock(ctx, "x"); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(ctx, 2*lease)
		defer cancel()
		if err := other.Lock(short, "x"); !errors.Is(err, context.DeadlineExceeded) && short.Err() == nil {
			t.Errorf("the lock was taken from one who holds it: %v", err)
		}
		if held, err := other.TryLock(ctx, "y"); !held || err != nil {
			t.Errorf("another lock: %v, %v", held, err)
		}
		if err := mine.Unlock(ctx, "x"); err != nil {
			t.Error(err)
		}
		if held, err := other.TryLock(ctx, "x"); !held || err != nil {
			t.Errorf("a lock that was given back: %v, %v", held, err)
		}
		if err := errors.Join(other.Unlock(ctx, "x"), other.Unlock(ctx, "y"), mine.Unlock(ctx, "never")); err != nil {
			t.Error(err)
		}
		now := time.Now() // of one who dies right after
		if held, err := w.TakeTLSLock(ctx, "x", "dead", now.Add(lease), now); !held || err != nil {
			t.Fatal(held, err)
		}
		if held, _ := mine.TryLock(ctx, "x"); held {
			t.Error("a lease that has not ended was taken")
		}
		if err := mine.Lock(ctx, "x"); err != nil {
			t.Error(err)
		}
		if n := dbtest.Value[int64](t, w.Conn, "SELECT COUNT(*) FROM mcpkeep_leases WHERE name LIKE 'tls/%'"); n != 1 {
			t.Errorf("%d rows of locks, want 1", n)
		}
		if err := mine.Unlock(ctx, "x"); err != nil {
			t.Error(err)
		}
	})
}
