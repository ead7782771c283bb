package app

import (
	"sync/atomic"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
)

// clock tells the time that counts: the database's once that is open, before that this
// process's.
type clock struct{ database atomic.Pointer[db.DB] }

// follow makes the database's time count.
func (c *clock) follow(d *db.DB) { c.database.Store(d) }

// Now returns the time.
func (c *clock) Now() time.Time {
	if d := c.database.Load(); d != nil {
		return d.Now()
	}
	return time.Now()
}
