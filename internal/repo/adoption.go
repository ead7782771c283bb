package repo

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ForeignSession implements storage.AdoptionStore.
func (r *Repo) ForeignSession(ctx context.Context, t storage.ForeignToken, now time.Time) (storage.ForeignSession, error) {
	var session storage.ForeignSession
	err := r.db.Read(ctx, "read a session of FastMCP", func(ctx context.Context, q db.Querier) error {
		s, err := r.sessionOf(ctx, q, t, now)
		if err != nil {
			return err
		}
		session = foreignSession(s)
		grant, err := r.adoptedGrant(ctx, q, s.ID)
		if err != nil {
			return err
		}
		if grant != nil && grant.ClosedAt == nil {
			session.GrantID = grant.ID
			session.Adopted, err = r.isAdopted(ctx, q, t)
			return err
		}
		return r.addAttempt(ctx, q, &session)
	})
	return session, err
}

// isAdopted reports whether a token is one of its grant already.
func (r *Repo) isAdopted(ctx context.Context, q db.Querier, t storage.ForeignToken) (bool, error) {
	_, err := q.GetAdoptedToken(ctx, string(t.Hash))
	if r.db.Classify(err) == db.NoRows {
		return false, nil
	}
	return err == nil, err
}

// sessionOf follows a token to its session.
func (r *Repo) sessionOf(ctx context.Context, q db.Querier, t storage.ForeignToken, now time.Time) (fastmcp.Session, error) {
	if t.Refresh {
		if err := r.refreshRow(ctx, q, t, now); err != nil {
			return fastmcp.Session{}, err
		}
	}
	m, err := r.mapping(ctx, q, t.ID, now)
	if err != nil {
		return fastmcp.Session{}, err
	}
	s, err := r.session(ctx, q, m.SessionID, now)
	if err == nil && s.ClientID != t.ClientID {
		err = storage.ErrNotFound
	}
	return s, err
}

// adoptedGrant returns the grant that was made of a session, nil for none. ErrNotFound for
// one that was revoked.
func (r *Repo) adoptedGrant(ctx context.Context, q db.Querier, sessionID string) (*sqlitedb.Grant, error) {
	grant, err := q.GetAdoptedGrant(ctx, sessionID)
	switch {
	case r.db.Classify(err) == db.NoRows:
		return nil, nil //nolint:nilnil // none is no error
	case err != nil:
		return nil, err
	case grant.RevokedAt != nil:
		return nil, storage.ErrNotFound
	}
	return &grant, nil
}

// addAttempt adds what is known of attempts to take a session over.
func (r *Repo) addAttempt(ctx context.Context, q db.Querier, s *storage.ForeignSession) error {
	row, err := q.GetAdoption(ctx, s.ID)
	if r.db.Classify(err) == db.NoRows {
		return nil
	}
	s.CheckUntil, s.RetryAt, s.RefusedAt = optionalAt(row.LeaseUntil), optionalAt(row.RetryAt), optionalAt(row.RefusedAt)
	return err
}

// AdoptToken implements storage.AdoptionStore.
func (r *Repo) AdoptToken(ctx context.Context, t storage.ForeignToken, now time.Time) error {
	return r.db.Write(ctx, "adopt a token", func(ctx context.Context, q db.Querier) error {
		s, err := r.sessionOf(ctx, q, t, now)
		if err != nil {
			return err
		}
		grant, err := r.adoptedGrant(ctx, q, s.ID)
		if err != nil {
			return err
		}
		if grant == nil || grant.ClosedAt != nil {
			return storage.ErrNotFound
		}
		if _, err := q.TouchGrant(ctx, sqlitedb.TouchGrantParams{Now: unix(now), ID: grant.ID}); err != nil {
			return err
		}
		if err := r.lockForeign(ctx, q, t, s.ID); err != nil {
			return err
		}
		return r.storeForeign(ctx, q, t, grant.ID, grant.Scope)
	})
}

// lockForeign locks the rows of a token and its session. ErrNotFound when one of them is
// gone by now.
func (r *Repo) lockForeign(ctx context.Context, q db.Querier, t storage.ForeignToken, sessionID string) error {
	rows := r.shared(q)
	if err := rows.lock(ctx, fastmcp.MappingCollection, t.ID); err != nil {
		return err
	}
	if t.Refresh && !t.Legacy { // which may have none
		if err := rows.lock(ctx, fastmcp.RefreshCollection, refreshKey(t.Hash)); err != nil {
			return err
		}
	}
	return rows.lock(ctx, fastmcp.SessionCollection, sessionID)
}

