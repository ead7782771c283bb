package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// halfSite takes two seconds for a client, of which its site takes one.
type halfSite struct{ storage.Store }

func (halfSite) Client(ctx context.Context, id string) (storage.Client, error) {
	time.Sleep(2 * time.Second)
	storage.Excuse(ctx, time.Second)
	return storage.Client{ID: id}, nil
}

// TestSharedPatience: who waits for another one's question is excused like that one.
func TestSharedPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := cache.New(halfSite{}, nil)
		find := func(ctx context.Context) {
			if _, err := s.Client(ctx, "c"); err != nil {
				t.Error(err)
			}
		}
		go find(t.Context())
		synctest.Wait()
		ctx := storage.WithPatience(t.Context(), time.Hour)
		find(ctx)
		if excused := storage.Excused(ctx); excused != time.Second {
			t.Errorf("excused %v", excused)
		}
	})
}
