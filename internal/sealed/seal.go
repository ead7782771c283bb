package sealed

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Place says where a sealed value belongs; it is bound into the seal, so that a
// value copied to another row or column does not open. Row is the primary key.
type Place struct{ Table, Column, Row string }

func (p Place) String() string { return p.Table + "/" + p.Column + "/" + p.Row }

// Seal seals a value for its place with the primary key.
func (d *DB) Seal(p Place, plaintext []byte) (keyring.Sealed, error) {
	sealed, err := d.keys.Seal(p.String(), plaintext)
	if err != nil {
		return keyring.Sealed{}, fmt.Errorf("encrypt %s: %w", p, err)
	}
	return sealed, nil
}

// MissingKey is the error of a process that lacks a key which another replica has:
// its rollout is not finished. Nothing is wrong with the value, so this is transient
// (storage.ErrUnavailable) and not an UnreadableError.
func (p Place) MissingKey(keyID string) error {
	return fmt.Errorf("%s row %q: %w: key %s is not configured here", p.Table, p.Row, storage.ErrUnavailable, keyID)
}

// Open opens the value of a place. The error is a storage.UnreadableError, or wraps
// storage.ErrUnavailable when the key is not configured; it is never "not found".
func (d *DB) Open(p Place, sealed keyring.Sealed) ([]byte, error) {
	plaintext, err := d.keys.Open(p.String(), sealed)
	if errors.Is(err, keyring.ErrUnknownKey) {
		return nil, p.MissingKey(sealed.KeyID)
	}
	if err != nil {
		d.observer.Unreadable(p.Table)
		return nil, p.Unreadable(sealed.KeyID)
	}
	return plaintext, nil
}

// Unreadable is the error about a value that does not open. keyID may be "".
func (p Place) Unreadable(keyID string) error {
	return &storage.UnreadableError{Table: p.Table, Row: p.Row, KeyID: keyID}
}

// SealJSON is Seal for a value that is kept as JSON.
func (d *DB) SealJSON(p Place, v any) (keyring.Sealed, error) {
	plaintext, err := json.Marshal(v)
	if err != nil {
		return keyring.Sealed{}, fmt.Errorf("encode %s: %w", p, err)
	}
	return d.Seal(p, plaintext)
}

// OpenJSON is Open for a value that is kept as JSON.
func (d *DB) OpenJSON(p Place, sealed keyring.Sealed, v any) error {
	plaintext, err := d.Open(p, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plaintext, v); err != nil {
		d.observer.Unreadable(p.Table)
		return p.Unreadable(sealed.KeyID)
	}
	return nil
}

// SealOptional seals a value that may be absent: nil is stored as NULL.
func (d *DB) SealOptional(p Place, plaintext []byte) (token, keyID *string, err error) {
	if plaintext == nil {
		return nil, nil, nil
	}
	sealed, err := d.Seal(p, plaintext)
	if err != nil {
		return nil, nil, err
	}
	return &sealed.Token, &sealed.KeyID, nil
}

// OpenOptional opens a value that may be absent: NULL is nil.
func (d *DB) OpenOptional(p Place, token, keyID *string) ([]byte, error) {
	if token == nil || keyID == nil {
		return nil, nil
	}
	return d.Open(p, keyring.Sealed{KeyID: *keyID, Token: *token})
}

// Now returns the time by the clock that decides for the database.
func (d *DB) Now() time.Time { return d.db.Now() }
