package cache

import (
	"context"
	"testing"
	"time"
)

// TestBounded: the memory has a fixed size, and shrinks when its entries are
// no longer useful.
func TestBounded(t *testing.T) {
	t.Parallel()
	const size, keep = 100, time.Minute
	now := time.Unix(0, 0)
	m := newMemory[int, int](size, keep, func() time.Time { return now })
	get := func(key int) {
		_, err := m.get(t.Context(), key, func(context.Context) (int, error) { return key, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	for key := range 10 * size {
		get(key)
	}
	if m.known.Len() != size || len(m.asking) != 0 {
		t.Errorf("%d answers, %d questions, want %d and none", m.known.Len(), len(m.asking), size)
	}
	if _, ok := m.recall(10*size - 1); !ok {
		t.Error("the last one is forgotten")
	}
	now = now.Add(keep)
	for key := range size {
		get(-1 - key)
	}
	if m.known.Len() != size {
		t.Errorf("%d answers, want the %d new ones", m.known.Len(), size)
	}
	now = now.Add(keep)
	for range size {
		now = now.Add(Fresh)
		get(0)
	}
	if m.known.Len() != 1 {
		t.Errorf("%d answers, want the one that is used", m.known.Len())
	}
}
