package mcpserver_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// fakeStore is a store in memory of what the tools use. Every other method is
// that of a nil interface and panics.
type fakeStore struct {
	storage.Store

	mu         sync.Mutex
	clients    map[string]storage.Client
	unreadable map[string]bool
	grants     map[string]storage.Grant
	notReady   error
	// before runs at the start of each method; an error of its is the result.
	before func(ctx context.Context, method string) error
}

func newFakeStore() *fakeStore {
	return &fakeStore{
		clients:    make(map[string]storage.Client),
		unreadable: make(map[string]bool),
		grants:     make(map[string]storage.Grant),
	}
}

func (f *fakeStore) enter(ctx context.Context, method string) error {
	if f.before == nil {
		return nil
	}
	return f.before(ctx, method)
}

func (f *fakeStore) Client(ctx context.Context, id string) (storage.Client, error) {
	if err := f.enter(ctx, "Client"); err != nil {
		return storage.Client{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.clients[id]
	switch {
	case !ok:
		return storage.Client{}, storage.ErrNotFound
	case f.unreadable[id]:
		return storage.Client{}, &storage.UnreadableError{Table: "oauth_clients", Row: "row-of-" + id, KeyID: "key-7"}
	}
	return c, nil
}

func (f *fakeStore) ListClients(ctx context.Context, after string, limit int, _ time.Time) ([]storage.ClientSummary, error) {
	if err := f.enter(ctx, "ListClients"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []storage.ClientSummary
	for _, id := range sortedAfter(maps.Keys(f.clients), after, limit) {
		c := storage.ClientSummary{Client: f.clients[id], Unreadable: f.unreadable[id]}
		if c.Unreadable {
			c.Client = storage.Client{ID: id}
		}
		for _, g := range f.grants {
			if g.ClientID == id {
				c.Grants++
			}
		}
		out = append(out, c)
	}
	return out, nil
}

func (f *fakeStore) DeleteClient(ctx context.Context, id string, _ time.Time) error {
	if err := f.enter(ctx, "DeleteClient"); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.clients[id]; !ok {
		return storage.ErrNotFound
	}
	delete(f.clients, id)
	maps.DeleteFunc(f.grants, func(_ string, g storage.Grant) bool { return g.ClientID == id })
	return nil
}

func (f *fakeStore) RevokeUserGrant(ctx context.Context, userID, grantID string, _ time.Time) error {
	if err := f.enter(ctx, "RevokeUserGrant"); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.grants[grantID].UserID != userID {
		return storage.ErrNotFound
	}
	delete(f.grants, grantID)
	return nil
}

func (f *fakeStore) ListGrants(ctx context.Context, userID, after string, limit int, _ time.Time) ([]storage.Grant, error) {
	if err := f.enter(ctx, "ListGrants"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	mine := func(yield func(string) bool) {
		for id, g := range f.grants {
			if g.UserID == userID && !yield(id) {
				return
			}
		}
	}
	var out []storage.Grant
	for _, id := range sortedAfter(mine, after, limit) {
		out = append(out, f.grants[id])
	}
	return out, nil
}

func (f *fakeStore) Ready(context.Context) error { return f.notReady }

func (f *fakeStore) Stats(ctx context.Context, _ time.Time) (storage.Stats, error) {
	if err := f.enter(ctx, "Stats"); err != nil {
		return storage.Stats{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	users := make(map[string]bool)
	for _, g := range f.grants {
		users[g.UserID] = true
	}
	return storage.Stats{Clients: int64(len(f.clients)), Users: int64(len(users)), LiveGrants: int64(len(f.grants))}, nil
}

func (f *fakeStore) grantIDs() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.grants))
}

func sortedAfter(ids func(func(string) bool), after string, limit int) []string {
	sorted := slices.SortedFunc(ids, cmp.Compare[string])
	start, _ := slices.BinarySearchFunc(sorted, after, func(id, after string) int {
		if strings.Compare(id, after) <= 0 {
			return -1
		}
		return 1
	})
	sorted = sorted[start:]
	return sorted[:min(limit, len(sorted))]
}
