package repo

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// sealedColumn is a column whose rows hold sealed values. What is not in the list
// below keeps its keys from retirement for ever, by its foreign key.
type sealedColumn struct {
	table, column string
	// page returns rows ordered by primary key. Of oauth_clients it is all rows:
	// another program writes values there without telling which key it used.
	page func(context.Context, db.Querier, pageParams) ([]sealedRow, error)
	// write replaces the value of a row if it still is as it was read.
	write func(context.Context, db.Querier, writeParams) error
}

// sealedRow is a row as it was read. KeyID may be absent or outdated in
// oauth_clients.
type sealedRow struct{ RowID, Token, KeyID string }

// pageParams asks for rows that are not sealed with a key, "" for all of them.
type pageParams struct {
	PrimaryID string
	After     string
	MaxRows   int64
}

type writeParams struct{ Token, KeyID, RowID, OldToken string }

func (c sealedColumn) place(row string) place { return place{c.table, c.column, row} }

// sealedColumns lists the columns that keys are rotated in.
func sealedColumns() []sealedColumn {
	return []sealedColumn{
		{clientsTable, "value", pageOfClients, writeClient},
		{"oauth_users", "profile",
			func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListProfilesToRekey(ctx, sqlitedb.ListProfilesToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListProfilesToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeyProfile(ctx, sqlitedb.RekeyProfileParams(w))
			}},
		{"oauth_users", "password",
			func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListPasswordsToRekey(ctx, sqlitedb.ListPasswordsToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListPasswordsToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeyPassword(ctx, sqlitedb.RekeyPasswordParams(w))
			}},
		{"oauth_authorizations", "request",
			func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListRequestsToRekey(ctx, sqlitedb.ListRequestsToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListRequestsToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeyRequest(ctx, sqlitedb.RekeyRequestParams(w))
			}},
		{"oauth_grants", "provider_token",
			func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListProviderTokensToRekey(ctx, sqlitedb.ListProviderTokensToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListProviderTokensToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeyProviderToken(ctx, sqlitedb.RekeyProviderTokenParams(w))
			}},
		{"oauth_refresh_tokens", "successor",
			func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListSuccessorsToRekey(ctx, sqlitedb.ListSuccessorsToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListSuccessorsToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeySuccessor(ctx, sqlitedb.RekeySuccessorParams(w))
			}},
	}
}

func sealedRows[R any](rows []R, convert func(R) sealedRow) []sealedRow {
	out := make([]sealedRow, len(rows))
	for i, row := range rows {
		out[i] = convert(row)
	}
	return out
}
