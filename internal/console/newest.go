package console

import (
	"container/heap"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// newest keeps the clients that were used last, of any number.
type newest struct {
	limit   int
	dropped int
	oldest  clientHeap // the next one to go is first
}

func (n *newest) add(s storage.ClientSummary) {
	heap.Push(&n.oldest, s)
	if n.oldest.Len() > n.limit {
		heap.Pop(&n.oldest)
		n.dropped++
	}
}

// sorted returns the clients, the last used first.
func (n *newest) sorted() []storage.ClientSummary {
	slices.SortFunc(n.oldest, func(a, b storage.ClientSummary) int {
		if c := usedAt(b).Compare(usedAt(a)); c != 0 {
			return c
		}
		return strings.Compare(a.Client.ID, b.Client.ID)
	})
	return n.oldest
}

// usedAt is the last use of a client, or its registration as long as there was none.
// What is known of a client with a document is when that was fetched, for a sign-in.
func usedAt(s storage.ClientSummary) time.Time {
	latest := s.Client.CreatedAt
	for _, t := range []time.Time{s.LastUsedAt, s.Client.ConfirmedAt} {
		if t.After(latest) {
			latest = t
		}
	}
	return latest
}

type clientHeap []storage.ClientSummary

// Len implements heap.Interface.
func (h clientHeap) Len() int { return len(h) }

// Less implements heap.Interface.
func (h clientHeap) Less(i, j int) bool { return usedAt(h[i]).Before(usedAt(h[j])) }

// Swap implements heap.Interface.
func (h clientHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *clientHeap) Push(x any) {
	s, _ := x.(storage.ClientSummary)
	*h = append(*h, s)
}

// Pop implements heap.Interface.
func (h *clientHeap) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	*h = (*h)[:last]
	return s
}

// found reports whether a client has a text in what identifies it to people.
func found(s storage.ClientSummary, text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(append([]string{s.Client.ID, s.Client.Name, claimed(s.Client.Name, s.Client.ClaimedName), s.Client.URI}, s.Client.RedirectURIs...), func(field string) bool {
		return strings.Contains(strings.ToLower(field), text)
	})
}
