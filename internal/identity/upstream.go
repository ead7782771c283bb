package identity

import (
	"context"
	"fmt"
	"log/slog"
)

// Upstream is a provider that signs people in on its own site with the OAuth 2.0
// authorization code flow and PKCE (RFC 6749 section 4.1, RFC 7636). It is safe
// for concurrent use, and a flow may begin in one process and end in another.
//
// Every error is one of three kinds, told apart with errors.Is: ErrRefused,
// ErrUnavailable, ErrMisconfigured.
type Upstream interface {
	// Name is the provider's name in the configuration, such as "github".
	Name() string

	// Title is the provider's name as people know it, such as "GitHub" or the host
	// of an OpenID provider.
	Title() string

	// Issuer is the Person.Issuer of everybody this provider signs in.
	Issuer() string

	// AuthorizeURL is where the browser goes to sign in. The context bounds the
	// discovery that some providers need. State, Verifier and RedirectURI are
	// required.
	AuthorizeURL(ctx context.Context, r AuthRequest) (string, error)

	// CheckIssuer holds the iss parameter of the callback, "" when it has none,
	// against this provider (RFC 9207 section 2.4): it must fit where it is present,
	// and be present where the provider announces it. It concerns answers with an
	// error as well, and comes before anything else is done with an answer.
	CheckIssuer(ctx context.Context, iss string) error

	// Exchange redeems the code that came back to the redirect URI and asks who
	// signed in. Before calling it the caller has checked the state, the issuer, that
	// the callback came from the browser that began the flow, and that the flow was
	// begun with this provider. A code is spent by the first call, even a failed one.
	Exchange(ctx context.Context, r ExchangeRequest) (Person, Token, error)

	// Recheck asks the provider again who the token belongs to. The caller
	// compares issuer and subject with what it has on record.
	//
	// The token returned is the one to keep from now on, also when err is not
	// nil: a provider that rotates refresh tokens has spent the old one. Calls
	// for the same token must not overlap, for the same reason. ErrRefused without
	// a login, with a token that is Doubtful, says nothing about the person.
	Recheck(ctx context.Context, t Token) (Person, Token, error)

	// Revoke gives back a token that nobody here needs any more, best effort. A token
	// that has ended already is no error, nor is a provider that takes none back.
	// Some providers end everything that the person allowed this client.
	Revoke(ctx context.Context, t Token) error

	// FormAction is where our pages' forms lead by redirect, for form-action in their
	// Content-Security-Policy (level 3 section 6.4.1): an origin, or a scheme such as
	// "https:" where the sign-in site may pass the browser on to others.
	FormAction() string
}

// AuthRequest is what an authorization request is made of.
type AuthRequest struct {
	State       string // unguessable, bound by the caller to browser and provider (RFC 6749 section 10.12)
	Verifier    string // PKCE code verifier, 43 to 128 characters; only its S256 challenge is sent
	Nonce       string // OpenID Connect nonce; providers without ID tokens do not send it
	RedirectURI string // our callback, absolute

	// SelectAccount asks for the provider's account chooser, for somebody who
	// was refused and wants to come back as somebody else.
	SelectAccount bool
}

// ExchangeRequest is what an authorization code is redeemed with. Verifier, Nonce
// and RedirectURI are those of the AuthRequest.
type ExchangeRequest struct {
	Code        string
	Verifier    string
	Nonce       string
	RedirectURI string
}

// Format hides state and verifier for every verb.
func (AuthRequest) Format(f fmt.State, _ rune) { redact(f, "identity.AuthRequest") }

// LogValue hides state and verifier.
func (AuthRequest) LogValue() slog.Value { return redacted("identity.AuthRequest") }

// Format hides code and verifier for every verb.
func (ExchangeRequest) Format(f fmt.State, _ rune) { redact(f, "identity.ExchangeRequest") }

// LogValue hides code and verifier.
func (ExchangeRequest) LogValue() slog.Value { return redacted("identity.ExchangeRequest") }

func redact(f fmt.State, name string) { _, _ = fmt.Fprint(f, name+" {redacted}") }

func redacted(name string) slog.Value { return slog.StringValue(name + " {redacted}") }

// check reports a request that must not be sent: without state or verifier the
// flow would run unprotected, which no provider would complain about.
func (r AuthRequest) check() error {
	if r.State == "" || r.RedirectURI == "" {
		return misconfigured("an authorization request needs a state and a redirect URI")
	}
	return checkVerifier(r.Verifier)
}

func (r ExchangeRequest) check() error {
	if r.Code == "" {
		return refused("", "the provider sent no sign-in code; please start again")
	}
	if r.RedirectURI == "" {
		return misconfigured("a code exchange needs the redirect URI of the authorization request")
	}
	return checkVerifier(r.Verifier)
}

// checkVerifier checks the length of RFC 7636 section 4.1.
func checkVerifier(v string) error {
	if len(v) < 43 || len(v) > 128 {
		return misconfigured("a PKCE code verifier has 43 to 128 characters, this one has %d", len(v))
	}
	return nil
}
