package repo

import (
	"context"
	"encoding/json"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// clientsTable is shared with FastMCP. All its rows are rekeyed, those of
// FastMCP's other collections too: the envelope is the same.
const clientsTable = "oauth_clients"

func pageOfClients(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
	rows, err := q.ListSharedRows(ctx, sqlitedb.ListSharedRowsParams{After: p.After, MaxRows: p.MaxRows})
	return sealedRows(rows, func(r sqlitedb.ListSharedRowsRow) sealedRow {
		return sealedRow{RowID: r.Key, Token: string(r.Value), KeyID: deref(r.ValueKeyID)}
	}), err
}

func writeClient(ctx context.Context, q db.Querier, w writeParams) error {
	return q.RekeySharedRow(ctx, sqlitedb.RekeySharedRowParams{
		Value: []byte(w.Token), ValueKeyID: optional(w.KeyID), Key: w.RowID, OldValue: w.OldToken,
	})
}

// openClientRow opens a row with whichever key fits.
func (r *Repo) openClientRow(row sealedRow) opened {
	plaintext, keyID, err := fastmcp.OpenWithKey(r.keys, json.RawMessage(row.Token))
	if err != nil {
		if row.KeyID != "" && !r.keys.Has(row.KeyID) {
			return opened{err: missingKey(clientsTable, row.RowID, row.KeyID)}
		}
		return opened{err: &storage.UnreadableError{Table: clientsTable, Row: row.RowID, KeyID: row.KeyID}}
	}
	return opened{
		plaintext: plaintext, keyID: keyID, foreign: keyID != "" && keyID != row.KeyID && !isOurs(plaintext),
	}
}

// isOurs says whether a client has the member that only we write. FastMCP drops
// it when it writes the client anew.
func isOurs(plaintext []byte) bool {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(plaintext, &members) // what is no object has no members
	_, ours := members[extraMember]
	return ours
}

// resealClientRow seals in the shared envelope. What is not sealed stays as it
// is, and so does what the primary key opens; then only the key id is set right.
func (r *Repo) resealClientRow(row sealedRow, o opened) (writeParams, error) {
	w := writeParams{Token: row.Token, KeyID: o.keyID, RowID: row.RowID, OldToken: row.Token}
	if o.keyID == "" || o.keyID == r.keys.Primary() {
		return w, nil
	}
	value, err := fastmcp.Reseal(r.keys, json.RawMessage(row.Token), o.plaintext)
	w.Token, w.KeyID = string(value), r.keys.Primary()
	return w, err
}
