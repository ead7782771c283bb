package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var _ storage.BulkAdoptionStore = (*Repo)(nil)

// SessionByID implements storage.BulkAdoptionStore.
func (r *Repo) SessionByID(ctx context.Context, id string, now time.Time) (storage.ForeignSession, error) {
	var session storage.ForeignSession
	err := r.db.Read(ctx, "read a session of FastMCP", func(ctx context.Context, q db.Querier) error {
		s, err := r.session(ctx, q, id, now)
		if err != nil {
			return err
		}
		session = foreignSession(s)
		grant, err := r.adoptedGrant(ctx, q, id)
		if err != nil {
			return err
		}
		if grant != nil {
			session.GrantID = grant.ID
			return nil
		}
		return r.addAttempt(ctx, q, &session)
	})
	return session, err
}

// AdoptedSessions implements storage.BulkAdoptionStore.
func (r *Repo) AdoptedSessions(ctx context.Context, after string, limit int) (ids []string, err error) {
	err = r.db.Read(ctx, "list adopted sessions", func(ctx context.Context, q db.Querier) error {
		ids, err = q.ListAdoptedSessions(ctx, sqlitedb.ListAdoptedSessionsParams{After: after, MaxRows: int64(limit)})
		return err
	})
	return ids, err
}

// foreignSession is a session for those who do not know FastMCP's rows.
func foreignSession(s fastmcp.Session) storage.ForeignSession {
	return storage.ForeignSession{
		ID: s.ID, ClientID: s.ClientID, CreatedAt: s.CreatedAt,
		Upstream: storage.UpstreamTokens{AccessToken: s.AccessToken, RefreshToken: s.RefreshToken, ExpiresAt: s.ExpiresAt},
	}
}

// resultSession returns the session that an attempt is about: the one that its token leads to
// or, without one, the one that it names.
func (r *Repo) resultSession(ctx context.Context, q db.Querier, a storage.Adoption, x storage.AdoptionResult, now time.Time) (fastmcp.Session, error) {
	if x.HoldUntil.IsZero() {
		return r.sessionOf(ctx, q, x.Token, now)
	}
	s, err := r.session(ctx, q, a.SessionID, now)
	if err == nil && s.ClientID != x.Token.ClientID {
		err = storage.ErrNotFound
	}
	return s, err
}

// takeResult adds the token of an attempt to its grant. Without one it keeps the grant until
// a token comes.
func (r *Repo) takeResult(ctx context.Context, q db.Querier, x storage.AdoptionResult, sessionID, grantID string, now time.Time) error {
	if x.HoldUntil.IsZero() {
		if err := r.lockForeign(ctx, q, x.Token, sessionID); err != nil {
			return err
		}
		return r.storeForeign(ctx, q, x.Token, grantID, x.Scope)
	}
	if err := r.shared(q).lock(ctx, fastmcp.SessionCollection, sessionID); err != nil {
		return err
	}
	_, err := q.KeepRefreshToken(ctx, sqlitedb.KeepRefreshTokenParams{
		TokenHash: holdHash(grantID), GrantID: grantID, CreatedAt: unix(now), ExpiresAt: unix(x.HoldUntil),
	})
	return err
}
