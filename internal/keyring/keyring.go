package keyring

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/fernet/fernet-go"
)

const (
	keyTextLen = 44 // 32 bytes in base64 with padding
	idLen      = 8  // bytes; twice as many hexadecimal digits

	// idLabel keeps a key's id apart from every other hash of the key.
	idLabel = "mcpkeep fernet key id\x00"
)

// Keyring holds one or more Fernet keys: the first one seals, all open. It does
// not change and is safe for concurrent use. Printing or logging it shows ids.
// The zero value holds no key: it opens nothing and cannot seal.
type Keyring struct{ keys []key }

// key keeps its secret in a function: fmt can print what is behind a pointer or
// in an unexported field, and does so for a verb that does not fit.
type key struct {
	id     string
	secret func() *fernet.Key
}

// Parse reads comma-separated Fernet keys, each 44 characters of URL-safe base64
// with padding; white space around them is skipped. As in Python's Fernet, keys
// in the standard alphabet are keys too, so that what a deployed program runs
// with keeps working. An error names a key by its position, counted from 1, and
// never by its text.
func Parse(spec string) (*Keyring, error) {
	if strings.TrimSpace(spec) == "" {
		return nil, errors.New("no encryption key configured")
	}
	k := &Keyring{}
	for i, text := range strings.Split(spec, ",") {
		added, err := parseKey(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("encryption key %d: %w", i+1, err)
		}
		for j, known := range k.keys {
			if known.id == added.id {
				return nil, fmt.Errorf("encryption key %d: the same as key %d", i+1, j+1)
			}
		}
		k.keys = append(k.keys, added)
	}
	return k, nil
}

func parseKey(text string) (key, error) {
	if err := misspelled(text); err != nil {
		return key{}, err
	}
	raw, err := alphabet.DecodeString(urlSafe.Replace(text))
	if err != nil || len(raw) != len(fernet.Key{}) {
		// The decoder's error quotes nothing, but tells where; neither is needed.
		return key{}, errors.New("not a Fernet key; want 32 bytes in URL-safe base64 with padding")
	}
	secret := fernet.Key(raw)
	return key{id: keyID(secret), secret: func() *fernet.Key { return &secret }}, nil
}

func keyID(secret fernet.Key) string {
	sum := sha256.Sum256(append([]byte(idLabel), secret[:]...))
	return hex.EncodeToString(sum[:idLen])
}

// Generate returns the text of a new random key, in the form that Parse takes.
func Generate() string {
	var secret fernet.Key
	rand.Read(secret[:]) // never fails: it ends the program instead
	return secret.Encode()
}

// Primary returns the id of the key that seals, "" when there is no key.
func (k *Keyring) Primary() string {
	if len(k.keys) == 0 {
		return ""
	}
	return k.keys[0].id
}

// IDs returns the ids of all keys in their order, the primary first. An id is 16
// hexadecimal digits.
func (k *Keyring) IDs() []string {
	ids := make([]string, len(k.keys))
	for i, key := range k.keys {
		ids[i] = key.id
	}
	return ids
}

// With returns a ring that also opens what the keys of another one sealed.
func (k *Keyring) With(other *Keyring) *Keyring {
	all := &Keyring{keys: slices.Clone(k.keys)}
	for _, added := range other.keys {
		if !all.Has(added.id) {
			all.keys = append(all.keys, added)
		}
	}
	return all
}

// Has reports whether a key with this id is in the ring.
func (k *Keyring) Has(id string) bool {
	_, ok := k.find(id)
	return ok
}

func (k *Keyring) find(id string) (key, bool) {
	for _, key := range k.keys {
		if key.id == id {
			return key, true
		}
	}
	return key{}, false
}

// String returns the key ids.
func (k Keyring) String() string { return "keyring(" + strings.Join(k.IDs(), " ") + ")" }

// GoString returns the key ids.
func (k Keyring) GoString() string { return k.String() }

// Format writes the key ids, whatever the verb.
func (k Keyring) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue logs the key ids.
func (k Keyring) LogValue() slog.Value { return slog.StringValue(k.String()) }
