package storage_test

import (
	"slices"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestNewOrderedID: identifiers sort by the time that is given, not by this process's, and
// by the calls when several are made at one time.
func TestNewOrderedID(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.UTC)
	var ids []string
	for i := range 3 {
		for range 100 {
			ids = append(ids, storage.NewOrderedID(storage.EventIDPrefix, at.Add(time.Duration(i)*time.Hour)))
		}
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("out of order, or twice: %v", ids)
	}
	if made, ok := storage.EventIDTime(ids[0]); !ok || !made.Equal(at.Truncate(time.Millisecond)) {
		t.Errorf("the identifier has %v, want %v", made, at)
	}
	if back := storage.NewOrderedID(storage.EventIDPrefix, at.Add(-time.Hour)); back >= ids[0] || back < storage.FirstEventID(at.Add(-time.Hour)) {
		t.Errorf("with a clock that was set back: %s", back)
	}
}