// storeForeign stores a token of FastMCP like one of ours. A session without a refresh
// token lives as long as its access tokens.
func (r *Repo) storeForeign(ctx context.Context, q db.Querier, t storage.ForeignToken, grantID, scope string) error {
	n, err := q.CreateAdoptedToken(ctx, sqlitedb.CreateAdoptedTokenParams{TokenHash: string(t.Hash), GrantID: grantID, Jti: t.ID})
	if err != nil || n == 0 {
		return err
	}
	keep := sqlitedb.KeepRefreshTokenParams{
		TokenHash: string(t.Hash), GrantID: grantID, CreatedAt: unix(t.IssuedAt), ExpiresAt: unix(t.ExpiresAt),
	}
	if !t.Refresh {
		_, err := q.CreateAccessTokenOnce(ctx, sqlitedb.CreateAccessTokenOnceParams{
			TokenHash: string(t.Hash), GrantID: grantID, Scope: scope, CreatedAt: unix(t.IssuedAt), ExpiresAt: unix(t.ExpiresAt),
		})
		if err != nil {
			return err
		}
		keep.TokenHash = holdHash(grantID)
	}
	_, err = q.KeepRefreshToken(ctx, keep)
	return err
}

// holdHash names the row among the refresh tokens that keeps an adopted grant alive while
// an access token of FastMCP is good. It is the hash of nothing: hashes have no colon.
func holdHash(grantID string) string {
	const prefix = "session:"
	hash := string(storage.HashOf(grantID))
	return prefix + hash[len(prefix):]
}

// StartAdoption implements storage.AdoptionStore.
func (r *Repo) StartAdoption(ctx context.Context, a storage.Adoption, now time.Time) (storage.AdoptionState, error) {
	var state storage.AdoptionState
	err := r.db.Write(ctx, "start an adoption", func(ctx context.Context, q db.Querier) error {
		if err := r.db.CanSeal(ctx, q); err != nil {
			return err
		}
		row, err := q.StartAdoption(ctx, sqlitedb.StartAdoptionParams{
			UpstreamTokenID: a.SessionID, Lease: a.ID, Until: unix(a.Until), Now: unix(now),
		})
		if r.db.Classify(err) == db.NoRows {
			return storage.ErrSpent
		}
		if err != nil {
			return err
		}
		state = storage.AdoptionState{BeganAt: at(row.BeganAt), Doubtful: row.Doubtful}
		// The last look: an attempt that has just succeeded took its row away.
		grant, err := r.adoptedGrant(ctx, q, a.SessionID)
		if err == nil && grant != nil && grant.ClosedAt == nil {
			return storage.ErrSpent
		}
		return err
	})
	return state, err
}

// FinishAdoption implements storage.AdoptionStore.
func (r *Repo) FinishAdoption(ctx context.Context, a storage.Adoption, x storage.AdoptionResult, now time.Time) error {
	var refusal error
	err := r.db.Write(ctx, "finish an adoption", func(ctx context.Context, q db.Querier) error {
		refusal = nil
		if x.Person == nil {
			return r.endAttempt(ctx, q, a, x, now)
		}
		err := r.makeAdopted(ctx, q, a, x, now)
		if errors.Is(err, storage.ErrDisabled) {
			refusal, x.Refused = err, true
			return r.endAttempt(ctx, q, a, x, now)
		}
		return err
	})
	if err == nil {
		err = refusal
	}
	if x.Renewed != nil && (errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrUnreadable)) {
		// The token has ended meanwhile, but its session may live.
		x.Person, x.Refused = nil, false
		kept := r.db.Write(ctx, "keep renewed tokens", func(ctx context.Context, q db.Querier) error {
			return r.endAttempt(ctx, q, a, x, now)
		})
		if kept != nil && !errors.Is(kept, storage.ErrNotFound) {
			return kept
		}
	}
	return err
}

// RevokeForeignToken implements storage.AdoptionStore.
func (r *Repo) RevokeForeignToken(ctx context.Context, t storage.ForeignToken, now time.Time) error {
	return r.db.Write(ctx, "revoke a token of FastMCP", func(ctx context.Context, q db.Querier) error {
		s, err := r.sessionOf(ctx, q, t, now)
		if err != nil {
			return err
		}
		if t.Refresh {
			grant, err := r.adoptedGrant(ctx, q, s.ID)
			if err != nil {
				return err
			}
			if grant != nil {
				if err := ignoreRevoked(r.revokeGrant(ctx, q, grant.ID, storage.EventTokenRevoked, now)); err != nil {
					return err
				}
			}
		}
		if err := r.endRows(ctx, q, t, s.ID); err != nil {
			return err
		}
		return sealed.Record(ctx, q, storage.Event{Type: storage.EventTokenRevoked, ClientID: t.ClientID, Detail: "of FastMCP"}, now)
	})
}

