package assertion

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// Claims is what an assertion says (RFC 7519 §4). The signer adds when, for how long, and
// the ID.
type Claims struct {
	Issuer   string   `json:"iss"`
	Audience string   `json:"aud"`
	Subject  string   `json:"sub"`
	Email    string   `json:"email,omitempty"` // a verified one
	Name     string   `json:"name,omitempty"`
	Groups   []string `json:"groups,omitempty"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope,omitempty"`

	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	ID       string `json:"jti"`
}

// encode signs the claims at a time.
func (c Claims) encode(key *signer, now time.Time) (string, error) {
	c.IssuedAt, c.Expires, c.ID = now.Unix(), now.Add(Lifetime).Unix(), rand.Text()
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	return key.sign(payload)
}

// signer signs with a key. JOSE libraries take several times as long for it.
type signer struct {
	private *ecdsa.PrivateKey
	header  string // of a token, encoded
}

func newSigner(private *ecdsa.PrivateKey, id string) *signer {
	return &signer{private: private, header: encode([]byte(`{"alg":"ES256","typ":"JWT","kid":"` + id + `"}`))}
}

// sign returns a token in compact serialization (RFC 7515 §7.1, RFC 7518 §3.4).
func (s *signer) sign(payload []byte) (string, error) {
	const half = 32 // bytes of r and of s
	token := s.header + "." + encode(payload)
	digest := sha256.Sum256([]byte(token))
	r, v, err := ecdsa.Sign(rand.Reader, s.private, digest[:])
	if err != nil {
		return "", err
	}
	var signature [2 * half]byte
	r.FillBytes(signature[:half])
	v.FillBytes(signature[half:])
	return token + "." + encode(signature[:]), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
