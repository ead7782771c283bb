package keyring

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fernet/fernet-go"
)

// Why a value does not open.
var (
	// ErrUnknownKey: the key that sealed it is not in the ring.
	ErrUnknownKey = errors.New("encrypted with a key that is not configured")
	// ErrDamaged: it is not what was sealed with that key.
	ErrDamaged = errors.New("damaged, or encrypted with a different key")
	// ErrMisplaced: it was sealed for another place.
	ErrMisplaced = errors.New("encrypted for a different row or column")
)

// OpenError says which value does not open and why. It holds nothing of the
// value.
type OpenError struct {
	Place string
	KeyID string
	Err   error // ErrUnknownKey, ErrDamaged or ErrMisplaced
}

func (e *OpenError) Error() string {
	return fmt.Sprintf("decrypt %s (key ID %s): %v", e.Place, e.KeyID, e.Err)
}

// Unwrap returns the reason.
func (e *OpenError) Unwrap() error { return e.Err }

// Sealed is a sealed value and the id of the key that opens it.
type Sealed struct {
	KeyID string
	Token string // Fernet token: URL-safe base64 with padding
}

// Seal seals a value for a place ("table/column/row") with the primary key. A
// place without a name, or with a NUL in it, is refused.
//
// Fernet has no associated data, so the place goes in front of the plaintext,
// with a NUL behind it, and Open compares it.
func (k *Keyring) Seal(place string, plaintext []byte) (Sealed, error) {
	if !validPlace(place) {
		return Sealed{}, fmt.Errorf("encrypt a value for %q: invalid place", place)
	}
	token, err := k.SealShared(append(frame(place), plaintext...))
	if err != nil {
		return Sealed{}, fmt.Errorf("encrypt %s: %w", place, err)
	}
	return Sealed{KeyID: k.Primary(), Token: token}, nil
}

// Open opens a value that was sealed for this place; one that was empty comes
// back empty and not nil. The key is chosen by its id, and the token must be
// spelled as Seal spells it: base64 decoders forgive much, and here everything
// else is damage. The error is always an *OpenError. Age is not checked.
func (k *Keyring) Open(place string, s Sealed) ([]byte, error) {
	fail := func(why error) ([]byte, error) {
		return nil, &OpenError{Place: place, KeyID: s.KeyID, Err: why}
	}
	key, ok := k.find(s.KeyID)
	if !ok {
		return fail(ErrUnknownKey)
	}
	raw, err := alphabet.DecodeString(s.Token)
	if err != nil || alphabet.EncodeToString(raw) != s.Token {
		return fail(ErrDamaged)
	}
	opened, ok := key.open([]byte(s.Token), len(raw))
	if !ok {
		return fail(ErrDamaged)
	}
	plaintext, ok := bytes.CutPrefix(opened, frame(place))
	if !ok || !validPlace(place) {
		return fail(ErrMisplaced)
	}
	return plaintext, nil
}

// A NUL in a place would let one place be the beginning of another's plaintext.
func validPlace(place string) bool { return place != "" && !strings.Contains(place, "\x00") }

func frame(place string) []byte { return append([]byte(place), 0) }

// alphabet is Fernet's encoding of keys and tokens.
var alphabet = base64.URLEncoding

// minTokenLen is the length of the token of an empty plaintext: version, time,
// IV, one block, MAC.
const minTokenLen = 1 + 8 + 16 + 16 + 32

// noExpiry makes fernet-go skip the time. Sealed values have no age limit, and a
// clock that was wrong once must not lock anyone out.
const noExpiry time.Duration = 0

// open verifies and decrypts a token of a size in bytes. fernet-go takes its text
// and reads as much as it can decode; so the text must be known to decode whole.
func (k key) open(token []byte, size int) (plaintext []byte, ok bool) {
	if size < minTokenLen {
		return nil, false // fernet-go panics when a short token has a valid MAC
	}
	plaintext = fernet.VerifyAndDecrypt(token, noExpiry, []*fernet.Key{k.secret()})
	return plaintext, plaintext != nil // an empty plaintext is not nil
}
