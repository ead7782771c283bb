package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ListClients implements storage.ClientStore.
func (r *Repo) ListClients(
	ctx context.Context, after string, limit int, now time.Time,
) ([]storage.ClientSummary, error) {
	var list []storage.ClientSummary
	err := r.db.Read(ctx, "list clients", func(ctx context.Context, q db.Querier) error {
		rows, err := q.ListClients(ctx, sqlitedb.ListClientsParams{
			Now: unix(now), After: fastmcp.ClientKey(after), MaxRows: int64(limit),
		})
		for _, row := range rows {
			list = append(list, r.summaryOf(sqlitedb.OAuthClient{
				Key: row.Key, Value: row.Value, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
				LastUsedAt: row.LastUsedAt, ValueKeyID: row.ValueKeyID, UnusedSince: row.UnusedSince,
			}, row.Grants))
		}
		return err
	})
	return list, err
}

func (r *Repo) summaryOf(row sqlitedb.OAuthClient, grants int64) storage.ClientSummary {
	client, foreign, err := r.openClient(row)
	return storage.ClientSummary{
		Client: client, Unreadable: err != nil, Foreign: foreign, Reclaimable: row.UnusedSince != nil,
		LastUsedAt: optionalAt(row.LastUsedAt), Grants: grants,
	}
}

// ClientSummary implements storage.OperatorStore.
func (r *Repo) ClientSummary(ctx context.Context, id string, now time.Time) (storage.ClientSummary, error) {
	var summary storage.ClientSummary
	err := r.db.Read(ctx, "read a client", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetClient(ctx, fastmcp.ClientKey(id))
		switch {
		case err == nil:
			summary = r.summaryOf(row, 0)
		case r.db.Classify(err) == db.NoRows:
			if summary, err = r.unregisteredSummary(ctx, q, id, now); err != nil {
				return err
			}
		default:
			return err
		}
		summary.Grants, err = q.CountLiveGrantsOfClient(ctx, sqlitedb.CountLiveGrantsOfClientParams{ClientID: id, Now: unix(now)})
		return err
	})
	return summary, err
}

// unregisteredSummary summarizes a client that is not in oauth_clients.
func (r *Repo) unregisteredSummary(ctx context.Context, q db.Querier, id string, now time.Time) (storage.ClientSummary, error) {
	summary, err := documentSummary(ctx, q, id)
	if r.db.Classify(err) != db.NoRows {
		return summary, err
	}
	row, err := r.foreignTables(q).get(ctx, fastmcp.ClientCollection, id, now)
	if err != nil {
		return storage.ClientSummary{}, err
	}
	return r.foreignSummary(row), nil
}

// foreignSummary summarizes a client that is in FastMCP's tables alone.
func (r *Repo) foreignSummary(row fastmcp.Row) storage.ClientSummary {
	client := sqlitedb.OAuthClient{Key: fastmcp.ClientKey(row.Key), Value: row.Value}
	if !row.CreatedAt.IsZero() {
		client.CreatedAt = &row.CreatedAt
	}
	return r.summaryOf(client, 0)
}

// documentSummary summarizes a client that is known only by its metadata document.
func documentSummary(ctx context.Context, q db.Querier, id string) (storage.ClientSummary, error) {
	row, err := q.GetClientDocument(ctx, sqlitedb.GetClientDocumentParams{ClientID: id, URL: id})
	return storage.ClientSummary{Client: storage.Client{
		ID: id, Client: metadata.Client{Name: db.Text(row.ClientName)}, ClaimedName: db.Text(row.ClaimedName),
		Origin: storage.OriginDocument, ConfirmedAt: optionalAt(row.FetchedAt),
	}}, err
}

// FindGrants implements storage.OperatorStore.
func (r *Repo) FindGrants(
	ctx context.Context, f storage.GrantFilter, after string, limit int, now time.Time,
) ([]storage.GrantSummary, error) {
	var list []storage.GrantSummary
	err := r.db.Read(ctx, "list grants", func(ctx context.Context, q db.Querier) error {
		rows, err := findGrants(ctx, q, f, after, limit, unix(now))
		if err != nil {
			return err
		}
		names := r.clientNames(ctx, q)
		for _, row := range rows {
			summary := storage.GrantSummary{Grant: storage.Grant{
				ID: row.ID, UserID: row.UserID, ClientID: row.ClientID, Scope: row.Scope, Resource: row.Resource,
				CreatedAt: at(row.CreatedAt), LastUsedAt: at(row.LastUsedAt), ReplacedAt: optionalAt(row.ReplacedAt),
				Adopted: row.UpstreamTokenID != nil,
			}}
			value := keyring.Sealed{KeyID: row.ProfileKeyID, Token: row.Profile}
			summary.User, summary.Unreadable = r.readableUser(row.UserID, row.Issuer, row.Subject, value)
			if err := names(&summary.Grant); err != nil {
				return err
			}
			list = append(list, summary)
		}
		return nil
	})
	return list, err
}

// ListUsers implements storage.OperatorStore.
func (r *Repo) ListUsers(
	ctx context.Context, f storage.UserFilter, after string, limit int, now time.Time,
) ([]storage.UserSummary, error) {
	var list []storage.UserSummary
	err := r.db.Read(ctx, "list users", func(ctx context.Context, q db.Querier) error {
		rows, err := findUsers(ctx, q, f, after, limit, unix(now))
		for _, row := range rows {
			summary := storage.UserSummary{
				CreatedAt: at(row.CreatedAt), LastSignInAt: optionalAt(row.LastSignInAt), DisabledAt: optionalAt(row.DisabledAt),
				Grants: row.Grants,
			}
			value := keyring.Sealed{KeyID: row.ProfileKeyID, Token: row.Profile}
			summary.User, summary.Unreadable = r.readableUser(row.ID, row.Issuer, row.Subject, value)
			list = append(list, summary)
		}
		return err
	})
	return list, err
}

// readableUser returns a user for a listing, which must not fail because one row cannot be
// decrypted.
func (r *Repo) readableUser(id, issuer, subject string, value keyring.Sealed) (user storage.User, unreadable bool) {
	user, err := r.user(id, issuer, subject, value)
	if err != nil {
		user = storage.User{ID: id, Person: storage.Person{Issuer: issuer, Subject: subject}}
	}
	return user, err != nil
}
