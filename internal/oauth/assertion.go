package oauth

import (
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// AssertionType is the client_assertion_type of private_key_jwt (RFC 7523 §2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Limits of an assertion.
const (
	maxAssertion = 16 << 10 // bytes
	maxJTI       = 256
	// maxAhead is how far exp may be ahead: assertions are made for one request,
	// and their ids are kept until then.
	maxAhead = 10 * time.Minute
	// skew is by how much clocks may differ.
	skew = time.Minute
)

// Assertion is a client assertion that was parsed and proves nothing yet.
type Assertion struct {
	token  *jwt.JSONWebToken
	claims jwt.Claims
	kid    string
	alg    jose.SignatureAlgorithm
}

// ErrNoKey tells that no key of the set has the assertion's key ID, or that none
// made its signature where it names no key: the client may have a new one.
var ErrNoKey = errors.New("no key matches the assertion")

func badAssertion(description string) *Error {
	return NewError(InvalidClient, "the client assertion "+description)
}

// ParseAssertion reads a client assertion (RFC 7523 §2.2, §3). Which client it belongs
// of is not proven before Verify.
//
// The error is an *Error with the code invalid_client.
func ParseAssertion(s string) (Assertion, error) {
	if len(s) > maxAssertion {
		return Assertion{}, badAssertion("is too long")
	}
	token, err := jwt.ParseSigned(s, signingAlgs)
	if err != nil || len(token.Headers) != 1 {
		return Assertion{}, badAssertion("is malformed, or signed with an algorithm that is not supported")
	}
	a := Assertion{token: token, kid: token.Headers[0].KeyID, alg: jose.SignatureAlgorithm(token.Headers[0].Algorithm)}
	if err := token.UnsafeClaimsWithoutVerification(&a.claims); err != nil {
		return Assertion{}, badAssertion("has malformed claims")
	}
	if a.claims.Subject == "" || a.claims.Issuer != a.claims.Subject {
		return Assertion{}, badAssertion("must have the client ID as iss and sub")
	}
	return a, nil
}

// ClientID is the client that the assertion claims to be of.
func (a Assertion) ClientID() string { return a.claims.Subject }

// ID is the jti, which is good for one use.
func (a Assertion) ID() string { return a.claims.ID }

// ExpiresAt is the time from which on the assertion is never accepted again.
func (a Assertion) ExpiresAt() time.Time { return a.claims.Expiry.Time().Add(skew) }

// CheckClaims checks the assertion's claims (RFC 7523 §3): that it is
// meant for the server with this base URL, which is its issuer, and valid at this time.
//
// The error is an *Error with the code invalid_client.
func (a Assertion) CheckClaims(base string, now time.Time) error {
	c := a.claims
	switch {
	case !isAudience(c.Audience, base):
		return badAssertion("must have this server's issuer as aud")
	case c.Expiry == nil:
		return badAssertion("must have an exp")
	case !now.Before(a.ExpiresAt()):
		return badAssertion("has expired")
	case c.Expiry.Time().After(now.Add(maxAhead + skew)):
		return badAssertion("must expire within ten minutes")
	case c.NotBefore != nil && c.NotBefore.Time().After(now.Add(skew)), c.IssuedAt != nil && c.IssuedAt.Time().After(now.Add(skew)):
		return badAssertion("is not valid yet")
	case c.ID == "" || len(c.ID) > maxJTI:
		return badAssertion("must have a jti of at most 256 bytes")
	}
	return nil
}

// isAudience accepts the issuer and the token endpoint, and the issuer with the
// slash that URL libraries add. One more audience is one too many: who is named
// other than us could use the assertion here.
func isAudience(audience []string, base string) bool {
	for _, aud := range audience {
		if aud != base && aud != base+"/" && aud != base+tokenPath {
			return false
		}
	}
	return len(audience) > 0
}

// Verify checks the signature with the keys of the client. alg is the algorithm
// that the client registered, "" for any that fits the key.
//
// The error is an *Error with the code invalid_client; it wraps ErrNoKey when the
// client may have keys that are not in the set.
func (a Assertion) Verify(keys KeySet, alg string) error {
	if alg != "" && string(a.alg) != alg {
		return badAssertion("is not signed with the registered algorithm")
	}
	candidates := keys.candidates(a.kid, a.alg)
	for _, key := range candidates[:min(len(candidates), maxCandidates)] {
		if a.token.Claims(key.Key, &jwt.Claims{}) == nil {
			return nil
		}
	}
	err := badAssertion("is not signed with a key of the client")
	if len(candidates) > maxCandidates {
		err = badAssertion("is not signed with one of the first two keys that fit; name the key with kid")
	}
	if len(candidates) == 0 || a.kid == "" {
		return err.Wrap(ErrNoKey)
	}
	return err
}
