package oidctest

import "time"

// Provider is what a provider is like.
type Provider struct {
	// Issuer is its issuer, empty for the address of the test server.
	Issuer string
	// At is where the discovery document is, less /.well-known/openid-configuration,
	// when that is not the issuer.
	At string
	// Document is the discovery document, less the issuer. A value that begins with a
	// slash is an endpoint below the issuer.
	Document map[string]any

	// IDToken and UserInfo list the claims of a person that are in either; "*" stands
	// for all. Refreshed lists those of a later ID token; nil is IDToken.
	IDToken, UserInfo, Refreshed []string

	NoRefreshIDToken bool          // a refresh brings no ID token
	NoRefreshToken   bool          // none is ever given
	OfflineScope     bool          // a refresh token is given for the scope offline_access only
	OfflineConsent   bool          // and only with prompt=consent
	AccessTypeParam  bool          // a refresh token is given for access_type=offline and prompt=consent
	Rotates          bool          // refresh tokens are good for one use; a second one ends the session
	KeepsNonce       bool          // later ID tokens have the nonce
	StrictScopes     bool          // a scope that is not announced is an error
	Prompts          []string      // prompts that are taken; nil takes any
	OnePrompt        bool          // combined prompts are an error
	TokenAuth        string        // how the client has to authenticate, empty for any way
	SpentRefresh     string        // error code for a refresh token that is not good; empty is invalid_grant
	IssuerInCallback bool          // iss in the authorization response (RFC 9207)
	SignedUserInfo   bool          // userinfo answers with a JWT
	TokenLifetime    time.Duration // of access tokens; 0 is an hour
	NoExpiresIn      bool          // and how long is not said
	TokenExtra       map[string]any
	IssuerOf         func(Claims) string // of a person's ID token; nil is the issuer
	Algorithm        string              // RS256 unless it is ES256 or EdDSA
	AuthTime         AuthTime            // when auth_time is in ID tokens
	IgnoresMaxAge    bool                // max_age has no one authenticate again
}

// AuthTime says when a provider's ID tokens contain auth_time.
type AuthTime int

// It is optional unless max_age is in the request, which some providers do not know.
const (
	NoAuthTime AuthTime = iota
	AuthTimeIfAsked
	AuthTimeAlways
)

// Claims are what a provider knows of a person; sub is required.
type Claims map[string]any

func (c Claims) sub() string { s, _ := c["sub"].(string); return s }

// pick returns the listed claims.
func (c Claims) pick(names []string) Claims {
	picked := Claims{"sub": c["sub"]}
	for _, name := range names {
		if name == "*" {
			names = nil
			for all := range c {
				names = append(names, all)
			}
			return c.pick(names)
		}
		if v, ok := c[name]; ok {
			picked[name] = v
		}
	}
	return picked
}
