package repo

import (
	"testing"
	"time"
)

// A page is smaller after one that took long, and at most twice as large otherwise.
func TestNextPage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rows int64
		took time.Duration
		want int64
	}{
		{20, 0, 40},
		{20, time.Millisecond, 40},
		{20, 2 * time.Millisecond, 20},
		{20, pageTime, 20},
		{20, 11 * time.Millisecond, 5},
		{2, time.Second, 1},
		{1, time.Second, 1},
		{150, 0, largestPage},
		{largestPage, 0, largestPage},
	} {
		if got := nextPage(tt.rows, tt.took); got != tt.want {
			t.Errorf("%d rows took %v: next %d, want %d", tt.rows, tt.took, got, tt.want)
		}
	}
}
