package rekey

import (
	"errors"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// UnreadableRow is a row that cannot be decrypted.
type UnreadableRow struct {
	Table, Column, Row string
	KeyID              string // "" when the row does not say
	KeyMissing         bool   // it names a key that is not configured
}

// UnreadableRows are the first of many.
type UnreadableRows struct {
	Total   int64
	First   []UnreadableRow
	keys    map[string]bool
	unknown int64 // rows of which no one knows the key: what oauth_clients says may be outdated
}

// firstUnreadable is how many rows that cannot be decrypted are listed.
const firstUnreadable = 100

func (u *UnreadableRows) add(c sealedColumn, row sealedRow, err error) {
	u.Total++
	if c.shared != nil {
		u.unknown++
	}
	if u.keys == nil {
		u.keys = map[string]bool{}
	}
	u.keys[row.KeyID] = true
	name := row.RowID
	if c.shared != nil {
		name = fastmcp.ShownKey(name)
	}
	if len(u.First) < firstUnreadable {
		u.First = append(u.First, UnreadableRow{
			Table: c.table, Column: c.column, Row: name, KeyID: row.KeyID, KeyMissing: errors.Is(err, storage.ErrUnavailable),
		})
	}
}

// of reports whether a row that names this key does not open.
func (u *UnreadableRows) of(keyID string) bool { return u.keys[keyID] }
