package identity

import (
	"errors"
	"fmt"
	"time"
)

// The three kinds of failure. Only ErrRefused says something about the user; after either
// of the others nothing is known and nothing may be revoked.
var (
	// ErrRefused means that the provider or the policy definitively says no: the user
	// canceled, the token was revoked, the account is suspended or not allowed. The error is
	// always a *RefusedError.
	ErrRefused = errors.New("sign-in refused")

	// ErrUnavailable means that the provider is down, slow, rate-limiting or returning
	// nonsense. Retrying later helps. The error is always an *UnavailableError.
	ErrUnavailable = errors.New("sign-in provider unavailable")

	// ErrMisconfigured means that an operator has to act, for example because the client
	// secret is wrong.
	ErrMisconfigured = errors.New("sign-in provider misconfigured")
)

// RefusedError is a refusal whose text may be shown to the user: it says which account was
// refused, if known, and why.
type RefusedError struct {
	Login  string // empty when the provider did not say who it was
	Reason string // a clause in lower case without a final period
}

// Error quotes the login, which is the provider's text.
func (e *RefusedError) Error() string {
	if e.Login == "" {
		return fmt.Sprintf("%v: %s", ErrRefused, e.Reason)
	}
	return fmt.Sprintf("%v for the account %q: %s", ErrRefused, e.Login, e.Reason)
}

// Unwrap makes every refusal an ErrRefused.
func (e *RefusedError) Unwrap() error { return ErrRefused }

// UnavailableError is a temporary failure of the provider.
type UnavailableError struct {
	Reason     string
	RetryAfter time.Duration // when the provider asks to be called again, at most an hour; 0 when it did not say
	Own        bool          // the provider limits only this account; others get answers
	Cause      error         // network error or context error, possibly nil
}

// Error returns text for logs only: the cause may name internal addresses.
func (e *UnavailableError) Error() string {
	if e.Cause == nil {
		return fmt.Sprintf("%v: %s", ErrUnavailable, e.Reason)
	}
	return fmt.Sprintf("%v: %s: %v", ErrUnavailable, e.Reason, e.Cause)
}

// Unwrap makes it an ErrUnavailable and keeps the cause.
func (e *UnavailableError) Unwrap() []error {
	if e.Cause == nil {
		return []error{ErrUnavailable}
	}
	return []error{ErrUnavailable, e.Cause}
}

func refused(login, reason string) error { return &RefusedError{Login: login, Reason: reason} }

func unavailable(reason string, cause error) error {
	return &UnavailableError{Reason: reason, Cause: cause}
}

func misconfigured(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMisconfigured, fmt.Sprintf(format, args...))
}

// CallbackError turns the error parameter of a provider's redirect back to us
// (RFC 6749 section 4.1.2.1 and GitHub's additions) into one of the three kinds.
// The accompanying error_description comes through the browser, so it is not used.
func CallbackError(code string) error {
	switch code {
	case "access_denied":
		return refused("", "the sign-in was canceled at the provider")
	case "org_internal", "admin_policy_enforced": // Google: the application is for one organization, or blocked in another
		return refused("", "the provider does not allow this account to use this server")
	case "login_required", "interaction_required", "account_selection_required", "consent_required":
		return refused("", "the provider requires a new sign-in")
	case "temporarily_unavailable", "server_error":
		return unavailable("the provider reports "+code, nil)
	case "redirect_uri_mismatch":
		return misconfigured("%s", redirectMismatch)
	case "application_suspended":
		return misconfigured("the provider has suspended the OAuth application; contact its support")
	default:
		return misconfigured("the provider sent the browser back with error %s", clip(code))
	}
}

// errOtherIssuer is a mix-up (RFC 9700 section 4.4): the response comes from another
// provider than the one that was asked.
var errOtherIssuer = refused("", "the response does not come from the expected provider")

const redirectMismatch = "the redirect URI is not the callback URL registered for the OAuth application; " +
	"register the base URL followed by /auth/callback"

// clip quotes and shortens text that came from outside.
func clip(s string) string {
	const limit = 120
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return fmt.Sprintf("%q", s)
}
