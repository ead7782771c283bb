package cimd

import "github.com/mcpkeep/mcpkeep/internal/storage"

// maxWaiting is how many requests of a process may wait for a site, of those that nothing
// stands in for, and as many of the others. Both together, with those that wait for one of
// them, are fewer than the sign-in pages and the token requests that the server has in
// progress at a time, so that slow sites leave places for clients that need none.
const maxWaiting = 48

// waiting holds an element for each request that waits for a site.
type waiting struct{ unknown, known chan struct{} }

func newWaiting() waiting {
	return waiting{unknown: make(chan struct{}, maxWaiting), known: make(chan struct{}, maxWaiting)}
}

// enter takes a place among those that wait until leave is called, if one is free.
func (w waiting) enter(standIn bool) (leave func(), free bool) {
	places := w.unknown
	if standIn {
		places = w.known
	}
	select {
	case places <- struct{}{}:
		return func() { <-places }, true
	default:
		return nil, false
	}
}

// crowded is the error of who may not wait.
func (w wanted) crowded(known storage.Document) error {
	if known.Body != "" {
		return nil
	}
	return &storage.DocumentError{URL: w.url, Reason: "too many apps are being looked up", Kind: storage.FailureBusy}
}
