package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// Hash is the SHA-256 of an opaque value in base64url without padding, 43
// characters. A plain hash is right because such values hold 256 random bits or
// more.
type Hash string

// HashToken returns the hash of an opaque value.
func HashToken(value string) Hash {
	sum := sha256.Sum256([]byte(value))
	return Hash(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// EqualHash compares in constant time. An empty hash equals none, itself
// included: it stands for a value that does not exist.
func EqualHash(a, b Hash) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
