package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/oauth2"
)

// Token is what a provider issued so that we can query it about the user again. It is a
// secret: formatting, logging and JSON reveal nothing. EncodeToken returns the bytes that
// the caller encrypts and stores.
type Token struct {
	Issuer       string // the only provider it may be sent to; other providers' Recheck refuses it
	AccessToken  string
	RefreshToken string    // empty when the access token does not expire, or the provider gives none
	Expiry       time.Time // of the access token; zero when it does not expire or is not known to

	// Doubtful: a renewal was sent and its response was lost, so the refresh token may be
	// spent. A refusal then says nothing about the user.
	Doubtful bool

	// The rest is for OpenID providers.

	Nonce     string    // of the sign-in; a later ID token repeats it or has none
	Claims    string    // what the provider last reported about the user, as JSON
	Confirmed time.Time // when it reported that
}

// wireToken is the stored form; its member names must not change.
type wireToken struct {
	Issuer       string          `json:"issuer"`
	AccessToken  string          `json:"access_token"`
	RefreshToken string          `json:"refresh_token,omitempty"`
	Expiry       time.Time       `json:"expiry,omitzero"`
	Nonce        string          `json:"nonce,omitempty"`
	Claims       json.RawMessage `json:"claims,omitempty"`
	Confirmed    time.Time       `json:"confirmed,omitzero"`
	Doubtful     bool            `json:"doubtful,omitempty"`
}

// EncodeToken returns the token as JSON, unencrypted. The caller encrypts it.
func EncodeToken(t Token) ([]byte, error) {
	if t.Issuer == "" || t.AccessToken == "" {
		return nil, errors.New("identity: cannot encode a token without issuer or access token")
	}
	return json.Marshal(wireToken{ //nolint:gosec // the caller seals it
		t.Issuer, t.AccessToken, t.RefreshToken, t.Expiry.UTC(), t.Nonce, json.RawMessage(t.Claims), t.Confirmed.UTC(), t.Doubtful,
	})
}

// DecodeToken is the inverse of EncodeToken. Its errors quote nothing of b.
func DecodeToken(b []byte) (Token, error) {
	var w wireToken
	if err := json.Unmarshal(b, &w); err != nil {
		// The decoder's error can hold a piece of the input.
		return Token{}, errors.New("identity: stored token is not valid JSON")
	}
	if w.Issuer == "" || w.AccessToken == "" {
		return Token{}, errors.New("identity: stored token lacks issuer or access_token")
	}
	return Token{w.Issuer, w.AccessToken, w.RefreshToken, w.Expiry, w.Doubtful, w.Nonce, string(w.Claims), w.Confirmed}, nil
}

// mayBeLost reports whether a failed renewal may have taken effect anyway. One that never
// arrived, or was refused, did not.
func mayBeLost(err error) bool {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return false
	}
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) {
		status := answer.Response.StatusCode
		return status >= 500 || status < 400 && answer.ErrorCode == ""
	}
	return true
}

// Format hides the token for every verb.
func (Token) Format(f fmt.State, _ rune) { redact(f, "identity.Token") }

// LogValue hides the token.
func (Token) LogValue() slog.Value { return redacted("identity.Token") }

// MarshalJSON hides the token inside anything that is encoded or logged as JSON.
func (Token) MarshalJSON() ([]byte, error) { return []byte(`"identity.Token {redacted}"`), nil }

// UnmarshalJSON refuses: what MarshalJSON wrote cannot be read back.
func (*Token) UnmarshalJSON([]byte) error {
	return errors.New("identity: use DecodeToken to read a Token")
}
