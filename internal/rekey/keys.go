package rekey

import (
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
)

// Keys is the keys of a database, those on record and the configured ones.
type Keys struct {
	db   *sealed.DB
	keys *keyring.Keyring

	shared Shared
}

// New returns the keys of d, which has the schema that this program needs. The
// keyring may be empty for a report.
func New(d *db.DB, keys *keyring.Keyring) *Keys {
	return &Keys{db: sealed.New(d, keys), keys: keys, shared: Shared{Opening: keys, Clients: keys, Sealing: keys}}
}

// DatabaseTime is db.DB.Now.
func (k *Keys) DatabaseTime() time.Time { return k.db.Unsealed().Now() }
