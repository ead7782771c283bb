package repo

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Repo is the encrypted store.
type Repo struct {
	db   *sealed.DB
	keys *keyring.Keyring

	// Rows that anyone can cause to be stored, and how many of them were evicted since the
	// last vacuum.
	registrations, signIns, assertions intake
	evicted                            atomic.Int64

	leftOut leftOut // events

	sharedScope string                  // see ShareScope
	foreign     atomic.Pointer[foreign] // see ShareTables

	observe func(rows int64, held time.Duration) // see ObservePages
}

var _ storage.Store = (*Repo)(nil)

// New returns a store on a migrated database. Call CheckKeys before use.
func New(d *db.DB, keys *keyring.Keyring) *Repo { return &Repo{db: sealed.New(d, keys), keys: keys} }

// ShareScope adds scopes, separated by spaces, to the rows of clients that register here:
// those of a FastMCP server that shares the rows and would otherwise refuse the clients.
// Call it before use.
func (r *Repo) ShareScope(scope string) { r.sharedScope = scope }

// Observe has o told what the database does. Call it before use.
func (r *Repo) Observe(o sealed.Observer) { r.db.Observe(o) }

// CheckKeys checks that every key on record is configured and is the right one, and records
// the primary key if it is new. The error wraps sealed.ErrKey and names only key IDs.
func (r *Repo) CheckKeys(ctx context.Context, now time.Time) error { return r.db.CheckKeys(ctx, now) }

// KeysFit is CheckKeys without recording anything.
func (r *Repo) KeysFit(ctx context.Context) error { return r.db.KeysFit(ctx) }
