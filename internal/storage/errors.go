package storage

import (
	"errors"
	"fmt"
	"time"
)

// The sentinels of the store. Whatever a method returns matches exactly one of
// them with errors.Is, or is a defect.
var (
	// ErrNotFound: there is no such thing, or it expired, or it is somebody else's.
	ErrNotFound = errors.New("not found")
	// ErrExists: a thing of that name is there already.
	ErrExists = errors.New("exists already")
	// ErrSpent: the thing was there and has been used up. Spent is not unknown.
	ErrSpent = errors.New("spent already")
	// ErrChanged: the thing is not what the caller read any more. Read it again.
	ErrChanged = errors.New("changed meanwhile")
	// ErrFull: there is no room for one more.
	ErrFull = errors.New("as many as there may be")
	// ErrUnavailable: the database cannot be reached or cannot write now, or this
	// process lacks a key that another replica has. Nothing is acknowledged; try again.
	ErrUnavailable = errors.New("storage unavailable")
	// ErrUnreadable: a sealed value does not open. See UnreadableError.
	ErrUnreadable = errors.New("sealed value does not open")
	// ErrDisabled: an operator has disabled the person.
	ErrDisabled = errors.New("the account is disabled")
	// ErrDocument: the client's metadata document or key set cannot be had or used.
	// See DocumentError.
	ErrDocument = errors.New("client document cannot be used")
	// ErrThrottled: too many tries. See ThrottledError.
	ErrThrottled = errors.New("too many attempts")
)

// UnreadableError says which sealed value does not open. It holds no secret.
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

// DocumentError says why a client's metadata document or key set cannot be used.
type DocumentError struct {
	URL     string
	Reason  string // for anybody, as the second half of a sentence
	Invalid bool   // it was got and is not valid; otherwise it may be there in a moment
}

func (e *DocumentError) Error() string {
	return fmt.Sprintf("%v: %q: %s", ErrDocument, e.URL, e.Reason)
}

// Unwrap makes errors.Is(err, ErrDocument) true.
func (e *DocumentError) Unwrap() error { return ErrDocument }

// ThrottledError says when the next try is taken.
type ThrottledError struct{ RetryAt time.Time }

func (e *ThrottledError) Error() string { return ErrThrottled.Error() }

// Unwrap makes errors.Is(err, ErrThrottled) true.
func (e *ThrottledError) Unwrap() error { return ErrThrottled }
