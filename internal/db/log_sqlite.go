package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// checkLogFor bounds the check of a file with its log. A file that takes longer is taken
// as it is.
const checkLogFor = 20 * time.Second

// checkLog refuses a file with a write-ahead log that does not belong to it, as is left
// next to a copy that was restored: SQLite would apply the log to it. A log is there when no
// one closed the file, after a crash or while a server runs; then there is nothing to check.
// Nothing is changed: without the right to write, SQLite reads the two together only.
func checkLog(ctx context.Context, path string) error {
	info, err := os.Stat(path + "-wal")
	if err != nil || info.Size() == 0 || isServed(path) {
		return nil // no log
	}
	ctx, cancel := context.WithTimeout(ctx, checkLogFor)
	defer cancel()
	found, err := integrity(ctx, path)
	switch {
	case isMalformed(err):
		found = "it is malformed"
	case err != nil || found == "ok": // opening the file says what else is wrong
		return nil
	}
	return &RefusedError{
		Found: printable(fmt.Sprintf("%s does not fit %s-wal next to it: %s", path, filepath.Base(path), found)),
		Fix: fmt.Sprintf("if %[1]s was restored from a copy, move %[2]s-wal and %[2]s-shm away, which belong to the file that was there before; "+
			"otherwise the file is damaged: restore a copy", path, filepath.Base(path)),
	}
}

// integrity returns SQLite's first complaint about a file with its log, or "ok".
func integrity(ctx context.Context, path string) (found string, err error) {
	q := url.Values{"mode": {"ro"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", sqliteBusy.Milliseconds()), "query_only(1)"}}
	u := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}
	file, err := sql.Open("sqlite", u.String())
	if err != nil {
		return "", err
	}
	err = file.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found)
	return found, errors.Join(err, file.Close())
}

func isMalformed(err error) bool {
	var sqliteErr *sqlite.Error
	if !errors.As(err, &sqliteErr) {
		return false
	}
	code := sqliteErr.Code() & 0xff
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// isServed reports whether a server of this or another process has the file: see Occupy.
func isServed(path string) bool {
	mark := markOf(path)
	if _, err := os.Stat(mark.Path()); err != nil {
		return false
	}
	free, err := mark.TryRLock()
	if free {
		_ = mark.Unlock()
	}
	return err == nil && !free
}

// markOf is the lock that says that a server has the file.
func markOf(path string) *flock.Flock {
	return flock.New(filepath.Clean(path)+".server", flock.SetPermissions(0o600))
}
