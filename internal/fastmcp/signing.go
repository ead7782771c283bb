package fastmcp

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// How FastMCP derives keys (jwt_issuer.py, oauth_proxy.py) and py-key-value its
// passphrase keys (wrappers/encryption/fernet.py). The same in all versions.
const (
	signingSalt           = "fastmcp-jwt-signing-key"
	storageSalt           = "fastmcp-storage-encryption-key"
	derivationInfo        = "Fernet"
	signingIterations     = 1_000_000
	passphraseIterations  = 1_200_000
	derivedBytes          = 32
	derivedText           = 44 // derivedBytes in base64 with padding
	fingerprintHexDigits  = 12
	errorOfDerivationText = "cannot derive a key"
)

// SigningKey is the HMAC key of a FastMCP server's tokens. FastMCP uses the base64 text
// of what it derives, not the bytes behind it. Printing it shows its fingerprint. The
// zero value verifies nothing.
type SigningKey struct{ secret func() []byte }

func signingKey(secret []byte) SigningKey { return SigningKey{func() []byte { return secret }} }

// KeyOfClientSecret is FastMCP's key when no signing key is configured: HKDF of the
// provider's client secret.
func KeyOfClientSecret(secret string) SigningKey {
	return signingKey([]byte(derive(secret, signingSalt)))
}

// KeyOfPassphrase is FastMCP's key when jwt_signing_key is a string: PBKDF2, which takes
// a good part of a second.
func KeyOfPassphrase(text string) (SigningKey, error) {
	key, err := stretch(text, signingSalt, signingIterations)
	return signingKey([]byte(key)), err
}

// KeyOfBytes is FastMCP's key when jwt_signing_key is bytes, or a derived key as text.
func KeyOfBytes(raw []byte) SigningKey { return signingKey(raw) }

// ErrSigningKey is a text that describes no signing key. It quotes nothing.
var ErrSigningKey = errors.New("not a signing key")

// ParseSigningKey reads passphrase:TEXT (what was given to jwt_signing_key as a string),
// raw:BASE64 (given as bytes) or derived:TEXT (the 44 characters that FastMCP derived).
func ParseSigningKey(spec string) (SigningKey, error) {
	kind, value, _ := strings.Cut(spec, ":")
	switch {
	case value == "":
		return SigningKey{}, ErrSigningKey
	case kind == "passphrase":
		return KeyOfPassphrase(value)
	case kind == "raw":
		raw, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return SigningKey{}, errors.New("raw: is not followed by standard base64")
		}
		return KeyOfBytes(raw), nil
	case kind == "derived":
		if raw, err := base64.URLEncoding.DecodeString(value); err != nil || len(raw) != derivedBytes || len(value) != derivedText {
			return SigningKey{}, errors.New("derived: is not followed by 44 characters of URL-safe base64")
		}
		return KeyOfBytes([]byte(value)), nil
	}
	return SigningKey{}, ErrSigningKey
}

// StorageKey is the Fernet key of FastMCP's default store, which it derives from the
// signing key.
func (k SigningKey) StorageKey() string { return derive(string(k.secret()), storageSalt) }

// Fingerprint identifies the key without revealing it: the name of the directory in which
// FastMCP 3 and later keep the default store. "" for the zero value.
func (k SigningKey) Fingerprint() string {
	if k.secret == nil {
		return ""
	}
	sum := sha256.Sum256([]byte(k.StorageKey()))
	return hex.EncodeToString(sum[:])[:fingerprintHexDigits]
}

// String shows the fingerprint.
func (k SigningKey) String() string { return "FastMCP signing key " + k.Fingerprint() }

// Format shows the fingerprint, whatever the verb.
func (k SigningKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue logs the fingerprint.
func (k SigningKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// sum is the HS256 signature of a text (RFC 7518 §3.2).
func (k SigningKey) sum(text string) []byte {
	mac := hmac.New(sha256.New, k.secret())
	_, _ = mac.Write([]byte(text)) // never fails
	return mac.Sum(nil)
}

// PassphraseKey is the Fernet key of py-key-value's FernetEncryptionWrapper with
// source_material and salt. It takes a good part of a second.
func PassphraseKey(material, salt string) (string, error) {
	return stretch(material, salt, passphraseIterations)
}

func derive(secret, salt string) string {
	key, err := hkdf.Key(sha256.New, []byte(secret), []byte(salt), derivationInfo, derivedBytes)
	if err != nil {
		panic(errorOfDerivationText) // HKDF gives up to 255 hashes
	}
	return base64.URLEncoding.EncodeToString(key)
}

func stretch(secret, salt string, iterations int) (string, error) {
	key, err := pbkdf2.Key(sha256.New, secret, []byte(salt), iterations, derivedBytes)
	if err != nil {
		return "", errors.New(errorOfDerivationText)
	}
	return base64.URLEncoding.EncodeToString(key), nil
}
