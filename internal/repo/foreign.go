package repo

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Foreign is how a FastMCP server keeps rows.
type Foreign struct {
	// Tables are those with its rows besides oauth_clients.
	Tables []*db.ForeignTable
	// Named: its rows are in Tables alone, and what is in oauth_clients is ours.
	Named bool
	// Keys open its rows in addition to the encryption keys, and seal what it has to read; nil
	// if it uses the same keys.
	Keys *keyring.Keyring
	// Plain: it does not encrypt, so that its sessions count without.
	Plain bool
	// Over: it reads no row any more. Keys still open rows, and seal none.
	Over bool
}

// Opening returns the keys that open its rows, of which some are the encryption keys.
func (f Foreign) Opening(encryption *keyring.Keyring) *keyring.Keyring {
	if f.Keys == nil {
		return encryption
	}
	return encryption.With(f.Keys)
}

// Sealing returns the keys that seal rows in its own tables.
func (f Foreign) Sealing(encryption *keyring.Keyring) *keyring.Keyring {
	if f.Keys == nil || f.Over {
		return encryption
	}
	return f.Keys
}

// Reads reports whether it reads oauth_clients.
func (f Foreign) Reads() bool { return !f.Named && !f.Over }

// SealingClients returns the keys that seal rows of oauth_clients.
func (f Foreign) SealingClients(encryption *keyring.Keyring) *keyring.Keyring {
	if !f.Reads() {
		return encryption
	}
	return f.Sealing(encryption)
}

// inClear reports whether it can read a client in oauth_clients only without encryption.
func (f Foreign) inClear() bool { return f.Reads() && f.Plain && f.Keys == nil }

// foreign is a Foreign with the keys that open its rows.
type foreign struct {
	Foreign
	opening *keyring.Keyring
}

// ShareTables makes the rows of a FastMCP server known that are in other tables than
// oauth_clients, or under other keys. It may be called while the store is in use.
func (r *Repo) ShareTables(f Foreign) {
	opening := f.Opening(r.keys)
	r.foreign.Store(&foreign{f, opening})
	r.db.AlsoOpen(opening)
}

// theirs is what ShareTables was called with.
func (r *Repo) theirs() Foreign {
	if f := r.foreign.Load(); f != nil {
		return f.Foreign
	}
	return Foreign{}
}

// opening are the keys that open rows of FastMCP, and ours.
func (r *Repo) opening() *keyring.Keyring {
	if f := r.foreign.Load(); f != nil {
		return f.opening
	}
	return r.keys
}

// openShared opens a value that the FastMCP server, or this program, has written. sealed is
// false for one that anyone could have written who can write to the table.
func (r *Repo) openShared(value json.RawMessage) (plaintext []byte, sealed bool, err error) {
	plaintext, keyID, err := fastmcp.OpenWithKey(r.opening(), value)
	return plaintext, keyID != "", err
}

// sealShared seals a value for the FastMCP server.
func (r *Repo) sealShared(plaintext []byte) (json.RawMessage, error) {
	return fastmcp.Seal(r.theirs().Sealing(r.keys), plaintext)
}

// sealRow seals a value for a row of oauth_clients, which FastMCP may have to read, and says
// which encryption key the row needs: nil for one of FastMCP's own, which is not on record.
func (r *Repo) sealRow(plaintext []byte) (value json.RawMessage, keyID *string, err error) {
	keys := r.theirs().SealingClients(r.keys)
	if keys == r.keys {
		primary := keys.Primary()
		keyID = &primary
	}
	value, err = fastmcp.Seal(keys, plaintext)
	return value, keyID, err
}

// sealedLike is sealShared for a value in the place of another one, which decides whether it
// is sealed.
func (r *Repo) sealedLike(was json.RawMessage, plaintext []byte) (json.RawMessage, error) {
	if _, sealed, err := r.openShared(was); err == nil && !sealed {
		return plaintext, nil
	}
	return r.sealShared(plaintext)
}

// shareClient writes a client that registered here into FastMCP's tables, without what only
// this program knows of it.
func (r *Repo) shareClient(ctx context.Context, q db.Querier, c storage.Client, now time.Time) error {
	f := r.theirs()
	if len(f.Tables) == 0 {
		return nil
	}
	value, err := r.encodeClient(c, nil)
	if err == nil && (f.Keys != nil || !f.Plain) {
		value, err = r.sealShared(value)
	}
	for _, t := range f.Tables {
		if err == nil {
			err = t.Put(ctx, q, fastmcp.ClientCollection, c.ID, string(value), now)
		}
	}
	return err
}

// unshareClients deletes clients from FastMCP's tables, and says how many rows they had.
func (r *Repo) unshareClients(ctx context.Context, q db.Querier, ids ...string) (rows int64, err error) {
	for _, t := range r.theirs().Tables {
		n, err := t.Delete(ctx, q, fastmcp.ClientCollection, ids...)
		if err != nil {
			return rows, err
		}
		rows += n
	}
	return rows, nil
}

// importClient copies a client of FastMCP's tables into oauth_clients, where all steps look
// for it. ErrNotFound if there is none.
func (r *Repo) importClient(ctx context.Context, id string) error {
	err := r.db.Read(ctx, "read a client of FastMCP", func(ctx context.Context, q db.Querier) error {
		_, err := r.foreignClientRow(ctx, q, id)
		return err
	})
	if err != nil {
		return err
	}
	err = r.db.Write(ctx, "copy a client of FastMCP", func(ctx context.Context, q db.Querier) error {
		// The count first, as everywhere: see reclaim. Who deletes the client locks it as well.
		// The ceiling does not keep it out.
		if _, err := q.LockClientCount(ctx); err != nil {
			return err
		}
		if err := q.AddToClientCount(ctx, 1); err != nil {
			return err
		}
		row, err := r.foreignClientRow(ctx, q, id)
		if err != nil {
			return err
		}
		copied, err := r.copyOf(row)
		if err != nil {
			return err
		}
		return q.CreateClient(ctx, copied)
	})
	if errors.Is(err, storage.ErrExists) {
		return nil // another request was faster
	}
	return err
}

// foreignClientRow returns the row of a client in FastMCP's tables.
func (r *Repo) foreignClientRow(ctx context.Context, q db.Querier, id string) (fastmcp.Row, error) {
	return r.foreignTables(q).get(ctx, fastmcp.ClientCollection, id, r.db.Now())
}

// copyOf is a row of FastMCP for oauth_clients, sealed if it was sealed.
func (r *Repo) copyOf(row fastmcp.Row) (sqlitedb.CreateClientParams, error) {
	copied := sqlitedb.CreateClientParams{Key: fastmcp.RowKey(row.Collection, row.Key), Value: row.Value}
	if !row.CreatedAt.IsZero() {
		copied.CreatedAt, copied.UpdatedAt = &row.CreatedAt, &row.CreatedAt
	}
	plaintext, sealed, err := r.openShared(row.Value)
	if err != nil {
		return copied, unreadableRow(row.Collection, row.Key)
	}
	if sealed {
		copied.Value, copied.ValueKeyID, err = r.sealRow(plaintext)
	}
	return copied, err
}
