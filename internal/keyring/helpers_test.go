package keyring_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// Keys of tests; specKey is the one of the Fernet specification's vectors.
const (
	specKey  = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
	otherKey = "ShZNsV87_h3lPyryK6kQC2UPzsXDmc52zVYcFVn30JA="

	specKeyID  = "abfcf3c89e14de74"
	otherKeyID = "d40c233f435cacc8"
)

const place = "oauth_users/profile/u1"

func ring(t testing.TB, spec string) *keyring.Keyring {
	t.Helper()
	k, err := keyring.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t testing.TB, k *keyring.Keyring, place, plaintext string) keyring.Sealed {
	t.Helper()
	sealed, err := k.Seal(place, []byte(plaintext))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func sealShared(t testing.TB, k *keyring.Keyring, plaintext string) string {
	t.Helper()
	token, err := k.SealShared([]byte(plaintext))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, v); err != nil {
		t.Fatal(err)
	}
}

// token makes a Fernet token from its parts, independently of the library. The
// padded plaintext is whole blocks; what else it is, is the test's affair.
func token(t testing.TB, keyText string, at time.Time, iv [aes.BlockSize]byte, padded []byte) string {
	t.Helper()
	key, err := base64.URLEncoding.DecodeString(keyText)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key[16:])
	if err != nil {
		t.Fatal(err)
	}
	raw := append(binary.BigEndian.AppendUint64([]byte{0x80}, uint64(at.Unix())), iv[:]...)
	encrypted := make([]byte, len(padded))
	cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(encrypted, padded)
	return sign(key, append(raw, encrypted...))
}

func sign(key, raw []byte) string {
	mac := hmac.New(sha256.New, key[:16])
	mac.Write(raw)
	return base64.URLEncoding.EncodeToString(mac.Sum(raw))
}

// pad appends PKCS #7 padding.
func pad(plaintext string) []byte {
	n := aes.BlockSize - len(plaintext)%aes.BlockSize
	padded := []byte(plaintext)
	for range n {
		padded = append(padded, byte(n))
	}
	return padded
}
