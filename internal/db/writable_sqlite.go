package db

import (
	"context"
	"database/sql"
	"fmt"
	"os"
)

// inPlace returns errMoved unless the path still names the file that was opened. It only
// looks at the path: to open the file here would give up SQLite's locks on it (POSIX).
func (e *sqliteEngine) inPlace() error {
	now, err := os.Stat(e.path)
	if err != nil || !os.SameFile(e.opened, now) {
		return errMoved
	}
	return nil
}

// writable implements engine. A file that was found malformed is checked as a whole.
func (e *sqliteEngine) writable(ctx context.Context) error {
	if err := e.inPlace(); err != nil || !e.malformed.Load() {
		return err
	}
	e.forgetPages()
	var found string
	if err := e.read.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return fmt.Errorf("check the file: %w", err)
	}
	if found != "ok" {
		return errMalformed
	}
	e.malformed.Store(false)
	return nil
}

// forgetPages closes the idle connections, which keep pages that they have read.
func (e *sqliteEngine) forgetPages() {
	handles := map[*sql.DB]int{e.read: sqliteReaders, e.checks: sqliteReserved, e.write: 1}
	if e.log != nil {
		handles[e.log.log] = 1
	}
	for handle, idle := range handles {
		handle.SetMaxIdleConns(0)
		handle.SetMaxIdleConns(idle)
	}
}
