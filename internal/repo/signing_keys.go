package repo

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var _ storage.SigningKeyStore = (*Repo)(nil)

func signingKeyPlace(id string) sealed.Place {
	return sealed.Place{Table: "mcpkeep_signing_keys", Column: "private_key", Row: id}
}

// SigningKeys implements storage.SigningKeyStore.
func (r *Repo) SigningKeys(ctx context.Context) ([]storage.SigningKey, error) {
	var keys []storage.SigningKey
	err := r.db.Read(ctx, "read the signing keys", func(ctx context.Context, q db.Querier) error {
		rows, err := q.ListSigningKeys(ctx)
		keys = make([]storage.SigningKey, 0, len(rows))
		for _, row := range rows {
			key := storage.SigningKey{ID: row.ID, Number: row.Number, CreatedAt: at(row.CreatedAt), SignsAt: at(row.SignsAt)}
			key.Private, key.Broken = r.db.Open(signingKeyPlace(row.ID), keyring.Sealed{KeyID: row.PrivateKeyKeyID, Token: row.PrivateKey})
			keys = append(keys, key)
		}
		return err
	})
	return keys, err
}

// AddSigningKey implements storage.SigningKeyStore: the constraint on the number decides.
func (r *Repo) AddSigningKey(ctx context.Context, key storage.SigningKey) error {
	v, err := r.db.Seal(signingKeyPlace(key.ID), key.Private)
	if err != nil {
		return err
	}
	return r.db.Write(ctx, "add a signing key", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		return q.AddSigningKey(ctx, sqlitedb.AddSigningKeyParams{
			ID: key.ID, Number: key.Number, PrivateKey: v.Token, PrivateKeyKeyID: v.KeyID,
			CreatedAt: unix(key.CreatedAt), SignsAt: unix(key.SignsAt),
		})
	})
}

// DropSigningKeys implements storage.SigningKeyStore.
func (r *Repo) DropSigningKeys(ctx context.Context, through int64) error {
	return r.db.Write(ctx, "delete signing keys", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		return q.DropSigningKeys(ctx, through)
	})
}
