package oauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// Limits of a key set, so that no one has us compute for long.
const (
	maxKeys    = 20
	minRSABits = 2048
	maxRSABits = 4096
	// maxExponent bounds what a verification costs, which grows with the exponent. In
	// practice it is 65537.
	maxExponent = 1 << 17
	// maxCandidates is how many keys are tried for one signature.
	maxCandidates = 2
)

// signingAlgs are the algorithms of client assertions. Each belongs to one type of
// public key, so that no key is ever used in another way than it was made for: none
// of them takes a public key for a shared secret.
var signingAlgs = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA}

func supportedSigningAlgs() []string {
	names := make([]string, len(signingAlgs))
	for i, alg := range signingAlgs {
		names[i] = string(alg)
	}
	return names
}

// algsOf returns the algorithms that fit a key; none for a key that is not used.
func algsOf(key any) []jose.SignatureAlgorithm {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= minRSABits && bits <= maxRSABits && k.E <= maxExponent {
			return []jose.SignatureAlgorithm{jose.RS256, jose.PS256}
		}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return []jose.SignatureAlgorithm{jose.ES256}
		}
	case ed25519.PublicKey:
		return []jose.SignatureAlgorithm{jose.EdDSA}
	}
	return nil
}

// KeySet holds the public keys of a client that may sign its assertions.
type KeySet struct{ keys []jose.JSONWebKey }

// ParseKeySet reads a JSON Web Key Set (RFC 7517 §5). Keys of other types and for
// other uses are left out; at least one must be left. A set that holds a private or
// a shared key is refused: anyone who can read it could sign.
//
// The error is an *Error with the code invalid_client_metadata.
func ParseKeySet(body []byte) (KeySet, error) {
	m, err := parseMembers(body)
	if err != nil {
		return KeySet{}, err
	}
	var raw []json.RawMessage
	if json.Unmarshal(m["keys"], &raw) != nil || len(raw) > maxKeys {
		return KeySet{}, badMetadata("a key set must have the member keys with at most 20 keys")
	}
	var set KeySet
	for _, one := range raw {
		key, usable, err := parseKey(one)
		if err != nil {
			return KeySet{}, err
		}
		if usable {
			set.keys = append(set.keys, key)
		}
	}
	if len(set.keys) == 0 {
		return KeySet{}, badMetadata("the key set has no key for RS256, PS256, ES256 or EdDSA")
	}
	return set, nil
}

// parseKey reads a key and reports whether it is usable here.
func parseKey(raw []byte) (key jose.JSONWebKey, usable bool, err error) {
	var m members
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return key, false, badMetadata("a key must be a JSON object")
	}
	for _, secret := range []string{"d", "k", "p", "q"} {
		if m.has(secret) {
			return key, false, badMetadata("a key set must contain only public keys")
		}
	}
	usable = key.UnmarshalJSON(raw) == nil && key.Valid() && isForSigning(m, key)
	return key, usable, nil
}

// isForSigning looks at what a key says that it is for (RFC 7517 §4.2 to §4.4).
func isForSigning(m members, key jose.JSONWebKey) bool {
	operations, err := m.texts("key_ops")
	algs := algsOf(key.Key)
	return err == nil && (key.Use == "" || key.Use == "sig") &&
		(operations == nil || slices.Contains(operations, "verify")) &&
		len(algs) > 0 && (key.Algorithm == "" || slices.Contains(algs, jose.SignatureAlgorithm(key.Algorithm)))
}

// Equal reports whether two sets have the same keys in the same order.
func (s KeySet) Equal(other KeySet) bool { return reflect.DeepEqual(s.keys, other.keys) }

// candidates are the keys that may have made a signature: by the header's key ID,
// where there is one, and by algorithm.
func (s KeySet) candidates(kid string, alg jose.SignatureAlgorithm) []jose.JSONWebKey {
	var list []jose.JSONWebKey
	for _, key := range s.keys {
		if (kid == "" || key.KeyID == kid) && (key.Algorithm == "" || key.Algorithm == string(alg)) &&
			slices.Contains(algsOf(key.Key), alg) {
			list = append(list, key)
		}
	}
	return list
}
