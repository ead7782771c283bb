package keyring

import (
	"encoding/base64"
	"strings"

	"github.com/fernet/fernet-go"
)

// SealShared seals a value with the primary key as Python's Fernet does: without
// a place and without a key ID. It is for rows shared with Python programs.
func (k *Keyring) SealShared(plaintext []byte) (token string, err error) {
	sealed, err := fernet.EncryptAndSign(plaintext, k.keys[0].secret())
	return string(sealed), err
}

// OpenShared opens a token that was sealed without a place. It tries the keys in
// their order and returns the id of the one that fits. It takes the spellings
// that Python's MultiFernet takes, so a token's text identifies nothing. The
// error is ErrDamaged; whether a key is missing cannot be told.
func (k *Keyring) OpenShared(token []byte) (plaintext []byte, keyID string, err error) {
	size, ok := decodedSize(token)
	if !ok { // not as Fernet writes it
		raw, ok := decodeLikePython(string(token))
		if !ok {
			return nil, "", ErrDamaged
		}
		token, size = alphabet.AppendEncode(nil, raw), len(raw)
	}
	for _, key := range k.keys {
		if plaintext, ok := key.open(token, size); ok {
			return plaintext, key.id, nil
		}
	}
	return nil, "", ErrDamaged
}

// decodedSize returns how many bytes a token decodes to, whole.
func decodedSize(token []byte) (int, bool) {
	var usual [2 << 10]byte
	raw := usual[:]
	if most := alphabet.DecodedLen(len(token)); most > len(raw) {
		raw = make([]byte, most)
	}
	n, err := alphabet.Decode(raw, token)
	return n, err == nil
}

// urlSafe turns the standard base64 alphabet into the URL-safe one.
var urlSafe = strings.NewReplacer("+", "-", "/", "_")

// decodeLikePython decodes what base64.urlsafe_b64decode does: either alphabet,
// with other characters skipped and the end at the first complete padding. A
// stricter reader would refuse rows that the Python program still reads.
func decodeLikePython(text string) (raw []byte, ok bool) {
	text = urlSafe.Replace(text)
	kept, pads := make([]byte, 0, len(text)), 0
	for i := range len(text) {
		quad := len(kept) % 4
		switch c := text[i]; {
		case c == '=' && quad >= 2:
			if pads++; quad+pads >= 4 {
				return rawBytes(kept)
			}
		case isAlphabet(c):
			kept, pads = append(kept, c), 0
		}
	}
	if len(kept)%4 != 0 {
		return nil, false // incomplete, and not padded
	}
	return rawBytes(kept)
}

func rawBytes(text []byte) ([]byte, bool) {
	raw, err := base64.RawURLEncoding.AppendDecode(nil, text)
	return raw, err == nil
}

func isAlphabet(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
