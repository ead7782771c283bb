package storage

import (
	"context"
	"time"
)

// SigningKeyStore keeps the keys that sign identity assertions. Private keys are sealed and
// bound to their rows.
type SigningKeyStore interface {
	// SigningKeys returns all keys by their numbers. One that does not open is in the list as
	// well.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	// AddSigningKey adds a key, unless one has its number: of any number of callers one adds
	// theirs, and no error tells which.
	AddSigningKey(ctx context.Context, key SigningKey) error
	// DropSigningKeys deletes the keys up to a number.
	DropSigningKeys(ctx context.Context, through int64) error
}

// SigningKey is a key of a [SigningKeyStore].
type SigningKey struct {
	ID        string // thumbprint of the public key (RFC 7638)
	Number    int64
	CreatedAt time.Time
	SignsAt   time.Time // from then on, until the next one does
	// Private is the private key (PKCS #8), nil when Broken says why it does not open:
	// ErrUnavailable when its encryption key is not configured here, otherwise an
	// UnreadableError.
	Private []byte
	Broken  error
}
