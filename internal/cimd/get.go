package cimd

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// patience is how long a fetch is waited for when something stands in for it:
	// clients wait for tokens five seconds or so.
	patience = 2500 * time.Millisecond
	// leaseFor is longer than a fetch takes with all around it.
	leaseFor = 15 * time.Second
	// pollEvery is how often it is looked whether another one has fetched.
	pollEvery = 100 * time.Millisecond
	// renewKeysAfter is how old a key set must be to be asked for again because of a
	// key that is not in it: anyone can name one.
	renewKeysAfter = 30 * time.Second
)

// The limits on fetches that have nothing to fall back on, of all replicas
// together: whatever strangers name, no more is asked for in a minute.
const (
	limitWindow  = time.Minute
	limitPerSite = 20
	limitAll     = 60
	unlimited    = 1 << 30
)

// wanted is a document that is wanted for a client.
type wanted struct {
	clientID, url string
	// check returns an *oauth.Error for a document that is not valid, and the name
	// of the client, if it holds one.
	check func(body string) (name string, err error)
	// renewAfter is how old it must be to be asked for again although it is fresh.
	renewAfter time.Duration
}

// get returns a valid document: the one on record as long as it is fresh, or else
// a new one, or else the one on record however old it is. The error is a
// storage.DocumentError, or the store's. Without a body it is a document that was never
// read, of a client that a person let in; never with renew.
func (d *Documents) get(ctx context.Context, w wanted, renew bool) (storage.Document, error) {
	known, done, err := d.onRecord(ctx, w, renew)
	if done || err != nil {
		return known, err
	}
	leave, free := d.enter(siteOf(w.url), known.Body != "" || w.hasCopy())
	if !free {
		return known, w.crowded(known)
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, fetch.Timeout+time.Second)
	defer cancel()
	return d.await(ctx, w, renew)
}

// onRecord returns what is on record, and whether that is the answer.
func (d *Documents) onRecord(ctx context.Context, w wanted, renew bool) (known storage.Document, done bool, err error) {
	known, err = d.known(ctx, w)
	if err != nil {
		return known, false, err
	}
	if known.ApprovedRedirectURI != "" && known.Body == "" && !renew && !w.hasCopy() {
		return known, true, nil // its tokens work, whatever became of its site
	}
	if d.settled(w, known, renew) {
		return known, true, w.failureOf(known)
	}
	if why := d.Fetcher.Check(w.url); why != nil {
		known, err = d.unfetchable(ctx, w, known, why)
		return known, true, err
	}
	return known, false, nil
}

// await fetches a document, or waits until another one has.
func (d *Documents) await(ctx context.Context, w wanted, renew bool) (storage.Document, error) {
	for {
		known, done, err := d.onRecord(ctx, w, renew)
		if done || err != nil {
			return known, err
		}
		lease := rand.Text()
		err = d.claim(ctx, w, known, lease)
		switch {
		case err == nil:
			return d.fetch(ctx, w, known, lease)
		case errors.Is(err, storage.ErrThrottled):
			return known, &storage.DocumentError{
				URL: w.url, Reason: "too many unknown apps are being looked up", Kind: storage.FailureBusy,
			}
		case !errors.Is(err, storage.ErrExists):
			return known, err
		case known.Body != "" && !renew:
			return known, nil // another one is at it
		}
		if sleep(ctx) != nil {
			return known, w.tooLong(known)
		}
	}
}

// unfetchable is the answer about a URL that is never fetched: what is on record from
// when it was. Nothing is recorded, and it takes no place of the limits.
func (d *Documents) unfetchable(ctx context.Context, w wanted, known storage.Document, why error) (storage.Document, error) {
	d.logFailure(ctx, w, known, why)
	known.Failure, known.Invalid, known.Kind = failureBy(why)
	return known, w.failureOf(known)
}

// known is what is on record. A document that is not valid by today's rules is
// none, and is fetched again.
func (d *Documents) known(ctx context.Context, w wanted) (storage.Document, error) {
	known, err := d.Store.Document(ctx, w.clientID, w.url)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Document{ClientID: w.clientID, URL: w.url}, nil
	}
	if err != nil || known.Body == "" {
		return known, err
	}
	if _, err := w.check(known.Body); err != nil {
		known.Body, known.ETag, known.FreshUntil = "", "", time.Time{}
	}
	return known, nil
}

// settled reports whether what is on record is the answer, good or bad, for now.
func (d *Documents) settled(w wanted, known storage.Document, renew bool) bool {
	now := d.Now()
	if storage.Ahead(known.RetryAt, now, storage.LongestRest) {
		return true
	}
	if known.Body == "" {
		return false
	}
	if renew {
		return storage.Age(known.FetchedAt, now) < w.renewAfter
	}
	return storage.Ahead(known.FreshUntil, now, longestFresh)
}

// failureOf is the error of a document that is not there.
func (w wanted) failureOf(known storage.Document) error {
	if known.Body != "" {
		return nil
	}
	return &storage.DocumentError{URL: w.url, Reason: known.Failure, Invalid: known.Invalid, Kind: known.Kind}
}

// tooLong is the error of who waited for another one in vain.
func (w wanted) tooLong(known storage.Document) error {
	if known.Body != "" {
		return nil
	}
	return &storage.DocumentError{URL: w.url, Reason: "its site takes too long", Kind: storage.FailureAway}
}

// claim asks for the right to fetch.
func (d *Documents) claim(ctx context.Context, w wanted, known storage.Document, lease string) error {
	now := d.Now()
	c := storage.DocumentClaim{
		ClientID: w.clientID, URL: w.url, Site: siteOf(w.url), Lease: lease, Until: now.Add(leaseFor), Seen: known.FetchedAt,
		Limit: storage.FetchLimit{Since: now.Add(-limitWindow), PerSite: limitPerSite, All: limitAll},
	}
	if oauth.IsVendorDocument(w.clientID) {
		c.Limit.PerSite, c.Limit.All = unlimited, unlimited // there are few, and most people use them
	}
	if c.Seen.IsZero() {
		select {
		case d.admitting <- struct{}{}:
			defer func() { <-d.admitting }()
		case <-ctx.Done():
			return &storage.ThrottledError{RetryAt: now.Add(retryBusy)}
		}
	}
	return d.Store.ClaimDocument(ctx, c, now)
}

func sleep(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pollEvery):
		storage.Excuse(ctx, pollEvery) // the site's time
		return nil
	}
}
