package identity

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost of a new hash: 19 MiB, two passes, one lane (OWASP Password Storage Cheat
// Sheet, argon2id), about 20 ms. Old hashes keep the cost they were made with.
const (
	hashMemory = 19 * 1024 // KiB
	hashPasses = 2
	hashLanes  = 1
	saltSize   = 16
	keySize    = 32
)

// Bounds for stored hashes: a tampered row must not make a sign-in take gigabytes or
// minutes.
const (
	maxMemory = 256 * 1024 // KiB
	maxPasses = 16
	maxLanes  = 16
	minSalt   = 8
	minKey    = 16
	maxBytes  = 64 // of salt and of key

	maxPassword = 1024 // bytes
)

// ErrPasswordHash means that the text is not an argon2id PHC string, or its parameters are
// out of bounds. The error never holds the text.
var ErrPasswordHash = errors.New("identity: malformed argon2id password hash")

var phcBase64 = base64.RawStdEncoding.Strict()

// HashPassword returns the password's argon2id hash (RFC 9106) as a PHC string,
// $argon2id$v=19$m=19456,t=2,p=1$salt$hash, with a fresh salt. It refuses an empty
// password and one above 1024 bytes.
func HashPassword(password string) (string, error) {
	if password == "" || len(password) > maxPassword {
		return "", fmt.Errorf("identity: a password must have 1 to %d bytes, not %d", maxPassword, len(password))
	}
	h := phc{memory: hashMemory, passes: hashPasses, lanes: hashLanes, salt: make([]byte, saltSize)}
	_, _ = rand.Read(h.salt) // never returns an error: it crashes the program instead
	h.key = h.derive(password, keySize)
	return h.String(), nil
}

// VerifyPassword reports whether the PHC string was made from the password,
// comparing in constant time. A malformed string, another algorithm or parameters
// out of bounds are ErrPasswordHash, found before anything is computed.
func VerifyPassword(phcString, password string) (bool, error) {
	h, err := parsePHC(phcString)
	if err != nil {
		return false, err
	}
	if password == "" || len(password) > maxPassword {
		return false, nil
	}
	return subtle.ConstantTimeCompare(h.derive(password, uint32(len(h.key))), h.key) == 1, nil //nolint:gosec // parsePHC bounds the key
}

type phc struct {
	memory, passes, lanes uint32
	salt, key             []byte
}

func (h phc) derive(password string, size uint32) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, uint8(h.lanes), size) //nolint:gosec // parsePHC bounds the lanes
}

func (h phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.lanes,
		phcBase64.EncodeToString(h.salt), phcBase64.EncodeToString(h.key))
}

func parsePHC(s string) (phc, error) {
	var h phc
	part := strings.Split(s, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, ErrPasswordHash
	}
	ok := h.parseCost(part[3])
	var saltErr, keyErr error
	h.salt, saltErr = phcBase64.DecodeString(part[4])
	h.key, keyErr = phcBase64.DecodeString(part[5])
	if !ok || saltErr != nil || keyErr != nil || !within(len(h.salt), minSalt, maxBytes) || !within(len(h.key), minKey, maxBytes) {
		return phc{}, ErrPasswordHash
	}
	// The decoder skips line breaks and the number parser leading zeros; the
	// format allows neither.
	if h.String() != s {
		return phc{}, ErrPasswordHash
	}
	return h, nil
}

func (h *phc) parseCost(s string) bool {
	field := strings.Split(s, ",")
	if len(field) != 3 {
		return false
	}
	return parseParam(field[0], "m=", 1, maxMemory, &h.memory) &&
		parseParam(field[1], "t=", 1, maxPasses, &h.passes) &&
		parseParam(field[2], "p=", 1, maxLanes, &h.lanes) &&
		h.memory >= 8*h.lanes // RFC 9106 section 3.1
}

func parseParam(s, name string, low, high uint64, into *uint32) bool {
	digits, ok := strings.CutPrefix(s, name)
	if !ok {
		return false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	*into = uint32(n)
	return err == nil && low <= n && n <= high
}

func within(n, low, high int) bool { return low <= n && n <= high }
