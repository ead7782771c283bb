package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

type keysCmd struct {
	Generate keysGenerateCmd `cmd:"" help:"Print a new encryption key."`
	List     keysListCmd     `cmd:"" help:"List configured and recorded keys, and what they encrypt."`
	Rotate   keysRotateCmd   `cmd:"" help:"Re-encrypt everything with the first configured key and retire the others."`
}

type keysGenerateCmd struct{}

// Run prints a new key.
func (keysGenerateCmd) Run(std streams) error {
	_, err := fmt.Fprintln(std.out, keyring.Generate())
	return err
}

// The setting of the encryption keys, as errors name it.
const (
	keysVariable = "MCPKEEP_ENCRYPTION_KEYS"
	keysSetting  = keysVariable + " (--encryption-keys)"
)

// configuredKeys returns the configured keys without creating any; the ring is empty if
// there are none.
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
	return f.readKeys()
}

// keyFile returns the path of the key file, "" if the keys are not in a file.
func (f *keyFlags) keyFile() string { return app.KeyFile(f.EncryptionKeys, f.DatabaseURL) }

// readKeys reads the configured keys, from the file if path is set.
func (f *keyFlags) readKeys() (*keyring.Keyring, error) {
	keys, err := app.ReadKeys(f.EncryptionKeys, f.DatabaseURL)
	return keys, new(serveFlags).named(err)
}

// withKeys opens the database and the configured keys for a command.
func (f *keyFlags) withKeys(ctx context.Context, std streams, do func(*rekey.Keys, *keyring.Keyring) error) error {
	return f.withExisting(ctx, std, func(d *db.DB) error {
		keys, err := f.configuredKeys()
		if err != nil {
			return err
		}
		current, err := repo.New(d, keys).SchemaIsCurrent(ctx)
		if err == nil && !current {
			err = app.ErrOldSchema
		}
		if err != nil {
			return err
		}
		theirs, err := f.foreign(ctx, d)
		if err != nil {
			return err
		}
		onRecord := rekey.New(d, keys)
		onRecord.Share(rekey.Shared{
			Tables: theirs.Tables, Opening: theirs.Opening(keys), Sealing: theirs.Sealing(keys), Clients: theirs.SealingClients(keys),
		})
		return do(onRecord, keys)
	})
}
