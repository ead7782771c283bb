package oldstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// cacheFile is diskcache's database in its directory.
const cacheFile = "cache.db"

// How diskcache keeps a value (its core.py). py-key-value writes texts only.
const (
	modeRaw    = 1 // in the column
	modeBinary = 2 // in a file
	modeText   = 3 // in a file
)

// disk is the default store of FastMCP 2.13 and 2.14: diskcache.
type disk struct {
	Config
	dir   string
	files *os.Root // long values; nothing outside of the directory is read
	copy  string   // a directory with a copy of the database
	db    *sql.DB
}

// openDisk copies the database with its write-ahead log: to open that in its place would
// change it.
func openDisk(dir string, c Config) (Source, error) {
	d := &disk{Config: c, dir: dir}
	err := d.open()
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *disk) open() (err error) {
	if d.files, err = os.OpenRoot(d.dir); err != nil {
		return err
	}
	if d.copy, err = os.MkdirTemp("", "mcpkeep-adopt-"); err != nil {
		return err
	}
	for _, name := range []string{cacheFile, cacheFile + "-wal"} {
		if err := d.copyFile(name); err != nil && (name == cacheFile || !errors.Is(err, os.ErrNotExist)) {
			return err
		}
	}
	d.db, err = db.OpenCopy(filepath.Join(d.copy, cacheFile))
	return err
}

func (d *disk) copyFile(name string) error {
	from, err := d.files.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(filepath.Join(d.copy, name), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600) //nolint:gosec // a file of the copy, whose names disk gives
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// Each implements Source.
func (d *disk) Each(ctx context.Context, f func(fastmcp.Row) error) error {
	rows, err := d.db.QueryContext(ctx, "SELECT key, expire_time, mode, filename, value FROM Cache WHERE raw = 1 AND typeof(key) = 'text'")
	if err != nil {
		return fmt.Errorf("%w: %s is not a file of diskcache: %w", ErrSource, cacheFile, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		var item item
		if err := rows.Scan(&name, &item.expires, &item.mode, &item.file, &item.value); err != nil {
			return fmt.Errorf("read %s: %w", cacheFile, err)
		}
		collection, key, ok := fastmcp.CutCompound(name)
		if collection, ok2 := d.ours(collection); ok && ok2 {
			if err := f(d.row(collection, key, item)); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

// item is a row of diskcache's table.
type item struct {
	expires sql.NullFloat64
	mode    int64
	file    sql.NullString
	value   []byte
}

// row reads an item. A pickled one was not written by py-key-value, and is not unpickled: that
// would run what it says.
func (d *disk) row(collection, key string, i item) fastmcp.Row {
	data := i.value
	switch {
	case i.mode == modeBinary, i.mode == modeText:
		data = readFile(d.files, i.file.String)
	case i.mode != modeRaw:
		data = nil
	}
	row, err := fastmcp.DecodeEntry(data, collection, key)
	if err != nil {
		row.Value = nil
	}
	if seconds := i.expires.Float64; i.expires.Valid && math.Abs(seconds) < math.MaxInt32*2 {
		row.ExpiresAt = time.UnixMilli(int64(seconds * 1000)).UTC()
	}
	return row
}

// String implements Source.
func (d *disk) String() string { return "the directory " + d.dir + " (diskcache)" }

// Close implements Source.
func (d *disk) Close() (err error) {
	if d.db != nil {
		err = d.db.Close()
	}
	if d.files != nil {
		err = errors.Join(err, d.files.Close())
	}
	if d.copy != "" {
		err = errors.Join(err, os.RemoveAll(d.copy))
	}
	return err
}
