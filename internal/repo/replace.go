package repo

import (
	"context"
	"net/netip"
	"net/url"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// anyPort returns a redirect URI without its port if that is one of a loopback address,
// which native apps choose for each sign-in (RFC 8252 §7.3).
func anyPort(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil || u.Scheme != "http" {
		return redirectURI
	}
	host := u.Hostname()
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil && addr.Is6() && addr.IsLoopback():
		u.Host = "[" + host + "]"
	case host == "localhost", err == nil && addr.IsLoopback():
		u.Host = host
	}
	return u.String()
}

// replaceEarlier marks the grants that a redeemed one replaces. The client's row is locked
// already, that of the grant is not.
func (r *Repo) replaceEarlier(ctx context.Context, q db.Querier, grantID string, now time.Time) error {
	grant, err := q.GetGrant(ctx, grantID)
	if err != nil {
		return err
	}
	if grant.RedirectURI == nil {
		return nil // a process of an earlier release stored it
	}
	if single, err := r.isInstallation(ctx, q, grant.ClientID); err != nil || !single {
		return err
	}
	if _, err := q.LockUser(ctx, grant.UserID); err != nil {
		return err
	}
	_, err = q.ReplaceGrants(ctx, sqlitedb.ReplaceGrantsParams{
		ID: grant.ID, Now: unix(now), UserID: grant.UserID, ClientID: grant.ClientID, Resource: grant.Resource,
		RedirectURI: *grant.RedirectURI, CreatedAt: grant.CreatedAt,
	})
	return err
}

// isInstallation reports whether a client is one installation of an app: it got its ID when
// it registered. A readopted client is none: other installations may have been given the same
// ID. A row that cannot be decrypted proves nothing.
func (r *Repo) isInstallation(ctx context.Context, q db.Querier, clientID string) (bool, error) {
	key := fastmcp.ClientKey(clientID)
	row, err := q.GetClientValue(ctx, key)
	if r.db.Classify(err) == db.NoRows {
		return false, nil // a metadata document
	}
	if err != nil {
		return false, err
	}
	client, err := r.clientOf(sqlitedb.OAuthClient{Key: key, Value: row.Value, CreatedAt: row.CreatedAt})
	return err == nil && client.Origin == storage.OriginRegistered && !client.Readopted(), nil
}

// endReplaced revokes up to n grants that were replaced at or before the given time and
// not used since.
func (r *Repo) endReplaced(ctx context.Context, q db.Querier, before, now time.Time, n int64) (int64, error) {
	grants, err := q.RevokeReplacedGrants(ctx, sqlitedb.RevokeReplacedGrantsParams{
		Now: unix(now), ReplacedBefore: unix(before), MaxRows: n,
	})
	for _, g := range grants {
		if err == nil {
			because := storage.WithReason(ctx, "replaced by grant "+db.Text(g.ReplacedBy)+" and not used since")
			err = r.grantRevoked(because, q, g, nil, storage.EventGrantRevoked, now)
		}
	}
	return int64(len(grants)), err
}
