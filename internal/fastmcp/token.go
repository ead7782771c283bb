package fastmcp

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// longestToken bounds a token: FastMCP's have a few hundred characters, and more with
// upstream_claims.
const longestToken = 16 << 10

const expired = "expired"

// Claims are what a token of FastMCP's OAuth proxy says.
type Claims struct {
	ID        string // jti
	ClientID  string // the MCP client
	Scope     string // "" is usual with a GitHub App
	IssuedAt  time.Time
	ExpiresAt time.Time
	Refresh   bool // token_use
}

// TokenError says why a token is refused. It quotes nothing of it.
type TokenError struct {
	Reason string
	// Signed: the signature is good, so the token is one of this server's key.
	Signed  bool
	Expired bool
}

func (e *TokenError) Error() string { return "FastMCP token: " + e.Reason }

// IsToken reports whether a text has the form of a JWT, which tokens of ours never have.
func IsToken(text string) bool {
	return strings.HasPrefix(text, "eyJ") && strings.Count(text, ".") == 2 && len(text) <= longestToken
}

// Verifier verifies tokens of one FastMCP server. Servers with the same client secret
// share the key, so issuer and audience tell them apart.
type Verifier struct {
	Keys      []SigningKey
	Issuers   []string // exact strings
	Audiences []string
}

// Verify checks a token's signature (HS256 only), use, expiry, issuer and audience, in the
// order of FastMCP 3.2. refresh says what the token is presented as. The error is a
// *TokenError.
func (v *Verifier) Verify(token string, refresh bool, now time.Time) (Claims, error) {
	payload, err := v.open(token)
	if err != nil {
		return Claims{}, err
	}
	claims, issuer, audience, ok := readClaims(payload)
	var reason string
	switch {
	case !ok:
		reason = "a claim is missing or has the wrong type"
	case claims.Refresh != refresh:
		reason = "token_use does not fit"
	case !now.Before(claims.ExpiresAt):
		reason = expired
	case !slices.Contains(v.Issuers, issuer):
		reason = "iss is that of another server"
	case !slices.Contains(v.Audiences, audience):
		reason = "aud is that of another server"
	default:
		return claims, nil
	}
	return Claims{}, &TokenError{Reason: reason, Signed: true, Expired: reason == expired}
}

// Inspection is what a token says, whether it is accepted or not.
type Inspection struct {
	Key              int // the index of the key that signed it, -1 for none: then nothing else is known
	Issuer, Audience string
	ExpiresAt        time.Time
	Refresh          bool
}

// Inspect returns what a token says, for an operator who compares that with the settings.
func (v *Verifier) Inspect(token string) Inspection {
	for i, key := range v.Keys {
		payload, err := (&Verifier{Keys: []SigningKey{key}}).open(token)
		if err == nil {
			claims, issuer, audience, _ := readClaims(payload)
			return Inspection{Key: i, Issuer: issuer, Audience: audience, ExpiresAt: claims.ExpiresAt, Refresh: claims.Refresh}
		}
	}
	return Inspection{Key: -1}
}

// open checks the signature and returns the payload.
func (v *Verifier) open(token string) (payload []byte, err error) {
	parts := strings.Split(token, ".")
	if !IsToken(token) || len(parts) != 3 {
		return nil, &TokenError{Reason: "not a JWT"}
	}
	header, err := base64.RawURLEncoding.Strict().DecodeString(parts[0])
	if err != nil || !isHS256(header) {
		return nil, &TokenError{Reason: "the algorithm is not HS256"}
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return nil, &TokenError{Reason: "the signature is malformed"}
	}
	good := slices.ContainsFunc(v.Keys, func(k SigningKey) bool {
		return hmac.Equal(k.sum(parts[0]+"."+parts[1]), signature)
	})
	if !good {
		return nil, &TokenError{Reason: "the signature does not match the signing key"}
	}
	if payload, err = base64.RawURLEncoding.Strict().DecodeString(parts[1]); err != nil {
		return nil, &TokenError{Reason: "the payload is malformed", Signed: true}
	}
	return payload, nil
}

// isHS256 reports whether a header is one that FastMCP writes: no other algorithm, and
// nothing that has to be understood (RFC 7515 §4.1.11).
func isHS256(header []byte) bool {
	var alg string
	var critical json.RawMessage
	err := DecodeObject(header, func(name string) any {
		switch name {
		case "alg":
			return &alg
		case "crit":
			return &critical
		}
		return nil
	})
	return err == nil && alg == "HS256" && critical == nil
}

// readClaims reads a payload. Strings only: a list of audiences is none of FastMCP's.
func readClaims(payload []byte) (c Claims, issuer, audience string, ok bool) {
	var expires, issued float64
	var use *string
	err := DecodeObject(payload, func(name string) any {
		return map[string]any{
			"iss": &issuer, "aud": &audience, "client_id": &c.ClientID, "scope": &c.Scope, "exp": &expires, "iat": &issued,
			"jti": &c.ID, "token_use": &use,
		}[name]
	})
	c.Refresh = use != nil && *use == "refresh"
	unknown := use != nil && *use != "refresh" && *use != "access"
	c.ExpiresAt, c.IssuedAt = secondsAt(expires), secondsAt(issued)
	return c, issuer, audience, err == nil && !unknown && c.ID != "" && c.ClientID != "" && inRange(expires) && inRange(issued)
}

// secondsAt is the time of Unix seconds.
func secondsAt(seconds float64) time.Time {
	if !inRange(seconds) {
		return time.Time{}
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC()
}

// inRange reports whether Unix seconds are a time that a server meant: after 1970, and
// before the year 10000.
func inRange(seconds float64) bool { return seconds > 0 && seconds < 253402300800 }
