package clientdoc

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// How long a document is fresh (CIMD-08), whatever its site says.
const (
	freshAtLeast = 5 * time.Minute
	freshAtMost  = 24 * time.Hour
	freshUndated = time.Hour // when its site says nothing
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
	answer, err := d.Fetcher.Get(asking, w.url, known.ETag)
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
	// Without the lease somebody else has a newer one; without the database the next
	// one fetches again. This one is valid either way.
	if err := d.Store.SaveDocument(record, got, now); err != nil && !errors.Is(err, storage.ErrNotFound) {
		d.log(ctx).Error("client document not saved", "url", w.url, "error", err)
	}
	return storage.Document{
		ClientID: w.clientID, URL: w.url, Body: body, ETag: got.ETag, FetchedAt: now, FreshUntil: got.FreshUntil,
	}, nil
}

// log is the log with the reference of the request that a document is wanted for,
// which is on the page that the person sees.
func (d *Documents) log(ctx context.Context) *slog.Logger {
	return d.Logger.With("reference", storage.ActorOf(ctx).Reference)
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
	f := failureBy(why)
	d.logFailure(ctx, w, known, why)
	vendor, _ := oauth.VendorDocument(w.clientID)
	err := d.Store.FailDocument(ctx, storage.FailedDocument{
		ClientID: w.clientID, URL: w.url, Lease: lease, Name: vendor.ClientName, Failure: string(f),
		RetryAt: d.Now().Add(w.retryAfter(known, f, d.Now(), why)),
	})
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		d.log(ctx).Error("client document's failure not saved", "url", w.url, "error", err)
	}
	known.Failure = string(f)
	return known, w.failureOf(known)
}

func (d *Documents) logFailure(ctx context.Context, w wanted, known storage.Document, why error) {
	d.log(ctx).Warn("client document not fetched", "event", "client_document_failed",
		"client_id", w.clientID, "url", w.url, "error", why.Error(), "stand_in", known.Body != "")
}

func (w wanted) retryAfter(known storage.Document, f failure, now time.Time, why error) time.Duration {
	switch {
	case errors.Is(why, fetch.ErrBusy):
		return retryBusy
	case known.Body != "":
		return min(max(now.Sub(known.FreshUntil)/retryKnownPart, retryKnownFirst), retryKnownLast)
	case f.invalid():
		return retryInvalid
	case w.hasCopy():
		return retryCopy
	}
	return retryUnknown
}

// hasCopy says whether a copy of the document ships with the program.
func (w wanted) hasCopy() bool {
	_, ok := oauth.VendorDocument(w.url)
	return ok
}

// failure is a reason as it is kept on record. It is for anybody.
type failure string

// invalidMark is in front of the reasons of documents that are there and not valid.
const invalidMark = "invalid: "

func failureBy(err error) failure {
	var fetching *fetch.Error
	var invalid *oauth.Error
	switch {
	case errors.As(err, &fetching):
		return failure(fetching.Reason)
	case errors.As(err, &invalid):
		return failure(invalidMark + invalid.Description)
	}
	return "it cannot be had"
}

func (f failure) invalid() bool { return strings.HasPrefix(string(f), invalidMark) }

func (f failure) error(of string) error {
	return &storage.DocumentError{URL: of, Reason: strings.TrimPrefix(string(f), invalidMark), Invalid: f.invalid()}
}

// isTransient says whether a document may be there in a moment.
func isTransient(err error) bool {
	e := new(storage.DocumentError)
	return errors.As(err, &e) && !e.Invalid
}

// siteOf is whose a URL is.
func siteOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return fetch.Site(u.Hostname())
}
