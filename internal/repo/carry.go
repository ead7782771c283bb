package repo

import (
	"context"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// carriedClient is a registration that a page carries.
type carriedClient struct {
	Client storage.Client `json:"client"`
	Until  int64          `json:"until"` // Unix seconds
}

func registrationPlace(id string) sealed.Place {
	return sealed.Place{Table: "page", Column: "registration", Row: id}
}

func signInPlace(state storage.Hash) sealed.Place {
	return sealed.Place{Table: "cookie", Column: "sign-in", Row: string(state)}
}

// carry encrypts a value for a browser to carry: the key's ID, a dot and the value.
func (r *Repo) carry(p sealed.Place, v any) (string, error) {
	value, err := r.db.SealJSON(p, v)
	return value.KeyID + "." + value.Token, err
}

// carried decrypts such a value. Any failure is ErrNotFound, because the value comes from
// the browser.
func (r *Repo) carried(p sealed.Place, text string, v any) error {
	keyID, token, _ := strings.Cut(text, ".")
	if r.db.OpenJSON(p, keyring.Sealed{KeyID: keyID, Token: token}, v) != nil {
		return storage.ErrNotFound
	}
	return nil
}

// CarryClient implements storage.ClientStore.
func (r *Repo) CarryClient(c storage.Client, until time.Time) (string, error) {
	return r.carry(registrationPlace(c.ID), carriedClient{c, unix(until)})
}

// CarriedClient implements storage.ClientStore.
func (r *Repo) CarriedClient(ctx context.Context, id, carried string, now time.Time) (storage.Client, error) {
	var c carriedClient
	if err := r.carried(registrationPlace(id), carried, &c); err != nil {
		return storage.Client{}, err
	}
	if c.Until <= unix(now) {
		return storage.Client{}, storage.ErrNotFound
	}
	err := r.db.Read(ctx, "look for a deletion", func(ctx context.Context, q db.Querier) error {
		return wasDeleted(ctx, q, id)
	})
	if err != nil {
		return storage.Client{}, err
	}
	return c.Client, nil
}

// wasDeleted returns ErrNotFound for a client that was deleted rather than evicted.
func wasDeleted(ctx context.Context, q db.Querier, id string) error {
	n, err := q.CountEventsOfClient(ctx, sqlitedb.CountEventsOfClientParams{ClientID: id, Type: string(storage.EventClientDeleted)})
	if err == nil && n > 0 {
		err = storage.ErrNotFound
	}
	return err
}

// RestoreClient implements storage.ClientStore. It locks the count, as a deletion does.
func (r *Repo) RestoreClient(ctx context.Context, c storage.Client, now time.Time) error {
	row, err := r.registrationOf(c)
	if err != nil {
		return err
	}
	return r.db.Write(ctx, "restore a client", func(ctx context.Context, q db.Querier) error {
		if _, err := q.LockClientCount(ctx); err != nil {
			return err
		}
		if err := wasDeleted(ctx, q, c.ID); err != nil {
			return err
		}
		n, err := q.ReadoptClient(ctx, sqlitedb.ReadoptClientParams{
			Key: fastmcp.ClientKey(c.ID), Value: row.Value, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
			ValueKeyID: row.ValueKeyID, UnusedSince: unix(now),
		})
		if err != nil || n == 0 {
			return err
		}
		if err := r.shareClient(ctx, q, c, now); err != nil {
			return err
		}
		if err := q.AddToClientCount(ctx, 1); err != nil {
			return err
		}
		return sealed.Record(ctx, q, storage.Event{Type: storage.EventClientRegistered, ClientID: c.ID, Detail: "restored at sign-in"}, now)
	})
}

// CarryAuthorization implements storage.SignInStore.
func (r *Repo) CarryAuthorization(a storage.Authorization) (string, error) {
	return r.carry(signInPlace(a.StateHash), a)
}

// CarriedAuthorization implements storage.SignInStore.
func (r *Repo) CarriedAuthorization(state storage.Hash, carried string, now time.Time) (storage.Authorization, error) {
	var a storage.Authorization
	if err := r.carried(signInPlace(state), carried, &a); err != nil {
		return storage.Authorization{}, err
	}
	if a.StateHash != state || !now.Before(a.ExpiresAt) {
		return storage.Authorization{}, storage.ErrNotFound
	}
	return a, nil
}
