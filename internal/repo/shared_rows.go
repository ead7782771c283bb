package repo

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// FastMCP's rows for sessions and tokens are in the table of its clients, or in one of its
// own. In a transaction they come after grants, in this order: mappings, refresh tokens,
// sessions, each in the order of their keys.

// sharedRow returns what is in a row of FastMCP. ErrNotFound for none, and for one that the
// table says has expired. One that is not sealed counts as one that cannot be read: anyone
// who can write to the table could have made it. Where FastMCP does not encrypt, it counts.
func (r *Repo) sharedRow(ctx context.Context, q db.Querier, collection, key string, now time.Time) ([]byte, error) {
	row, err := r.shared(q).get(ctx, collection, key, now)
	if err != nil {
		return nil, err
	}
	plaintext, sealed, err := r.openShared(row.Value)
	if err != nil {
		r.db.Observer().Unreadable(fastmcp.ClientTable)
		return nil, r.blameKeys(ctx, q, shownRow(collection, key), unreadableRow(collection, key))
	}
	if !sealed && !r.theirs().Plain {
		return nil, unreadableRow(collection, key)
	}
	return plaintext, nil
}

func shownRow(collection, key string) string {
	return fastmcp.ShownKey(fastmcp.RowKey(collection, key))
}

func unreadableRow(collection, key string) error {
	return &storage.UnreadableError{Table: fastmcp.ClientTable, Row: shownRow(collection, key)}
}

// mapping returns the mapping of a token.
func (r *Repo) mapping(ctx context.Context, q db.Querier, jti string, now time.Time) (fastmcp.Mapping, error) {
	plaintext, err := r.sharedRow(ctx, q, fastmcp.MappingCollection, jti, now)
	if err != nil {
		return fastmcp.Mapping{}, err
	}
	m, err := fastmcp.DecodeMapping(plaintext, jti)
	if err != nil {
		return m, unreadableRow(fastmcp.MappingCollection, jti)
	}
	return m, nil
}

// session returns a session of FastMCP.
func (r *Repo) session(ctx context.Context, q db.Querier, id string, now time.Time) (fastmcp.Session, error) {
	plaintext, err := r.sharedRow(ctx, q, fastmcp.SessionCollection, id, now)
	if err != nil {
		return fastmcp.Session{}, err
	}
	s, err := fastmcp.DecodeSession(plaintext, id)
	if err != nil {
		return s, unreadableRow(fastmcp.SessionCollection, id)
	}
	return s, nil
}

// refreshRow checks the row without which a refresh token was rotated or revoked there.
func (r *Repo) refreshRow(ctx context.Context, q db.Querier, t storage.ForeignToken, now time.Time) error {
	key := refreshKey(t.Hash)
	plaintext, err := r.sharedRow(ctx, q, fastmcp.RefreshCollection, key, now)
	if t.Legacy && errors.Is(err, storage.ErrNotFound) {
		return beforeFirstStart(ctx, q, t)
	}
	if err != nil {
		return err
	}
	row, err := fastmcp.DecodeRefresh(plaintext)
	switch {
	case err != nil:
		return unreadableRow(fastmcp.RefreshCollection, key)
	case row.ClientID != t.ClientID || !row.ExpiresAt.IsZero() && !now.Before(row.ExpiresAt):
		return storage.ErrNotFound
	}
	return nil
}

// beforeFirstStart returns ErrNotFound unless a token is from before this program first
// started on the database, or from that very second: both times are whole seconds.
func beforeFirstStart(ctx context.Context, q db.Querier, t storage.ForeignToken) error {
	first, err := q.GetFirstStart(ctx)
	if err == nil && (first == 0 || unix(t.IssuedAt) > first) {
		err = storage.ErrNotFound
	}
	return err
}

// refreshKey is the key of a refresh token's row: both programs know it by its SHA-256.
func refreshKey(token storage.Hash) string {
	sum, _ := base64.RawURLEncoding.DecodeString(string(token)) // as HashOf makes it
	return fastmcp.RefreshKey(sum)
}

// renewSession writes a session's renewed tokens into its row, as FastMCP does.
func (r *Repo) renewSession(ctx context.Context, q db.Querier, id string, u storage.UpstreamTokens, now time.Time) error {
	s, err := r.session(ctx, q, id, now)
	if err != nil {
		return err
	}
	plaintext, err := s.EncodeRenewed(fastmcp.Renewal{AccessToken: u.AccessToken, RefreshToken: u.RefreshToken, ExpiresAt: u.ExpiresAt}, now)
	if err != nil {
		return err
	}
	row, err := r.shared(q).get(ctx, fastmcp.SessionCollection, id, now)
	if err != nil {
		return err
	}
	value, err := r.sealedLike(row.Value, plaintext)
	if err != nil {
		return err
	}
	return r.shared(q).replace(ctx, fastmcp.SessionCollection, id, value, now)
}

