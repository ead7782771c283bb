package storage

import (
	"context"
	"time"
)

// DocumentStore keeps documents fetched from clients' sites, all of them public: client ID
// metadata documents (draft-ietf-oauth-client-id-metadata-document) and key sets (RFC
// 7517). All replicas share it, and one of them fetches.
type DocumentStore interface {
	// Document returns the stored state of a URL that is fetched for a client. ErrNotFound
	// when there is none.
	Document(ctx context.Context, clientID, url string) (Document, error)
	// ClaimDocument gives its caller the right to fetch until the lease ends or
	// SaveDocument or FailDocument is called. Of any number of calls, one gets it.
	// ErrExists when another caller has it, when the document was fetched since Seen, or
	// when it must not be retried yet: read the stored state again. A fetch without a valid
	// document to fall back on also counts against the limit, across all replicas:
	// ErrThrottled when it is reached.
	ClaimDocument(ctx context.Context, c DocumentClaim, now time.Time) error
	// SaveDocument stores what the holder of a lease has fetched. ErrNotFound when the
	// lease was lost or the client was deleted; then nothing changes.
	SaveDocument(ctx context.Context, f FetchedDocument, now time.Time) error
	// FailDocument records that the holder of a lease could not fetch. The newest
	// valid document stays. ErrNotFound as in SaveDocument.
	FailDocument(ctx context.Context, f FailedDocument) error
	// DocumentProbe returns whether documents can be fetched at all, as the last probe
	// found.
	DocumentProbe(ctx context.Context) (DocumentProbe, error)
	// ClaimDocumentProbe gives its caller the right to probe, until the lease ends or
	// SaveDocumentProbe is called, if the last probe is not newer than before. Of any number
	// of calls, one gets it; the others get ErrExists.
	ClaimDocumentProbe(ctx context.Context, lease string, until, before, now time.Time) error
	// SaveDocumentProbe stores what the holder of a lease has found. ErrNotFound when
	// the lease was lost; then nothing changes.
	SaveDocumentProbe(ctx context.Context, lease string, p DocumentProbe) error
	// ListDocumentClients returns up to limit clients with a metadata document, ordered by
	// ID, starting after the given one, with their names and grants.
	ListDocumentClients(ctx context.Context, after string, limit int, now time.Time) ([]DocumentClient, error)
}

// Document is the stored state of a URL.
type Document struct {
	ClientID string
	URL      string
	Body     string // the newest valid document; "" if there has never been one
	ETag     string // of Body; "" for none
	// FetchedAt is when Body was fetched or confirmed by its site; it needs no
	// revalidation before FreshUntil.
	FetchedAt  time.Time
	FreshUntil time.Time
	// Failure is why the last fetch failed, "" if it did not; it is not retried before
	// RetryAt. Invalid: the site returned a document that is not valid.
	Failure    string
	Invalid    bool
	Kind       FailureKind
	RetryAt    time.Time
	LeaseUntil time.Time // a fetch is in progress, until then at most; zero if none is
	// ApprovedRedirectURI is the one that a user approved while there was no document to
	// read, "" for none.
	ApprovedRedirectURI string
	// ClaimedName is what the client calls itself as long as there is no document to read,
	// "" if it is not known.
	ClaimedName string
}

// DocumentProbe is whether documents of known vendors can be fetched from here.
type DocumentProbe struct {
	Reachable bool
	At        time.Time // zero when there was no probe yet
}

// DocumentClaim is a request to fetch a URL for a client.
type DocumentClaim struct {
	ClientID string
	URL      string
	Site     string    // site of the URL, for the limit
	Lease    string    // random value that proves the claim
	Until    time.Time // when the lease expires
	Seen     time.Time // Document.FetchedAt as the caller knows it; zero for none
	Limit    FetchLimit
}

// FetchLimit bounds the fetches without a stored document.
type FetchLimit struct {
	Since   time.Time // those after this time count
	PerSite int64
	All     int64
}

// FetchedDocument is a valid document.
type FetchedDocument struct {
	ClientID   string
	URL        string
	Lease      string
	Name       string // of the client; "" for a key set
	Body       string
	ETag       string
	FreshUntil time.Time
}

// FailedDocument is a fetch without a valid document.
type FailedDocument struct {
	ClientID string
	URL      string
	Lease    string
	Name     string // of the client, if known
	Failure  string
	Invalid  bool // see Document
	Kind     FailureKind
	RetryAt  time.Time
}

// DocumentClient is a client in a listing of those that have a metadata document.
type DocumentClient struct {
	ID          string
	Name        string
	ClaimedName string    // see Document
	FetchedAt   time.Time // zero when its document was never fetched
	Grants      int64     // live ones
}
