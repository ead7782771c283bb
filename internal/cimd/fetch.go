package cimd

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// How long a document is fresh (CIMD-08), whatever its site says.
const (
	freshAtLeast = 5 * time.Minute
	freshAtMost  = 24 * time.Hour
	freshUndated = time.Hour // when its site says nothing
	// longestFresh leaves room for clocks that differ.
	longestFresh = freshAtMost + time.Minute
)

// How long a failed fetch is not repeated.
const (
	retryUnknown    = 30 * time.Second // nothing stands in: it should soon be there
	retryInvalid    = time.Minute
	retryCopy       = 5 * time.Minute // a copy stands in: perhaps there is no way out of this network
	retryBusy       = time.Second
	retryKnownFirst = time.Minute // something stands in
	retryKnownLast  = 15 * time.Minute
	retryKnownPart  = 4 // of the time for which the document has been stale
)

// fetch fetches a document as the holder of the lease, and records how it went,
// also when the caller has hung up meanwhile.
func (d *Documents) fetch(ctx context.Context, w wanted, known storage.Document, lease string) (storage.Document, error) {
	limit := fetch.Timeout
	if known.Body != "" || w.hasCopy() {
		limit = patience
	}
	record := context.WithoutCancel(ctx)
	asking, cancel := context.WithTimeout(record, limit)
	defer cancel()
	asked := time.Now()
	answer, err := d.Fetcher.Get(asking, w.url, known.ETag)
	storage.Excuse(ctx, time.Since(asked))
	if err != nil {
		return d.failed(record, w, known, lease, err)
	}
	body := string(answer.Body)
	if answer.NotModified {
		body = known.Body
	}
	name, err := w.check(body)
	if err != nil {
		return d.failed(record, w, known, lease, err)
	}
	now := d.Now()
	got := storage.FetchedDocument{
		ClientID: w.clientID, URL: w.url, Lease: lease, Name: name, Body: body, ETag: answer.ETag,
		FreshUntil: now.Add(freshness(answer)),
	}
	// Without the lease someone else has a newer one; without the database the next
	// one fetches again. This one is valid either way.
	if err := d.Store.SaveDocument(record, got, now); err != nil && !errors.Is(err, storage.ErrNotFound) {
		d.Logger.ErrorContext(ctx, "client document not saved", "url", w.url, logging.Error, err)
	}
	return storage.Document{
		ClientID: w.clientID, URL: w.url, Body: body, ETag: got.ETag, FetchedAt: now, FreshUntil: got.FreshUntil,
	}, nil
}

func freshness(a fetch.Answer) time.Duration {
	if !a.Dated {
		return freshUndated
	}
	return min(max(a.FreshFor, freshAtLeast), freshAtMost)
}

// failed records why there is no new document. The one on record stands in.
func (d *Documents) failed(
	ctx context.Context, w wanted, known storage.Document, lease string, why error,
) (storage.Document, error) {
	d.logFailure(ctx, w, known, why)
	known.Failure, known.Invalid, known.Kind = failureBy(why)
	vendor, _ := oauth.VendorDocument(w.clientID)
	err := d.Store.FailDocument(ctx, storage.FailedDocument{
		ClientID: w.clientID, URL: w.url, Lease: lease, Name: vendor.Name, Failure: known.Failure, Invalid: known.Invalid, Kind: known.Kind,
		RetryAt: d.Now().Add(w.retryAfter(known, d.Now(), why)),
	})
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		d.Logger.ErrorContext(ctx, "client document failure not saved", "url", w.url, logging.Error, err)
	}
	return known, w.failureOf(known)
}

func (d *Documents) logFailure(ctx context.Context, w wanted, known storage.Document, why error) {
	d.Logger.WarnContext(ctx, "client document not fetched", logging.Event, "client_document_failed",
		logging.ClientID, w.clientID, "url", w.url, logging.Error, why.Error(), "stand_in", known.Body != "")
}

func (w wanted) retryAfter(known storage.Document, now time.Time, why error) time.Duration {
	switch {
	case errors.Is(why, fetch.ErrBusy):
		return retryBusy
	case known.Body != "":
		return min(max(now.Sub(known.FreshUntil)/retryKnownPart, retryKnownFirst), retryKnownLast)
	case known.Invalid:
		return retryInvalid
	case w.hasCopy():
		return retryCopy
	}
	return retryUnknown
}

// hasCopy reports whether a copy of the document ships with the program.
func (w wanted) hasCopy() bool {
	_, ok := oauth.VendorDocument(w.url)
	return ok
}

// failureBy returns the reason of a failed fetch, which is for anyone, whether the
// document was there but is not valid, and whose fault it is.
func failureBy(err error) (reason string, isInvalid bool, kind storage.FailureKind) {
	var fetching *fetch.Error
	var bad *oauth.Error
	switch {
	case errors.Is(err, fetch.ErrBusy) && errors.As(err, &fetching):
		return fetching.Reason, false, storage.FailureBusy
	case errors.As(err, &fetching) && fetching.Away:
		return fetching.Reason, false, storage.FailureAway
	case errors.As(err, &fetching) && fetching.Never:
		return fetching.Reason, false, storage.FailureNever
	case errors.As(err, &fetching):
		return fetching.Reason, false, ""
	case errors.As(err, &bad):
		return bad.Description, true, ""
	}
	return "it could not be fetched", false, ""
}

// isTransient reports whether a document may be there in a moment.
func isTransient(err error) bool {
	e := new(storage.DocumentError)
	return errors.As(err, &e) && !e.Invalid && e.Kind != storage.FailureNever
}

// isAway reports whether a document's site could not be reached or is out of order.
func isAway(err error) bool {
	e := new(storage.DocumentError)
	return errors.As(err, &e) && e.Kind == storage.FailureAway
}

// siteOf is whose a URL is.
func siteOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return fetch.Site(u.Hostname())
}
