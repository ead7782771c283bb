package repo

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// findGrants runs the query that has an index for the filter that selects most.
func findGrants(
	ctx context.Context, q db.Querier, f storage.GrantFilter, after string, limit int, now int64,
) ([]sqlitedb.FindLiveGrantsRow, error) {
	rows := int64(limit)
	switch {
	case !f.Since.IsZero():
		return findGrantsSince(ctx, q, f, after, rows, now)
	case f.ID != "":
		return rowsAs(func(r sqlitedb.FindLiveGrantRow) sqlitedb.FindLiveGrantsRow { return sqlitedb.FindLiveGrantsRow(r) })(q.FindLiveGrant(ctx, sqlitedb.FindLiveGrantParams{
			After: after, ID: f.ID, UserID: f.UserID, ClientID: f.ClientID, Now: now, MaxRows: rows,
		}))
	case f.UserID != "":
		return rowsAs(func(r sqlitedb.FindLiveGrantsOfUserRow) sqlitedb.FindLiveGrantsRow {
			return sqlitedb.FindLiveGrantsRow(r)
		})(q.FindLiveGrantsOfUser(ctx, sqlitedb.FindLiveGrantsOfUserParams{
			After: after, UserID: f.UserID, ClientID: f.ClientID, Now: now, MaxRows: rows,
		}))
	case f.ClientID != "":
		return rowsAs(func(r sqlitedb.FindLiveGrantsOfClientRow) sqlitedb.FindLiveGrantsRow {
			return sqlitedb.FindLiveGrantsRow(r)
		})(q.FindLiveGrantsOfClient(ctx, sqlitedb.FindLiveGrantsOfClientParams{
			After: after, ClientID: f.ClientID, Now: now, MaxRows: rows,
		}))
	}
	return q.FindLiveGrants(ctx, sqlitedb.FindLiveGrantsParams{After: after, Now: now, MaxRows: rows})
}

// findGrantsSince is findGrants with a time.
func findGrantsSince(
	ctx context.Context, q db.Querier, f storage.GrantFilter, after string, rows, now int64,
) ([]sqlitedb.FindLiveGrantsRow, error) {
	var list []sqlitedb.FindLiveGrantsRow
	for int64(len(list)) < rows {
		ids, err := grantsSince(ctx, q, f, after, rows)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			found, err := findGrants(ctx, q, storage.GrantFilter{ID: id}, "", 1, now)
			if err != nil {
				return nil, err
			}
			if list = append(list, found...); int64(len(list)) == rows {
				return list, nil
			}
			after = id
		}
		if int64(len(ids)) < rows {
			break
		}
	}
	return list, nil
}

// grantsSince lists the IDs of unrevoked grants that f selects by its time.
func grantsSince(ctx context.Context, q db.Querier, f storage.GrantFilter, after string, rows int64) ([]string, error) {
	return q.ListGrantsSince(ctx, sqlitedb.ListGrantsSinceParams{
		After: after, UserID: f.UserID, ClientID: f.ClientID, Since: unix(f.Since), MaxRows: rows,
	})
}

// findUsers is findGrants for users.
func findUsers(
	ctx context.Context, q db.Querier, f storage.UserFilter, after string, limit int, now int64,
) ([]sqlitedb.ListUsersRow, error) {
	rows := int64(limit)
	switch {
	case f.ID != "":
		return rowsAs(func(r sqlitedb.FindUserByIDRow) sqlitedb.ListUsersRow { return sqlitedb.ListUsersRow(r) })(q.FindUserByID(ctx, sqlitedb.FindUserByIDParams{
			Now: now, After: after, ID: f.ID, Issuer: f.Issuer, Subject: f.Subject, MaxRows: rows,
		}))
	case f.Issuer != "" && f.Subject != "":
		return rowsAs(func(r sqlitedb.FindUserBySubjectRow) sqlitedb.ListUsersRow { return sqlitedb.ListUsersRow(r) })(q.FindUserBySubject(ctx, sqlitedb.FindUserBySubjectParams{
			Now: now, After: after, Issuer: f.Issuer, Subject: f.Subject, MaxRows: rows,
		}))
	}
	return q.ListUsers(ctx, sqlitedb.ListUsersParams{
		Now: now, After: after, Issuer: f.Issuer, Subject: f.Subject, MaxRows: rows,
	})
}

// rowsAs converts rows of one query to those of another with the same columns.
func rowsAs[T, S any](convert func(S) T) func([]S, error) ([]T, error) {
	return func(rows []S, err error) ([]T, error) {
		list := make([]T, len(rows))
		for i, row := range rows {
			list[i] = convert(row)
		}
		return list, err
	}
}
