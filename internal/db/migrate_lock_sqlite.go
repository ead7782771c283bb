package db

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lockMigrations locks a file next to the database: SQLite has no lock that
// outlives a transaction. The system frees it when this process dies. The file says
// who has it.
func (e *sqliteEngine) lockMigrations(ctx context.Context, say func(holder string)) (func(), error) {
	lock := flock.New(filepath.Clean(e.path)+".lock", flock.SetPermissions(0o600))
	done := make(chan error, 1)
	go func() {
		_, err := lock.TryLockContext(ctx, 20*time.Millisecond)
		done <- err
	}()
	if err := tell(ctx, done, func() { say(lockedBy(lock.Path())) }); err != nil {
		return nil, fmt.Errorf("take the migration lock %s: %w", lock.Path(), err)
	}
	host, _ := os.Hostname()
	_ = os.WriteFile(lock.Path(), fmt.Appendf(nil, "process %d on %s", os.Getpid(), host), 0o600) // for people only
	return func() {
		_ = os.Truncate(lock.Path(), 0)
		_ = lock.Unlock()
	}, nil
}

// lockedBy describes the process that has the lock.
func lockedBy(path string) string {
	text, _ := os.ReadFile(path) //nolint:gosec // the lock of the operator's own database
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return "a process that holds " + path
	}
	return printable(string(text)) + ", which holds " + path
}
