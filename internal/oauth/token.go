package oauth

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// TokenKind is the prefix that tells what an opaque value is.
type TokenKind string

// The kinds of opaque values. Secret scanners know them by the expression
// mk[acgprs]_[a-z2-7]{64}.
const (
	KindAccessToken       TokenKind = "mka_"
	KindPersonalToken     TokenKind = "mkp_"
	KindRefreshToken      TokenKind = "mkr_"
	KindCode              TokenKind = "mkc_"
	KindClientSecret      TokenKind = "mks_"
	KindRegistrationToken TokenKind = "mkg_"
)

// An opaque value is its prefix followed by base32 of random bytes and the
// CRC-32 of prefix and random bytes. The lengths leave no padding and no spare
// bits, so that a value has one spelling only.
const (
	randomSize   = 36 // bytes: 288 bits
	checksumSize = crc32.Size
)

// encoding has letters and digits only: clients disagree about the encoding of
// everything else in HTTP Basic.
var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewAccessToken returns a new access token.
func NewAccessToken() string { return newToken(KindAccessToken) }

// NewPersonalToken returns a new personal token: an access token that its user makes for a
// script.
func NewPersonalToken() string { return newToken(KindPersonalToken) }

// NewRefreshToken returns a new refresh token.
func NewRefreshToken() string { return newToken(KindRefreshToken) }

// NewCode returns a new authorization code.
func NewCode() string { return newToken(KindCode) }

// NewClientSecret returns a new client secret.
func NewClientSecret() string { return newToken(KindClientSecret) }

// NewRegistrationToken returns a new registration access token (RFC 7592 §1.2).
func NewRegistrationToken() string { return newToken(KindRegistrationToken) }

func newToken(kind TokenKind) string {
	body := random(randomSize)
	return string(kind) + encoding.EncodeToString(append(body, checksum(kind, body)...))
}

// WellFormed reports whether s has prefix, length, alphabet and checksum of a
// kind. It tells a value of ours from any other string without a lookup; it
// does not tell whether the value was ever issued.
func WellFormed(kind TokenKind, s string) bool {
	encoded, ok := strings.CutPrefix(s, string(kind))
	if !ok || len(encoded) != encoding.EncodedLen(randomSize+checksumSize) {
		return false
	}
	// Line breaks, which the decoder skips, make the result too short.
	body, err := encoding.DecodeString(encoded)
	return err == nil && len(body) == randomSize+checksumSize &&
		bytes.Equal(body[randomSize:], checksum(kind, body[:randomSize]))
}

// IsAccessToken reports whether s is a well-formed access token.
func IsAccessToken(s string) bool { return WellFormed(KindAccessToken, s) }

// IsPersonalToken reports whether s is a well-formed personal token.
func IsPersonalToken(s string) bool { return WellFormed(KindPersonalToken, s) }

func checksum(kind TokenKind, body []byte) []byte {
	sum := crc32.ChecksumIEEE(append([]byte(kind), body...))
	return binary.BigEndian.AppendUint32(nil, sum)
}

// NewID returns an identifier with at least 128 random bits: the prefix, an
// underscore, and lower-case letters and digits.
func NewID(prefix string) string {
	return prefix + "_" + strings.ToLower(rand.Text())
}
