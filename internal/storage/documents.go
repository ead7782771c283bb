package storage

import (
	"context"
	"time"
)

// DocumentStore keeps what was fetched from clients' sites, all of it public:
// client ID metadata documents (draft-ietf-oauth-client-id-metadata-document) and
// key sets (RFC 7517). All replicas share it, and of all of them one fetches.
type DocumentStore interface {
	// Document returns what is known of a URL that is fetched for a client.
	// ErrNotFound when nothing is.
	Document(ctx context.Context, clientID, url string) (Document, error)
	// ClaimDocument gives its caller the right to fetch, until the lease ends or
	// SaveDocument or FailDocument is called: of any number of calls one gets it.
	// ErrExists when another one has it, when it has been fetched since Seen, or
	// when it must not be tried again yet: what is known now is to be read again.
	// A fetch that has no valid document to fall back on is also counted against
	// the limit, for all replicas together: ErrThrottled when that is used up.
	ClaimDocument(ctx context.Context, c DocumentClaim, now time.Time) error
	// SaveDocument stores what the holder of a lease has fetched. ErrNotFound when
	// the lease has passed to another or the client was deleted; nothing changes then.
	SaveDocument(ctx context.Context, f FetchedDocument, now time.Time) error
	// FailDocument records that the holder of a lease could not fetch. The newest
	// valid document stays. ErrNotFound as in SaveDocument.
	FailDocument(ctx context.Context, f FailedDocument) error
	// ListDocumentClients returns up to limit clients that are known by their
	// metadata document, ordered by id from the first id after the given one, with
	// their names and grants.
	ListDocumentClients(ctx context.Context, after string, limit int, now time.Time) ([]DocumentClient, error)
}

// Document is what is known of a URL.
type Document struct {
	ClientID string
	URL      string
	Body     string // the newest valid document; "" when there never was one
	ETag     string // of Body; "" for none
	// FetchedAt is when Body was got, or confirmed by its site; FreshUntil is how
	// long it is good without asking again.
	FetchedAt  time.Time
	FreshUntil time.Time
	// Failure is why the last fetch failed, "" when it did not; it is not tried
	// again before RetryAt.
	Failure    string
	RetryAt    time.Time
	LeaseUntil time.Time // somebody fetches it, until then at most; zero when nobody does
}

// DocumentClaim is the wish to fetch a URL for a client.
type DocumentClaim struct {
	ClientID string
	URL      string
	Site     string    // whose URL it is, for the limit
	Lease    string    // a random value that proves the right
	Until    time.Time // when the lease ends by itself
	Seen     time.Time // Document.FetchedAt as the caller knows it; zero for none
	Limit    FetchLimit
}

// FetchLimit bounds the fetches that have nothing to fall back on.
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
	Name     string // of the client, if it is known nevertheless
	Failure  string
	RetryAt  time.Time
}

// DocumentClient is a client in a listing of those that have a metadata document.
type DocumentClient struct {
	ID        string
	Name      string
	FetchedAt time.Time // zero when its document was never got
	Grants    int64     // live ones
}
