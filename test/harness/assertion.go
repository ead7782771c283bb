package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keyID is the id of a client's key in its key set.
const keyID = "harness"

// NewSigningKey returns a key for private_key_jwt and the key set to publish or to
// register.
func NewSigningKey() (*ecdsa.PrivateKey, jose.JSONWebKeySet) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the system's random numbers do not fail
	}
	return key, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: keyID, Use: "sig", Algorithm: "ES256"}}}
}

// assertion makes the parameters of private_key_jwt (RFC 7523 section 2.2).
func (c *Client) assertion() (url.Values, error) {
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": c.ID, "sub": c.ID, "aud": c.Server, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: c.Key}, (&jose.SignerOptions{}).WithHeader("kid", keyID))
	if err != nil {
		return nil, err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return nil, err
	}
	token, err := signed.CompactSerialize()
	c.saw(token)
	return url.Values{
		"client_assertion": {token}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}, err
}
