package storage

import (
	"errors"
	"fmt"
	"time"
)

// Sentinel errors of the store. Every error that a method returns matches exactly one of
// them with errors.Is; anything else is a bug.
var (
	// ErrNotFound: the item does not exist, has expired or belongs to someone else.
	ErrNotFound = errors.New("not found")
	// ErrExists: an item with that name already exists.
	ErrExists = errors.New("already exists")
	// ErrSpent: the item existed and has been used. Spent is not unknown.
	ErrSpent = errors.New("already used")
	// ErrOtherResource: the item was granted for another protected resource.
	ErrOtherResource = errors.New("granted for another resource")
	// ErrChanged: the item has changed since the caller read it. Read it again.
	ErrChanged = errors.New("changed concurrently")
	// ErrFull: there is no room for one more.
	ErrFull = errors.New("limit reached")
	// ErrUnavailable: the database cannot be reached or cannot write now, or this
	// process lacks a key that another replica has. Nothing is acknowledged; try again.
	ErrUnavailable = errors.New("storage unavailable")
	// ErrBusy: too much other work is in progress, although the database responds. Nothing
	// is acknowledged; try again.
	ErrBusy = errors.New("too busy")
	// ErrUnreadable: an encrypted value cannot be decrypted. See UnreadableError.
	ErrUnreadable = errors.New("encrypted value could not be decrypted")
	// ErrNoClient: the client that a user approves is gone.
	ErrNoClient = errors.New("the client is gone")
	// ErrDisabled: an operator has disabled the person.
	ErrDisabled = errors.New("the account is disabled")
	// ErrUnconfirmed: no sign-in provider's token stands for the user, so that the provider
	// cannot be asked about them.
	ErrUnconfirmed = errors.New("the user has to sign in again")
	// ErrDocument: the client's metadata document or key set cannot be fetched or used.
	// See DocumentError.
	ErrDocument = errors.New("client document is not usable")
	// ErrThrottled: too many attempts. See ThrottledError.
	ErrThrottled = errors.New("too many attempts")
)

// Sentinels returns all sentinels.
func Sentinels() []error {
	return []error{
		ErrNotFound, ErrExists, ErrSpent, ErrOtherResource, ErrChanged, ErrFull, ErrUnavailable, ErrBusy, ErrUnreadable, ErrNoClient, ErrDisabled,
		ErrUnconfirmed, ErrDocument, ErrThrottled,
	}
}

// UnavailableError is an ErrUnavailable whose reason may be shown to anyone.
type UnavailableError struct {
	Reason string
	Cause  error // names hosts and users
}

func (e *UnavailableError) Error() string { return e.Reason + ": " + e.Cause.Error() }

// Is makes errors.Is(err, ErrUnavailable) true.
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Cause }

// UnreadableError names the encrypted value that cannot be decrypted. It contains no secret.
type UnreadableError struct {
	Table string // the table
	Row   string // the row's primary key
	KeyID string // id of the key that sealed it, when it is known
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("%s row %q (key id %q): %v", e.Table, e.Row, e.KeyID, ErrUnreadable)
}

// Unwrap makes errors.Is(err, ErrUnreadable) true.
func (e *UnreadableError) Unwrap() error { return ErrUnreadable }

// FailureKind says whose fault it is that a document could not be fetched.
type FailureKind string

// The kinds of failures. Any other one is the site's answer, or an address from which
// nothing is fetched.
const (
	FailureAway  FailureKind = "away"  // the site cannot be reached, or is out of order
	FailureBusy  FailureKind = "busy"  // this server fetches too much already
	FailureNever FailureKind = "never" // the URL is not one that this server fetches from
)

// DocumentError says why a client's metadata document or key set cannot be used.
type DocumentError struct {
	URL     string
	Reason  string // for anyone, as the second half of a sentence
	Invalid bool   // it was fetched and is invalid; otherwise it may become available, unless Kind is FailureNever
	Kind    FailureKind
}

func (e *DocumentError) Error() string {
	return fmt.Sprintf("%v: %q: %s", ErrDocument, e.URL, e.Reason)
}

// Unwrap makes errors.Is(err, ErrDocument) true.
func (e *DocumentError) Unwrap() error { return ErrDocument }

// ThrottledError says when the next attempt is accepted.
type ThrottledError struct{ RetryAt time.Time }

func (e *ThrottledError) Error() string { return ErrThrottled.Error() }

// Unwrap makes errors.Is(err, ErrThrottled) true.
func (e *ThrottledError) Unwrap() error { return ErrThrottled }