// endRows deletes the rows of a token that a client revokes, and with a refresh token those
// of its session.
func (r *Repo) endRows(ctx context.Context, q db.Querier, t storage.ForeignToken, sessionID string) error {
	rows := r.shared(q)
	if err := rows.delete(ctx, fastmcp.MappingCollection, t.ID); err != nil || !t.Refresh {
		return err
	}
	if err := rows.delete(ctx, fastmcp.RefreshCollection, refreshKey(t.Hash)); err != nil {
		return err
	}
	return rows.delete(ctx, fastmcp.SessionCollection, sessionID)
}

// endAttempt records an attempt that made no grant.
func (r *Repo) endAttempt(ctx context.Context, q db.Querier, a storage.Adoption, x storage.AdoptionResult, now time.Time) error {
	end := sqlitedb.EndAdoptionParams{
		Doubtful: x.Doubtful, RetryAt: optionalUnix(x.RetryAt), UpstreamTokenID: a.SessionID, Lease: a.ID,
	}
	if x.Refused {
		end.RefusedAt = optionalUnix(now)
		err := sealed.Record(ctx, q, storage.Event{Type: storage.EventAdoptionRefused, ClientID: x.Token.ClientID}, now)
		if err != nil {
			return err
		}
	}
	if err := affected(q.EndAdoption(ctx, end)); err != nil {
		return err
	}
	return r.keepRenewed(ctx, q, a.SessionID, x.Renewed, now)
}

// keepRenewed writes renewed tokens into their session, nil for none. A session that ended
// meanwhile needs none.
func (r *Repo) keepRenewed(ctx context.Context, q db.Querier, sessionID string, u *storage.UpstreamTokens, now time.Time) error {
	if u == nil {
		return nil
	}
	err := r.renewSession(ctx, q, sessionID, *u, now)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// makeAdopted makes the grant of a session. Locks as everywhere: client, user, grants, and
// FastMCP's rows at last.
func (r *Repo) makeAdopted(ctx context.Context, q db.Querier, a storage.Adoption, x storage.AdoptionResult, now time.Time) error {
	err := lockClient(ctx, q, x.Token.ClientID, nil)
	if errors.Is(err, storage.ErrNoClient) { // deleted while the provider was asked
		return storage.ErrNotFound
	}
	if err != nil {
		return err
	}
	userID, err := r.saveUser(ctx, q, *x.Person, unix(now), nil)
	if err != nil {
		return err
	}
	if err := affected(q.CompleteAdoption(ctx, sqlitedb.CompleteAdoptionParams{UpstreamTokenID: a.SessionID, Lease: a.ID})); err != nil {
		return err
	}
	s, err := r.resultSession(ctx, q, a, x, now)
	if err != nil {
		return err
	}
	if s.ID != a.SessionID {
		return storage.ErrNotFound
	}
	grantID, err := r.adoptedGrantID(ctx, q, a, x, s, userID, unix(now))
	if err != nil {
		return err
	}
	if err := r.takeResult(ctx, q, x, s.ID, grantID, now); err != nil {
		return err
	}
	if err := r.keepRenewed(ctx, q, s.ID, x.Renewed, now); err != nil {
		return err
	}
	return sealed.Record(ctx, q, storage.Event{
		Type: storage.EventGrantAdopted, UserID: userID, ClientID: x.Token.ClientID, GrantID: grantID, Detail: x.Scope,
	}, now)
}

// adoptedGrantID creates the grant of a session, or opens the one again that ended with its
// last token, and returns its ID.
func (r *Repo) adoptedGrantID(
	ctx context.Context, q db.Querier, a storage.Adoption, x storage.AdoptionResult, s fastmcp.Session, userID string, now int64,
) (string, error) {
	id, known := x.GrantID, false
	grant, err := r.adoptedGrant(ctx, q, a.SessionID)
	if err != nil {
		return "", err
	}
	if grant != nil {
		if grant.UserID != userID {
			return "", storage.ErrNotFound // another person's token in the same session
		}
		if id, known = grant.ID, true; grant.ClosedAt == nil {
			return id, nil
		}
	}
	token, err := r.db.Seal(providerTokenPlace(id), x.ProviderToken)
	if err != nil {
		return "", err
	}
	review := now + int64(pendingGrantLife.Seconds())
	if known {
		return id, affected(q.ReopenAdoptedGrant(ctx, sqlitedb.ReopenAdoptedGrantParams{
			ProviderToken: token.Token, ProviderTokenKeyID: token.KeyID, Now: now, ReviewAt: review, ID: id,
		}))
	}
	return id, q.CreateAdoptedGrant(ctx, sqlitedb.CreateAdoptedGrantParams{
		ID: id, UserID: userID, ClientID: x.Token.ClientID, Scope: x.Scope, Resource: x.Resource,
		ProviderToken: &token.Token, ProviderTokenKeyID: &token.KeyID, Now: now, CreatedAt: unix(s.CreatedAt), ReviewAt: review,
		UpstreamTokenID: a.SessionID,
	})
}
