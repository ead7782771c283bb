package keyring

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

// macLabel keeps keys for MACs apart from the keys that encrypt.
const macLabel = "mcpkeep mac key\x00"

// MAC returns the 32 bytes of HMAC-SHA256 over a message, by a key that is derived from
// the primary key (RFC 5869) for this place. It proves later that this server, or a replica
// with the same keys, has seen the message.
func (k *Keyring) MAC(place string, message []byte) ([]byte, error) {
	if len(k.keys) == 0 || !validPlace(place) {
		return nil, fmt.Errorf("authenticate a value for %q: no key, or an invalid place", place)
	}
	return k.keys[0].mac(place, message), nil
}

// VerifyMAC reports whether MAC made these bytes, or their beginning of at least 16 bytes,
// for the message and place, with any key of the ring.
func (k *Keyring) VerifyMAC(place string, message, mac []byte) bool {
	if len(mac) < sha256.Size/2 || len(mac) > sha256.Size || !validPlace(place) {
		return false
	}
	for _, key := range k.keys {
		if hmac.Equal(key.mac(place, message)[:len(mac)], mac) {
			return true
		}
	}
	return false
}

func (k key) mac(place string, message []byte) []byte {
	derived, err := hkdf.Key(sha256.New, k.secret()[:], nil, macLabel+place, sha256.Size)
	if err != nil {
		panic(err) // only a length beyond 255 hashes is refused
	}
	h := hmac.New(sha256.New, derived)
	h.Write(message)
	return h.Sum(nil)
}
