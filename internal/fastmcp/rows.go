package fastmcp

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// ErrNoRow means that a store has no such row.
var ErrNoRow = errors.New("no such row of FastMCP")

// Row is a row of a collection of FastMCP, as its store keeps it.
type Row struct {
	Collection string // without the prefix that a store may put before it
	Key        string
	Value      json.RawMessage // an envelope, or what it holds if the store is not encrypted
	CreatedAt  time.Time       // zero for a store that does not say
	ExpiresAt  time.Time       // the store's own; zero for a row that does not expire
}

// Expired reports whether the store considers a row gone at a time. Not every store knows.
func (r Row) Expired(now time.Time) bool { return !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt) }

// Rows is what can be read from a store of FastMCP's collections. Rows that have expired
// are returned as well: see Row.Expired.
type Rows interface {
	// Get returns a row. The error is ErrNoRow if there is none.
	Get(ctx context.Context, collection, key string) (Row, error)
	// List returns a page of the rows of all collections, perhaps with those of other programs,
	// and the place to continue at: "" for the first page, and after the last one.
	List(ctx context.Context, after string, limit int) (rows []Row, next string, err error)
}

// Table is a store in the database, in the transaction that it was made for.
type Table interface {
	Rows
	// Lock keeps other transactions from changing a row. The error is ErrNoRow if there is
	// none.
	Lock(ctx context.Context, collection, key string) error
	// Put adds a row, or replaces the one with its collection and key. Of that one, the time
	// of creation stays.
	Put(ctx context.Context, row Row, now time.Time) error
	// Replace replaces the value of a row. Its expiry stays. The error is ErrNoRow if there
	// is none.
	Replace(ctx context.Context, collection, key string, value json.RawMessage, now time.Time) error
	// Delete deletes a row, if there is one.
	Delete(ctx context.Context, collection, key string) error
}
