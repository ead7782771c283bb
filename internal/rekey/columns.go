package rekey

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
)

// sealedColumn is a column whose rows hold sealed values. A column that is missing
// from sealedColumns keeps its keys from ever being retired, by its foreign key.
type sealedColumn struct {
	table, column string
	// shared are the keys that seal rows there: another program has rows as well, and none says
	// which key sealed it for certain. Nil for the columns that are ours alone.
	shared *keyring.Keyring
	// unnamed: rows do not name their key.
	unnamed bool
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

func (c sealedColumn) place(row string) sealed.Place {
	return sealed.Place{Table: c.table, Column: c.column, Row: row}
}

// sealing returns the keys that seal what a row held.
func (k *Keys) sealing(c sealedColumn, o opened) *keyring.Keyring {
	if c.shared == nil || o.around != nil {
		return k.keys
	}
	return c.shared
}

// recorded is what a row says about its key. FastMCP's own keys are not on record.
func (k *Keys) recorded(c sealedColumn, o opened, keyID string) string {
	if c.unnamed || k.sealing(c, o) != k.keys {
		return ""
	}
	return keyID
}

// sealedColumns lists the columns that keys are rotated in. Rows of oauth_clients are sealed
// with the shared keys.
func sealedColumns(shared *keyring.Keyring) []sealedColumn {
	return append([]sealedColumn{
		{table: fastmcp.ClientTable, column: "value", shared: shared, page: pageOfClients, write: writeClient},
		{table: "mcpkeep_users", column: "profile",
			page: func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListProfilesToRekey(ctx, sqlitedb.ListProfilesToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListProfilesToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			write: func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeyProfile(ctx, sqlitedb.RekeyProfileParams(w))
			}},
		{table: "mcpkeep_users", column: "password",
			page: func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListPasswordsToRekey(ctx, sqlitedb.ListPasswordsToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListPasswordsToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			write: func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeyPassword(ctx, sqlitedb.RekeyPasswordParams(w))
			}},
		{table: "mcpkeep_authorizations", column: "request",
			page: func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListRequestsToRekey(ctx, sqlitedb.ListRequestsToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListRequestsToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			write: func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeyRequest(ctx, sqlitedb.RekeyRequestParams(w))
			}},
		{table: "mcpkeep_grants", column: "provider_token",
			page: func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListProviderTokensToRekey(ctx, sqlitedb.ListProviderTokensToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListProviderTokensToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			write: func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeyProviderToken(ctx, sqlitedb.RekeyProviderTokenParams(w))
			}},
		{table: "mcpkeep_refresh_tokens", column: "successor",
			page: func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListSuccessorsToRekey(ctx, sqlitedb.ListSuccessorsToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListSuccessorsToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			write: func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeySuccessor(ctx, sqlitedb.RekeySuccessorParams(w))
			}},
	}, ownColumns()...)
}

// ownColumns are the ones of certificates, signing keys, tokens for scripts and the audit trail.
func ownColumns() []sealedColumn {
	return []sealedColumn{
		{table: "mcpkeep_tls", column: "value",
			page: func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListTLSValuesToRekey(ctx, sqlitedb.ListTLSValuesToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListTLSValuesToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			write: func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeyTLSValue(ctx, sqlitedb.RekeyTLSValueParams(w))
			}},
		{table: "mcpkeep_signing_keys", column: "private_key",
			page: func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListSigningKeysToRekey(ctx, sqlitedb.ListSigningKeysToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListSigningKeysToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			write: func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeySigningKey(ctx, sqlitedb.RekeySigningKeyParams(w))
			}},
		{table: "mcpkeep_personal_tokens", column: "name",
			page: func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListPersonalTokensToRekey(ctx, sqlitedb.ListPersonalTokensToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListPersonalTokensToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			write: func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeyPersonalToken(ctx, sqlitedb.RekeyPersonalTokenParams(w))
			}},
		{table: "mcpkeep_refused_accounts", column: "account",
			page: func(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
				rows, err := q.ListRefusedAccountsToRekey(ctx, sqlitedb.ListRefusedAccountsToRekeyParams(p))
				return sealedRows(rows, func(r sqlitedb.ListRefusedAccountsToRekeyRow) sealedRow { return sealedRow(r) }), err
			},
			write: func(ctx context.Context, q db.Querier, w writeParams) error {
				return q.RekeyRefusedAccount(ctx, sqlitedb.RekeyRefusedAccountParams(w))
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
