package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// key signs ID tokens.
type key struct {
	id        string
	algorithm jose.SignatureAlgorithm
	private   crypto.Signer
}

// shared is the RSA key that all providers begin with, since making one takes long.
var shared = sync.OnceValue(newRSA)

func newRSA() crypto.Signer {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
}

func newKey(algorithm string) key {
	k := key{id: rand.Text(), algorithm: jose.RS256}
	switch algorithm {
	case "ES256":
		k.algorithm = jose.ES256
		k.private, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		k.algorithm = jose.EdDSA
		_, k.private, _ = ed25519.GenerateKey(rand.Reader)
	default:
		k.private = newRSA()
	}
	return k
}

func firstKey(algorithm string) key {
	if algorithm == "" || algorithm == "RS256" {
		return key{id: rand.Text(), algorithm: jose.RS256, private: shared()}
	}
	return newKey(algorithm)
}

// sign returns a JWT.
func (k key) sign(c Claims) string {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: k.algorithm, Key: jose.JSONWebKey{Key: k.private, KeyID: k.id}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return compact
}

// halfHash is at_hash (OpenID Connect Core section 3.1.3.6).
func (k key) halfHash(value string) string {
	hash := crypto.SHA256
	if k.algorithm == jose.EdDSA {
		hash = crypto.SHA512
	}
	h := hash.New()
	_, _ = h.Write([]byte(value))
	sum := h.Sum(nil)
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, k := range s.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: string(k.algorithm), Use: "sig"})
	}
	writeJSON(w, http.StatusOK, set)
}

// SignedByAnother signs claims with a key that is not the provider's, under the key ID
// that the provider uses now. It may be called from within Forge only.
func (s *Server) SignedByAnother(c Claims) string {
	k := newKey("")
	k.id = s.keys[0].id
	return k.sign(c)
}
