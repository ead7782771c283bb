package repo

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func personalPlace(grantID string) sealed.Place {
	return sealed.Place{Table: "mcpkeep_personal_tokens", Column: "name", Row: grantID}
}

// CreatePersonalToken implements storage.PersonalTokenStore. Who holds the user's lock alone
// creates, counts and ends the user's grants.
func (r *Repo) CreatePersonalToken(ctx context.Context, t storage.NewPersonalToken, now time.Time) error {
	name, err := r.db.Seal(personalPlace(t.GrantID), []byte(t.Name))
	if err != nil {
		return err
	}
	return r.db.Write(ctx, "create a personal token", func(ctx context.Context, q db.Querier) error {
		if err := r.mayCreatePersonal(ctx, q, t, unix(now)); err != nil {
			return err
		}
		err := q.CreatePersonalGrant(ctx, sqlitedb.CreatePersonalGrantParams{
			ID: t.GrantID, UserID: t.UserID, ClientID: storage.PersonalClientID, Scope: t.Scope,
			Resource: strings.Join(t.Resources, " "), Now: unix(now), ReviewAt: unix(t.ExpiresAt),
		})
		if err != nil {
			return err
		}
		err = q.CreatePersonalToken(ctx, sqlitedb.CreatePersonalTokenParams{
			GrantID: t.GrantID, Name: name.Token, NameKeyID: name.KeyID, ExpiresAt: unix(t.ExpiresAt),
		})
		if err != nil {
			return err
		}
		if err := storePersonal(ctx, q, t, unix(now)); err != nil {
			return err
		}
		return sealed.Record(ctx, q, storage.Event{
			Type: storage.EventPersonalTokenMade, UserID: t.UserID, ClientID: storage.PersonalClientID, GrantID: t.GrantID,
			Detail: t.Scope + ", until " + t.ExpiresAt.UTC().Format(time.DateOnly),
		}, now)
	})
}

// mayCreatePersonal locks the user and says why there is no token for them.
func (r *Repo) mayCreatePersonal(ctx context.Context, q db.Querier, t storage.NewPersonalToken, now int64) error {
	if err := affected(q.LockUser(ctx, t.UserID)); err != nil {
		return err
	}
	user, err := q.GetUser(ctx, t.UserID)
	if err != nil {
		return err
	}
	if user.DisabledAt != nil {
		return storage.ErrDisabled
	}
	n, err := q.CountPersonalTokensOfUser(ctx, sqlitedb.CountPersonalTokensOfUserParams{UserID: t.UserID, Now: now})
	if err != nil {
		return err
	}
	if n >= storage.MaxPersonalTokens {
		return storage.ErrFull
	}
	if !t.NeedsProvider {
		return nil
	}
	if _, err = q.GetProviderGrantOfUser(ctx, t.UserID); r.db.Classify(err) == db.NoRows {
		return storage.ErrUnconfirmed
	}
	return err
}

// storePersonal stores the token, and the refresh token by which its grant lives: what is
// hashed there is known to no one.
func storePersonal(ctx context.Context, q db.Querier, t storage.NewPersonalToken, now int64) error {
	err := q.CreateRefreshToken(ctx, sqlitedb.CreateRefreshTokenParams{
		TokenHash: string(storage.HashOf(rand.Text() + rand.Text())), GrantID: t.GrantID, CreatedAt: now, ExpiresAt: unix(t.ExpiresAt),
	})
	if err != nil {
		return err
	}
	return q.CreateAccessToken(ctx, sqlitedb.CreateAccessTokenParams{
		TokenHash: string(t.Token), GrantID: t.GrantID, Scope: t.Scope, CreatedAt: now, ExpiresAt: unix(t.ExpiresAt),
	})
}

// namePersonal fills in what a personal token is, for a listing.
func (r *Repo) namePersonal(ctx context.Context, q db.Querier, g *storage.Grant) error {
	row, err := q.GetPersonalToken(ctx, g.ID)
	if r.db.Classify(err) == db.NoRows {
		return nil
	}
	if err != nil {
		return err
	}
	name, err := r.db.Open(personalPlace(g.ID), keyring.Sealed{KeyID: row.NameKeyID, Token: row.Name})
	g.ClientName = string(name)
	g.Personal = storage.PersonalToken{Name: string(name), ExpiresAt: at(row.ExpiresAt), Broken: err}
	return nil
}

// holdToken keeps the provider's token of a user who has no grant with one: by a grant of
// nothing, which counts for pendingGrantLife like one whose code is not redeemed yet.
func (r *Repo) holdToken(ctx context.Context, q db.Querier, userID string, token []byte, now int64) error {
	id := storage.NewOrderedID(storage.GrantIDPrefix, at(now))
	value, keyID, err := r.db.SealOptional(providerTokenPlace(id), token)
	if err != nil {
		return err
	}
	return q.CreateGrant(ctx, sqlitedb.CreateGrantParams{
		ID: id, UserID: userID, ClientID: storage.PersonalClientID, ProviderToken: value, ProviderTokenKeyID: keyID,
		ProviderCheckedAt: now, CreatedAt: now, LastUsedAt: now, ReviewAt: now + int64(pendingGrantLife.Seconds()),
	})
}
