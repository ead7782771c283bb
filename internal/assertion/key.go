package assertion

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// known is a key as a replica knows it.
type known struct {
	storage.SigningKey
	public jose.JSONWebKey
	signer *signer // nil when the key does not open here
}

// generate returns a new key, without its number and its times.
func generate() (storage.SigningKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return storage.SigningKey{}, fmt.Errorf("generate a signing key: %w", err)
	}
	id, err := thumbprint(private)
	if err != nil {
		return storage.SigningKey{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return storage.SigningKey{}, fmt.Errorf("encode a signing key: %w", err)
	}
	return storage.SigningKey{ID: id, Private: der}, nil
}

func thumbprint(private *ecdsa.PrivateKey) (string, error) {
	key := jose.JSONWebKey{Key: private.Public()}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("name a signing key: %w", err)
	}
	return encode(sum), nil
}

var errNotAKey = errors.New("the value is not an ECDSA P-256 key")

// open makes a key of what is stored. One that is no key is a broken one.
func open(stored storage.SigningKey) known {
	k := known{SigningKey: stored}
	if stored.Broken != nil {
		return k
	}
	k.Private = nil // the signer has it
	if err := k.parse(stored.Private); err != nil {
		k.Broken = fmt.Errorf("signing key %s: %w", stored.ID, err)
	}
	return k
}

func (k *known) parse(der []byte) error {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return errNotAKey // the error may show parts of the value
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return errNotAKey
	}
	k.public = jose.JSONWebKey{Key: private.Public(), KeyID: k.ID, Algorithm: string(jose.ES256), Use: "sig"}
	k.signer = newSigner(private, k.ID)
	return nil
}
