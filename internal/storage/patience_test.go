package storage_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestPatience: the steps of a request share its patience, and what is excused prolongs it.
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		step := func(ctx context.Context) time.Duration {
			ctx, cancel := storage.Step(ctx)
			defer cancel()
			began := time.Now()
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
			}
			if err := ctx.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			return time.Since(began)
		}
		ctx := storage.WithPatience(t.Context(), 3*time.Second)
		time.Sleep(time.Second)
		storage.Excuse(ctx, time.Second)
		if took := step(ctx); took != 3*time.Second {
			t.Errorf("the first step took %v", took)
		}
		if took := step(ctx); took != 0 {
			t.Errorf("the second one took %v", took)
		}
		if more := storage.Excused(storage.WithSomePatience(ctx, time.Hour)); more != time.Second {
			t.Errorf("excused %v", more)
		}
		for name, free := range map[string]context.Context{"none": t.Context(), "without": storage.WithoutPatience(ctx)} {
			storage.Excuse(free, time.Second)
			if took := step(free); took != time.Minute || storage.Excused(free) != 0 {
				t.Errorf("%s: it took %v", name, took)
			}
		}
	})
}