// endedSession is a session of FastMCP whose grant ends.
type endedSession struct{ grantID, id string }

// endSessions deletes what FastMCP keeps of the sessions that grants were made of, as far as
// their tokens came here: without a session the others are worth nothing there either. Rows
// of all the sessions go in the order in which a rotation of keys locks them.
func (r *Repo) endSessions(ctx context.Context, q db.Querier, ended ...endedSession) error {
	var mappings, tokens, sessions []string
	for _, s := range ended {
		adopted, err := q.ListAdoptedTokens(ctx, s.grantID)
		if err != nil {
			return err
		}
		for _, t := range adopted {
			mappings = append(mappings, t.Jti)
			tokens = append(tokens, refreshKey(storage.Hash(t.TokenHash)))
		}
		sessions = append(sessions, s.id)
	}
	for _, rows := range []struct {
		collection string
		keys       []string
	}{{fastmcp.MappingCollection, mappings}, {fastmcp.RefreshCollection, tokens}, {fastmcp.SessionCollection, sessions}} {
		slices.Sort(rows.keys)
		for _, key := range rows.keys {
			if err := r.shared(q).delete(ctx, rows.collection, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// endForeignToken deletes what FastMCP keeps of a token that was taken over.
func (r *Repo) endForeignToken(ctx context.Context, q db.Querier, token storage.Hash) error {
	t, err := q.GetAdoptedToken(ctx, string(token))
	if r.db.Classify(err) == db.NoRows {
		return nil // one of ours
	}
	if err != nil {
		return err
	}
	if err := r.shared(q).delete(ctx, fastmcp.MappingCollection, t.Jti); err != nil {
		return err
	}
	return r.shared(q).delete(ctx, fastmcp.RefreshCollection, refreshKey(token))
}

// endForeignAccess is endForeignToken for an access token of this client.
func (r *Repo) endForeignAccess(ctx context.Context, q db.Querier, token storage.Hash, clientID string) error {
	t, err := q.GetAdoptedToken(ctx, string(token))
	if r.db.Classify(err) == db.NoRows {
		return nil
	}
	if err != nil {
		return err
	}
	grant, err := q.GetGrant(ctx, t.GrantID)
	if err != nil || grant.ClientID != clientID {
		return err
	}
	return r.shared(q).delete(ctx, fastmcp.MappingCollection, t.Jti)
}

// revokeGrantsOfClient revokes all grants to a client and says how many there were. The
// sessions of FastMCP that they were made of end.
func (r *Repo) revokeGrantsOfClient(ctx context.Context, q db.Querier, clientID string, now time.Time) (int64, error) {
	if err := db.LockGrants(ctx, q, db.GrantsOf{ClientID: clientID}); err != nil {
		return 0, err
	}
	revoked, err := q.RevokeGrantsOfClient(ctx, sqlitedb.RevokeGrantsOfClientParams{Now: unix(now), ClientID: clientID})
	if err != nil || revoked == 0 {
		return revoked, err
	}
	grants, err := q.ListEndedSessionsOfClient(ctx, sqlitedb.ListEndedSessionsOfClientParams{ClientID: clientID, Now: unix(now)})
	if err != nil {
		return revoked, err
	}
	ended := make([]endedSession, len(grants))
	for i, grant := range grants {
		ended[i] = endedSession{grant.ID, grant.UpstreamTokenID}
	}
	return revoked, r.endSessions(ctx, q, ended...)
}

// endSessionsOfUser ends the sessions of FastMCP that the just revoked grants of a person
// were made of.
func (r *Repo) endSessionsOfUser(ctx context.Context, q db.Querier, userID string, now time.Time) error {
	grants, err := q.ListEndedSessionsOfUser(ctx, sqlitedb.ListEndedSessionsOfUserParams{UserID: userID, Now: unix(now)})
	if err != nil {
		return err
	}
	ended := make([]endedSession, len(grants))
	for i, grant := range grants {
		ended[i] = endedSession{grant.ID, grant.UpstreamTokenID}
	}
	return r.endSessions(ctx, q, ended...)
}
