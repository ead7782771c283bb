package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

type keysCmd struct {
	Generate keysGenerateCmd `cmd:"" help:"Print a new encryption key."`
	List     keysListCmd     `cmd:"" help:"List the keys on record and the configured ones, and what they seal."`
	Rotate   keysRotateCmd   `cmd:"" help:"Re-encrypt everything with the first configured key and retire the others."`
}

type keysGenerateCmd struct{}

// Run prints a key that nobody has ever used.
func (keysGenerateCmd) Run(std streams) error {
	_, err := fmt.Fprintln(std.out, keyring.Generate())
	return err
}

const keysSetting = "MCPKEEP_ENCRYPTION_KEYS (--encryption-keys)"

// loadKeys returns the configured keys; with SQLite and none configured those of
// the key file beside the database, which it makes on the first start.
func (f *keyFlags) loadKeys(ctx context.Context, d *db.DB) (*keyring.Keyring, error) {
	path := f.keyFile()
	if f.EncryptionKeys == "" && path != "" {
		if err := ensureKeyFile(ctx, d, path); err != nil {
			return nil, err
		}
	}
	return f.readKeys(path)
}

// checkKeys refuses keys that cannot be used, before anything is migrated. The key file
// beside an SQLite database may still have to be made.
func (f *keyFlags) checkKeys() error {
	if _, isSQLite := db.IsSQLite(f.DatabaseURL); isSQLite && f.EncryptionKeys == "" {
		return nil
	}
	_, err := f.readKeys(f.keyFile())
	return err
}

// configuredKeys returns the configured keys without making any: an empty ring
// when there are none.
func (f *keyFlags) configuredKeys() (*keyring.Keyring, error) {
	path := f.keyFile()
	if f.EncryptionKeys == "" {
		if path == "" {
			return new(keyring.Keyring), nil
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return new(keyring.Keyring), nil
		}
	}
	return f.readKeys(path)
}

// keyFile returns the path of the key file, "" when keys are not in a file.
func (f *keyFlags) keyFile() string {
	if path, ok := strings.CutPrefix(f.EncryptionKeys, "file:"); ok {
		return path
	}
	sqlitePath, isSQLite := db.IsSQLite(f.DatabaseURL)
	if f.EncryptionKeys != "" || !isSQLite {
		return ""
	}
	return filepath.Join(filepath.Dir(sqlitePath), "mcpkeep.key")
}

// readKeys reads the configured keys, from the file if there is one.
func (f *keyFlags) readKeys(path string) (*keyring.Keyring, error) {
	spec := f.EncryptionKeys
	if path != "" {
		var err error
		if spec, err = keyring.ReadFile(path); err != nil {
			return nil, fmt.Errorf("%s: %w", keysSetting, err)
		}
	}
	if spec == "" {
		return nil, usagef("%s: required with PostgreSQL; want Fernet keys (make one with `mcpkeep keys generate`) or file:PATH", keysSetting)
	}
	keys, err := keyring.Parse(spec)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w; want comma-separated Fernet keys or file:PATH", keysSetting, err)}
	}
	return keys, nil
}

// withKeys opens the database and the configured keys for one command.
func (f *keyFlags) withKeys(ctx context.Context, std streams, do func(*repo.Repo, *keyring.Keyring) error) error {
	return f.withExisting(ctx, std, func(d *db.DB) error {
		keys, err := f.configuredKeys()
		if err != nil {
			return err
		}
		store := repo.New(d, keys)
		current, err := store.SchemaIsCurrent(ctx)
		if err == nil && !current {
			err = errOldSchema
		}
		if err != nil {
			return err
		}
		return do(store, keys)
	})
}

// ensureKeyFile makes the key file, unless the database already needs a key: a
// new one would not open anything, and would stand in the way of the lost one.
func ensureKeyFile(ctx context.Context, d *db.DB, path string) error {
	if _, err := keyring.ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
		return nil // there; what is wrong with it is said when it is used
	}
	ids, err := repo.KeysOnRecord(ctx, d)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		return fmt.Errorf("the key file %s is missing, and the database needs key %s: bring the file back, or set %s",
			path, strings.Join(ids, ", "), keysSetting)
	}
	if _, err := keyring.CreateFile(path); err != nil {
		return fmt.Errorf("make the key file: %w", err)
	}
	return nil
}
