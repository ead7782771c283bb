package rekey

import (
	"context"
	"encoding/json"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// pageOfClients returns rows of the table that is shared with FastMCP. All its rows
// are re-encrypted, those of FastMCP's other collections too: the envelope is the same.
func pageOfClients(ctx context.Context, q db.Querier, p pageParams) ([]sealedRow, error) {
	rows, err := q.ListSharedRows(ctx, sqlitedb.ListSharedRowsParams{After: p.After, MaxRows: p.MaxRows})
	return sealedRows(rows, func(r sqlitedb.ListSharedRowsRow) sealedRow {
		return sealedRow{RowID: r.Key, Token: string(r.Value), KeyID: db.Text(r.ValueKeyID)}
	}), err
}

func writeClient(ctx context.Context, q db.Querier, w writeParams) error {
	return q.RekeySharedRow(ctx, sqlitedb.RekeySharedRowParams{
		Value: []byte(w.Token), ValueKeyID: db.Nullable(w.KeyID), Key: w.RowID, OldValue: w.OldToken,
	})
}

// openClientRow opens a row with whichever key fits.
func (k *Keys) openClientRow(c sealedColumn, row sealedRow) opened {
	plaintext, keyID, err := fastmcp.OpenWithKey(k.keys, json.RawMessage(row.Token))
	if err != nil && k.theirs != nil {
		if _, _, err := fastmcp.OpenWithKey(k.theirs, json.RawMessage(row.Token)); err == nil {
			return opened{theirs: true} // which leaves it alone
		}
	}
	switch place := c.place(fastmcp.ShownKey(row.RowID)); {
	case err == nil:
	case row.KeyID != "" && !k.keys.Has(row.KeyID):
		return opened{err: place.MissingKey(row.KeyID)}
	default:
		return opened{err: place.Unreadable(row.KeyID)}
	}
	return opened{
		plaintext: plaintext, keyID: keyID, foreign: keyID != "" && keyID != row.KeyID && !isOurs(plaintext),
	}
}

// isOurs reports whether a client has the member that only we write. FastMCP drops
// it when it writes the client again.
func isOurs(plaintext []byte) bool {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(plaintext, &members) // what is no object has no members
	_, ours := members[fastmcp.ExtraMember]
	return ours
}

// resealClientRow seals in the shared envelope. What is not sealed stays as it
// is, and so does what the primary key opens; then only the key ID is corrected.
func (k *Keys) resealClientRow(row sealedRow, o opened) (writeParams, error) {
	w := writeParams{Token: row.Token, KeyID: o.keyID, RowID: row.RowID, OldToken: row.Token}
	if o.keyID == "" || o.keyID == k.keys.Primary() {
		return w, nil
	}
	value, err := fastmcp.Reseal(k.keys, json.RawMessage(row.Token), o.plaintext)
	w.Token, w.KeyID = string(value), k.keys.Primary()
	return w, err
}
