package repo

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// place says where a sealed value belongs; it is bound into the seal, so that a
// value copied to another row or column does not open.
type place struct{ table, column, row string }

func (p place) String() string { return p.table + "/" + p.column + "/" + p.row }

func (r *Repo) seal(p place, plaintext []byte) (keyring.Sealed, error) {
	sealed, err := r.keys.Seal(p.String(), plaintext)
	if err != nil {
		return keyring.Sealed{}, fmt.Errorf("seal %s: %w", p, err)
	}
	return sealed, nil
}

// missingKey is the error of a process that lacks a key which another replica
// has: its rollout is not finished. Nothing is wrong with the value, so this is
// transient and not an UnreadableError.
func missingKey(table, row, keyID string) error {
	return fmt.Errorf("%s row %q: %w: key %s is not configured here", table, row, storage.ErrUnavailable, keyID)
}

// open opens a sealed value. Failure is an UnreadableError, or ErrUnavailable for
// want of the key; never "not found".
func (r *Repo) open(p place, sealed keyring.Sealed) ([]byte, error) {
	plaintext, err := r.keys.Open(p.String(), sealed)
	if errors.Is(err, keyring.ErrUnknownKey) {
		return nil, missingKey(p.table, p.row, sealed.KeyID)
	}
	if err != nil {
		return nil, p.unreadable(sealed.KeyID)
	}
	return plaintext, nil
}

func (p place) unreadable(keyID string) error {
	return &storage.UnreadableError{Table: p.table, Row: p.row, KeyID: keyID}
}

func (r *Repo) sealJSON(p place, v any) (keyring.Sealed, error) {
	plaintext, err := json.Marshal(v)
	if err != nil {
		return keyring.Sealed{}, fmt.Errorf("encode %s: %w", p, err)
	}
	return r.seal(p, plaintext)
}

func (r *Repo) openJSON(p place, sealed keyring.Sealed, v any) error {
	plaintext, err := r.open(p, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plaintext, v); err != nil {
		return p.unreadable(sealed.KeyID)
	}
	return nil
}

// sealOptional seals a value that may be absent.
func (r *Repo) sealOptional(p place, plaintext []byte) (token, keyID *string, err error) {
	if plaintext == nil {
		return nil, nil, nil
	}
	sealed, err := r.seal(p, plaintext)
	if err != nil {
		return nil, nil, err
	}
	return &sealed.Token, &sealed.KeyID, nil
}

// openOptional opens a value that may be absent.
func (r *Repo) openOptional(p place, token, keyID *string) ([]byte, error) {
	if token == nil || keyID == nil {
		return nil, nil
	}
	return r.open(p, keyring.Sealed{KeyID: *keyID, Token: *token})
}
