package keyring

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/fernet/fernet-go"
)

// Why a value does not open.
var (
	// ErrUnknownKey: the key that sealed it is not in the ring.
	ErrUnknownKey = errors.New("sealed with a key that is not configured")
	// ErrDamaged: the value is not what was sealed with the key.
	ErrDamaged = errors.New("damaged or sealed with another key")
	// ErrMisplaced: the value was sealed for another place.
	ErrMisplaced = errors.New("sealed for another place")
)

// OpenError says which value does not open and why. It holds no value.
type OpenError struct {
	Place string
	KeyID string
	Err   error // ErrUnknownKey, ErrDamaged or ErrMisplaced
}

func (e *OpenError) Error() string {
	return fmt.Sprintf("open %s (key id %s): %v", e.Place, e.KeyID, e.Err)
}

// Unwrap returns the reason.
func (e *OpenError) Unwrap() error { return e.Err }

// Sealed is a sealed value and the id of the key that opens it.
type Sealed struct {
	KeyID string
	Token string // Fernet token: URL-safe base64 with padding
}

type key struct {
	id  string
	key *fernet.Key
}

// Keyring holds one or more keys: the first seals, all open.
type Keyring struct{ keys []key }

// Parse reads comma-separated Fernet keys (44 characters of URL-safe base64,
// padding included). Errors name a key by its position, never by its text.
func Parse(spec string) (*Keyring, error) {
	k := &Keyring{}
	for i, text := range strings.Split(spec, ",") {
		parsed, err := parseKey(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		if k.Has(parsed.id) {
			return nil, fmt.Errorf("key %d is there twice", i+1)
		}
		k.keys = append(k.keys, parsed)
	}
	return k, nil
}

func parseKey(text string) (key, error) {
	raw, err := base64.URLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != len(fernet.Key{}) {
		return key{}, errors.New("not a Fernet key (32 bytes as URL-safe base64 with padding)")
	}
	var k fernet.Key
	copy(k[:], raw)
	return key{id: keyID(k), key: &k}, nil
}

// keyID names a key without telling anything about it.
func keyID(k fernet.Key) string {
	sum := sha256.Sum256(append([]byte("mcpkeep fernet key id\x00"), k[:]...))
	return hex.EncodeToString(sum[:8])
}

// Generate returns the text of a new random key.
func Generate() string {
	var k fernet.Key
	if err := k.Generate(); err != nil {
		panic(err) // crypto/rand never fails
	}
	return k.Encode()
}

// Primary returns the id of the key that seals.
func (k *Keyring) Primary() string { return k.keys[0].id }

// IDs returns the ids of all keys, the primary first.
func (k *Keyring) IDs() []string {
	ids := make([]string, len(k.keys))
	for i, key := range k.keys {
		ids[i] = key.id
	}
	return ids
}

// Has says whether a key is in the ring.
func (k *Keyring) Has(id string) bool {
	_, ok := k.find(id)
	return ok
}

func (k *Keyring) find(id string) (*fernet.Key, bool) {
	for _, key := range k.keys {
		if key.id == id {
			return key.key, true
		}
	}
	return nil, false
}

// Format writes the key ids, whatever the verb: a key is never printed.
func (k *Keyring) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "keyring(%s)", strings.Join(k.IDs(), " "))
}

// LogValue logs the key ids.
func (k *Keyring) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(k)) }

// Seal seals a value for a place ("table/column/row") with the primary key.
// Fernet has no associated data, so the place goes in front of the plaintext.
func (k *Keyring) Seal(place string, plaintext []byte) (Sealed, error) {
	token, err := k.SealShared(append([]byte(place+"\x00"), plaintext...))
	return Sealed{KeyID: k.Primary(), Token: token}, err
}

// Open opens a value that was sealed for this place. The error is an OpenError.
func (k *Keyring) Open(place string, s Sealed) ([]byte, error) {
	fail := func(why error) ([]byte, error) { return nil, &OpenError{Place: place, KeyID: s.KeyID, Err: why} }
	fernetKey, ok := k.find(s.KeyID)
	if !ok {
		return fail(ErrUnknownKey)
	}
	// Fernet opens tokens with rubbish behind them; ours have one spelling.
	raw, err := base64.URLEncoding.Strict().DecodeString(s.Token)
	if err != nil || base64.URLEncoding.EncodeToString(raw) != s.Token {
		return fail(ErrDamaged)
	}
	opened := fernet.VerifyAndDecrypt([]byte(s.Token), 0, []*fernet.Key{fernetKey})
	if opened == nil {
		return fail(ErrDamaged)
	}
	plaintext, ok := bytes.CutPrefix(opened, []byte(place+"\x00"))
	if !ok {
		return fail(ErrMisplaced)
	}
	return plaintext, nil
}

// SealShared seals a value with the primary key, bare, as Python's Fernet does.
func (k *Keyring) SealShared(plaintext []byte) (string, error) {
	token, err := fernet.EncryptAndSign(plaintext, k.keys[0].key)
	return string(token), err
}

// OpenShared opens a bare token with whichever key fits, as leniently as
// Python's MultiFernet, and says which one did.
func (k *Keyring) OpenShared(token string) (plaintext []byte, keyID string, err error) {
	for _, key := range k.keys {
		// nil is the only sign of failure: an empty plaintext is not nil.
		if opened := fernet.VerifyAndDecrypt([]byte(token), 0, []*fernet.Key{key.key}); opened != nil {
			return opened, key.id, nil
		}
	}
	return nil, "", ErrDamaged
}
