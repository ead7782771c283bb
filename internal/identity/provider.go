package identity

import (
	"context"
	"fmt"
	"log/slog"

	"golang.org/x/oauth2"
)

// Provider signs users in: Local with a password form on our own pages, any other on its
// own site, as a RedirectProvider. It is safe for concurrent use.
type Provider interface {
	// Name is the provider's name in the configuration, such as "local" or "github".
	Name() string

	// Title is the provider's name as users know it, such as "GitHub" or the host of an OpenID
	// provider.
	Title() string

	// Issuer is the Person.Issuer of everyone this provider signs in.
	Issuer() string
}

// RedirectProvider signs people in on its own site with the OAuth 2.0 authorization
// code flow and PKCE (RFC 6749 section 4.1, RFC 7636). A flow may begin in one process
// and end in another.
//
// Every error is one of three kinds, told apart with errors.Is: ErrRefused,
// ErrUnavailable, ErrMisconfigured.
type RedirectProvider interface {
	Provider

	// AuthorizeURL is where the browser goes to sign in. The context bounds the
	// discovery that some providers need. State, Verifier and RedirectURI are
	// required.
	AuthorizeURL(ctx context.Context, r AuthRequest) (string, error)

	// CheckIssuer compares the callback's iss parameter, "" if absent, with this provider (RFC
	// 9207 section 2.4): it must match if present, and be present if the provider announces
	// it. Call it first, for error responses as well.
	CheckIssuer(ctx context.Context, iss string) error

	// Exchange redeems the code that arrived at the redirect URI and fetches the user. Before
	// calling it the caller has checked the state, the issuer, that the callback came from the
	// browser that began the flow, and that the flow was begun with this provider. A code is
	// spent by the first call, even a failed one.
	Exchange(ctx context.Context, r ExchangeRequest) (Person, Token, error)

	// Recheck asks the provider again whose token it is. The caller compares issuer and
	// subject with its records.
	//
	// The returned token replaces the old one, even if err is not nil: a provider that rotates
	// refresh tokens has spent the old one. Calls for the same token must not overlap, for the
	// same reason. ErrRefused without a login, with a Doubtful token, says nothing about the
	// user.
	Recheck(ctx context.Context, t Token) (Person, Token, error)

	// Revoke revokes a token that is no longer needed, on a best-effort basis. It is no error
	// if the token is already invalid or the provider supports no revocation. Some providers
	// end everything that the user has granted this client.
	Revoke(ctx context.Context, t Token) error

	// FormAction is where the forms of our pages may redirect to, for form-action in their
	// Content-Security-Policy (level 3 section 6.4.1): an origin, or a scheme such as "https:"
	// where the sign-in site may redirect to others.
	FormAction() string
}

// AuthRequest contains the parameters of an authorization request.
type AuthRequest struct {
	State       string // unguessable, bound by the caller to browser and provider (RFC 6749 section 10.12)
	Verifier    string // PKCE code verifier, 43 to 128 characters; only its S256 challenge is sent
	Nonce       string // OpenID Connect nonce; providers without ID tokens do not send it
	RedirectURI string // our callback, absolute

	// SelectAccount requests the provider's account chooser, for a user who was refused and
	// wants to sign in with another account.
	SelectAccount bool

	// Reauthenticate requests that the user authenticates again, also with a session at the provider
	// (max_age=0, OpenID Connect Core 1.0 section 3.1.2.1). GitHub knows no such request and
	// shows its account chooser.
	Reauthenticate bool
}

// ExchangeRequest contains the parameters for redeeming an authorization code. Verifier,
// Nonce and RedirectURI are those of the AuthRequest.
type ExchangeRequest struct {
	Code        string
	Verifier    string
	Nonce       string
	RedirectURI string

	// Foreign: another program made the AuthRequest, without a nonce, and perhaps without a
	// verifier.
	Foreign bool
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

// check rejects a request that must not be sent: without state or verifier, the flow would
// be unprotected, and no provider would complain.
func (r AuthRequest) check() error {
	if r.State == "" || r.RedirectURI == "" {
		return misconfigured("an authorization request requires a state and a redirect URI")
	}
	return checkVerifier(r.Verifier)
}

func (r ExchangeRequest) check() error {
	if r.Code == "" {
		return refused("", "the provider sent no authorization code; please start again")
	}
	if r.RedirectURI == "" {
		return misconfigured("a code exchange requires the redirect URI of the authorization request")
	}
	if r.Foreign && r.Verifier == "" {
		return nil
	}
	return checkVerifier(r.Verifier)
}

// options are the parameters of the token request that PKCE adds (RFC 7636 section 4.5).
func (r ExchangeRequest) options() []oauth2.AuthCodeOption {
	if r.Verifier == "" {
		return nil
	}
	return []oauth2.AuthCodeOption{oauth2.VerifierOption(r.Verifier)}
}

// checkVerifier checks the length of RFC 7636 section 4.1.
func checkVerifier(v string) error {
	if len(v) < 43 || len(v) > 128 {
		return misconfigured("a PKCE code verifier must have 43 to 128 characters, not %d", len(v))
	}
	return nil
}
