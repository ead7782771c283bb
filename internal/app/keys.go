package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// KeyFile returns the path of the key file, "" when keys are not in one file. With SQLite
// and no keys configured it is next to the database.
func KeyFile(keys, databaseURL string) string {
	if path, ok := setting.FilePath(keys); ok && !strings.Contains(keys, ",") {
		return path
	}
	sqlitePath, isSQLite := db.IsSQLite(databaseURL)
	if keys != "" || !isSQLite {
		return ""
	}
	return filepath.Join(filepath.Dir(sqlitePath), "mcpkeep.key")
}

// wantEncryptionKeys says what is accepted as keys.
const wantEncryptionKeys = "comma-separated Fernet keys, file:PATH or gcpsecret:NAME"

// ReadKeys reads the configured keys: each entry is a key, a file with keys, or a secret of
// Google's Secret Manager with keys.
func ReadKeys(keys, databaseURL string) (*keyring.Keyring, error) {
	if path := KeyFile(keys, databaseURL); path != "" {
		var err error
		if keys, err = keyring.ReadFile(path); err != nil {
			return nil, unusable("Keys", err)
		}
	}
	keys, err := keyTexts(keys)
	if err != nil {
		return nil, unusable("Keys", err)
	}
	if keys == "" {
		return nil, problem("Keys", "Fernet keys (make one with `mcpkeep keys generate`) or file:PATH", "required with PostgreSQL")
	}
	ring, err := keyring.Parse(keys)
	if err != nil {
		return nil, because("Keys", wantEncryptionKeys, err)
	}
	return ring, nil
}

// keyTexts reads the entries that are in files or secrets, and leaves the others as they are.
func keyTexts(spec string) (string, error) {
	if !strings.Contains(spec, ":") { // no key has one
		return spec, nil
	}
	entries := strings.Split(spec, ",")
	for i, entry := range entries {
		path, isFile := setting.FilePath(entry)
		var err error
		switch {
		case isFile:
			entries[i], err = keyring.ReadFile(path)
		case strings.Contains(entry, ":"):
			entries[i], err = keyring.ReadSecret(entry)
		}
		if err != nil {
			return "", err
		}
	}
	return strings.Join(entries, ","), nil
}

// databaseURL is the URL by which the place of the key file is known, "" with a pool.
func (s Settings) databaseURL() string {
	if s.Pool != nil {
		return ""
	}
	return s.DatabaseURL
}

// checkKeys refuses keys that cannot be used, before anything is migrated. The key file
// next to an SQLite database may still have to be made.
func (s Settings) checkKeys() error {
	if _, isSQLite := db.IsSQLite(s.databaseURL()); isSQLite && s.Keys == "" {
		return nil
	}
	_, err := ReadKeys(s.Keys, s.databaseURL())
	return err
}

// loadKeys returns the configured keys; with SQLite and none configured those of the
// key file next to the database, which it creates on the first start.
func (s Settings) loadKeys(ctx context.Context, d *db.DB) (*keyring.Keyring, error) {
	path := KeyFile(s.Keys, s.databaseURL())
	if s.Keys == "" && path != "" {
		if err := ensureKeyFile(ctx, d, path); err != nil {
			return nil, err
		}
	}
	return ReadKeys(s.Keys, s.databaseURL())
}

// ensureKeyFile makes the key file, unless the database already needs a key: a
// new one would not open anything, and would stand in the way of the lost one.
func ensureKeyFile(ctx context.Context, d *db.DB, path string) error {
	if _, err := keyring.ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
		return nil // there; what is wrong with it is said when it is used
	}
	ids, err := sealed.KeysOnRecord(ctx, d)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		return MissingKeyFile(path, ids)
	}
	if _, err := keyring.CreateFile(path); err != nil {
		return fmt.Errorf("make the key file: %w", err)
	}
	return nil
}

// MissingKeyFile is the error about a key file that is gone, and the keys that the
// database needs.
func MissingKeyFile(path string, ids []string) error {
	e := problem("Keys", "", "the key file %s is missing, and the database needs key %s: restore the file, or set {Keys}",
		path, strings.Join(ids, ", "))
	e.Environment = true
	return e
}
