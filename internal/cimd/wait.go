package cimd

import (
	"sync"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// maxWaiting is how many requests of a process may wait for a site, of those that nothing
	// stands in for, and as many of the others. Both together, with those that wait for one of
	// them, are fewer than the sign-in pages and the token requests that the server has in
	// progress at a time, so that slow sites leave places for clients that need none.
	maxWaiting = 48
	// maxWaitingSite is how many of them may wait for the same site, so that one that is slow
	// leaves places for the clients of others.
	maxWaitingSite = 24
)

// waiting counts the requests that wait for a site.
type waiting struct {
	mu             sync.Mutex
	unknown, known places
}

// places are taken in all and by site.
type places struct {
	taken int
	sites map[string]int
}

// enter takes a place among those that wait for a site until leave is called, if one is free.
func (w *waiting) enter(site string, standIn bool) (leave func(), free bool) {
	p := &w.unknown
	if standIn {
		p = &w.known
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.taken >= maxWaiting || p.sites[site] >= maxWaitingSite {
		return nil, false
	}
	if p.sites == nil {
		p.sites = make(map[string]int)
	}
	p.taken++
	p.sites[site]++
	return func() { w.leave(p, site) }, true
}

func (w *waiting) leave(p *places, site string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.taken--
	if p.sites[site]--; p.sites[site] == 0 {
		delete(p.sites, site)
	}
}

// crowded is the error of who may not wait.
func (w wanted) crowded(known storage.Document) error {
	if known.Body != "" {
		return nil
	}
	return &storage.DocumentError{URL: w.url, Reason: "too many apps are being looked up", Kind: storage.FailureBusy}
}
