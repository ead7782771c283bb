package oauth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// ChallengeMethod is the only code challenge method (RFC 7636 §4.3): plain
// protects nothing.
const ChallengeMethod = "S256"

// ValidChallenge reports whether s has the form of an S256 code challenge: 43
// characters of base64url (RFC 7636 §4.2).
func ValidChallenge(s string) bool {
	return len(s) == base64.RawURLEncoding.EncodedLen(sha256.Size) && consistsOf(s, isBase64URL)
}

// ValidVerifier reports whether s has the form of a code verifier: 43 to 128
// unreserved characters (RFC 7636 §4.1).
func ValidVerifier(s string) bool {
	return len(s) >= 43 && len(s) <= 128 && consistsOf(s, isUnreserved)
}

// Challenge returns the S256 code challenge of a verifier (RFC 7636 §4.2).
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// NewVerifier returns a code verifier with 256 random bits.
func NewVerifier() string {
	return base64.RawURLEncoding.EncodeToString(random(32))
}

// random returns n random bytes. The system's generator does not fail: the
// program ends before it would.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
