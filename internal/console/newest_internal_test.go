package console

import (
	"slices"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestNewest: of any number of clients, those used last, and found by what people know.
func TestNewest(t *testing.T) {
	t.Parallel()
	at := func(minutes int) time.Time { return time.Unix(0, 0).Add(time.Duration(minutes) * time.Minute) }
	client := func(id string, registered, used int) storage.ClientSummary {
		s := storage.ClientSummary{Client: storage.Client{ID: id, CreatedAt: at(registered)}}
		if used > 0 {
			s.LastUsedAt = at(used)
		}
		return s
	}
	n := newest{limit: 3}
	for _, s := range []storage.ClientSummary{client("old", 1, 2), client("b", 1, 50), client("fresh", 60, 0), client("a", 1, 50), client("older", 1, 0)} {
		n.add(s)
	}
	var ids []string
	for _, s := range n.sorted() {
		ids = append(ids, s.Client.ID)
	}
	if !slices.Equal(ids, []string{"fresh", "a", "b"}) || n.dropped != 2 {
		t.Errorf("%v, %d dropped", ids, n.dropped)
	}
	s := storage.ClientSummary{Client: storage.Client{ID: "x1", Client: metadata.Client{Name: "Claude Code", RedirectURIs: []string{"https://claude.ai/cb"}}}}
	for text, want := range map[string]bool{"": true, "claude c": true, "CLAUDE.AI": true, "x1": true, "cursor": false} {
		if found(s, text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}
