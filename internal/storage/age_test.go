package storage_test

import (
	"math"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestAge: replicas' clocks may differ a little; what is further in the future counts as old.
func TestAge(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for ahead, want := range map[time.Duration]time.Duration{
		-time.Hour: time.Hour, 0: 0, time.Minute: -time.Minute, time.Minute + 1: math.MaxInt64, 9000 * time.Hour: math.MaxInt64,
	} {
		if got := storage.Age(now.Add(ahead), now); got != want {
			t.Errorf("%v ahead: %v, want %v", ahead, got, want)
		}
	}
}
