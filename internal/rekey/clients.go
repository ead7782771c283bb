package rekey

import (
	"context"
	"encoding/json"
	"maps"

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
	plaintext, keyID, err := fastmcp.OpenWithKey(k.shared.Opening, json.RawMessage(row.Token))
	o := opened{plaintext: plaintext, keyID: keyID}
	if err == nil && keyID == "" {
		o, err = k.openMember(plaintext)
	}
	switch place := c.place(fastmcp.ShownKey(row.RowID)); {
	case err == nil:
	case row.KeyID != "" && !k.keys.Has(row.KeyID):
		return opened{err: place.MissingKey(row.KeyID)}
	default:
		return opened{err: place.Unreadable(row.KeyID)}
	}
	o.foreign = o.keyID != "" && o.keyID != row.KeyID && !isOurs(plaintext)
	return o
}

// openMember opens the member of ours in a client that is not sealed, because FastMCP could
// not read it otherwise. It is never sealed for FastMCP.
func (k *Keys) openMember(client []byte) (opened, error) {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(client, &members) // what is no object has no members
	sealed := members[fastmcp.ExtraMember]
	if !fastmcp.IsSealed(sealed) {
		return opened{plaintext: client}, nil
	}
	plaintext, keyID, err := fastmcp.OpenWithKey(k.keys, sealed)
	return opened{plaintext: plaintext, keyID: keyID, around: members}, err
}

// isOurs reports whether a client has the member that only we write. FastMCP drops
// it when it writes the client again.
func isOurs(plaintext []byte) bool {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(plaintext, &members) // what is no object has no members
	_, ours := members[fastmcp.ExtraMember]
	return ours
}

// resealClientRow seals in the shared envelope. What is not sealed stays as it is, and so does what
// the right key opens; then only the key ID is corrected.
func (k *Keys) resealClientRow(c sealedColumn, row sealedRow, o opened) (writeParams, error) {
	keys := k.sealing(c, o)
	w := writeParams{Token: row.Token, KeyID: k.recorded(c, o, o.keyID), RowID: row.RowID, OldToken: row.Token}
	if o.keyID == "" || o.keyID == keys.Primary() {
		return w, nil
	}
	was := json.RawMessage(row.Token)
	if o.around != nil {
		was = o.around[fastmcp.ExtraMember]
	}
	value, err := fastmcp.Reseal(keys, was, o.plaintext)
	if err == nil && o.around != nil {
		members := maps.Clone(o.around)
		members[fastmcp.ExtraMember] = value
		value, err = json.Marshal(members)
	}
	w.Token, w.KeyID = string(value), k.recorded(c, o, keys.Primary())
	return w, err
}
