package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

type keysCmd struct {
	Generate keysGenerateCmd `cmd:"" help:"Print a new encryption key."`
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
func (f *serveFlags) loadKeys(ctx context.Context, d *db.DB) (*keyring.Keyring, error) {
	spec := f.EncryptionKeys
	sqlitePath, isSQLite := db.IsSQLite(f.DatabaseURL)
	keyPath, isFile := strings.CutPrefix(spec, "file:")
	switch {
	case spec == "" && !isSQLite:
		return nil, usagef("%s: required with PostgreSQL; want Fernet keys (make one with `mcpkeep keys generate`) or file:PATH", keysSetting)
	case spec == "":
		keyPath, isFile = filepath.Join(filepath.Dir(sqlitePath), "mcpkeep.key"), true
		if err := ensureKeyFile(ctx, d, keyPath); err != nil {
			return nil, err
		}
	}
	if isFile {
		var err error
		if spec, err = keyring.ReadFile(keyPath); err != nil {
			return nil, fmt.Errorf("%s: %w", keysSetting, err)
		}
	}
	keys, err := keyring.Parse(spec)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w; want comma-separated Fernet keys or file:PATH", keysSetting, err)}
	}
	return keys, nil
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
