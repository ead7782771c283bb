package gateway

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// Lend says how an upstream gets the sign-in provider's access token of who calls. The zero
// value lends nothing.
type Lend struct {
	Header string // in canonical form; "" for none
	Tokens Tokens
	// SignIn returns the challenge that has a user sign in again (RFC 6750 §3).
	SignIn func(principal.Principal) string
}

// Tokens are the sign-in provider's tokens of users.
type Tokens interface {
	// Token returns the one of who calls, which has not expired.
	Token(ctx context.Context, p principal.Principal) (string, error)
	// Renew returns another one, after the upstream refused this. ErrNoOther says that there
	// is none at the moment.
	//
	// Both have the errors ErrSignIn and *LendingError.
	Renew(ctx context.Context, p principal.Principal, refused string) (string, error)
}

var (
	// ErrSignIn means that the user has to sign in again.
	ErrSignIn = &problem{http.StatusUnauthorized, CodeServerError, "The sign-in has ended. Connect the app again."}
	// ErrNoOther means that there is no other token at the moment.
	ErrNoOther = errors.New("no other token")

	errTokenRefused = &problem{http.StatusBadGateway, CodeServerError, "The MCP server behind this address does not accept your sign-in. " +
		"Connect the app again; if that does not help, the operator needs to fix this."}
	errNoToken = &problem{http.StatusServiceUnavailable, CodeServerError, "The sign-in provider does not respond at the moment. Try again soon."}

	// errLending marks errors that say nothing of the upstream.
	errLending = errors.New("the sign-in provider's token")
)

// LendingError means that there is no token for a time.
type LendingError struct {
	After time.Duration // until it is worth another try; 0 when that is not known
	Cause error
}

// Error is for logs.
func (e *LendingError) Error() string { return e.Cause.Error() }

// Unwrap makes it a problem that the client sees.
func (e *LendingError) Unwrap() []error { return []error{errNoToken, e.Cause} }

func (u *Upstream) lends() bool { return u.Lend.Header != "" }

// lend adds the token of who calls to a request for the upstream.
func (u *Upstream) lend(ctx context.Context, h http.Header, p principal.Principal) error {
	if !u.lends() {
		return nil
	}
	token, err := u.Lend.Tokens.Token(ctx, p)
	if err != nil {
		return fmt.Errorf("%w: %w", errLending, err)
	}
	u.putToken(h, token)
	return nil
}

// again sends a request whose token the upstream refused with another one.
func (u *Upstream) again(r *http.Request, header http.Header, b *body) (*http.Response, error) {
	header, err := u.renewed(r.Context(), header)
	if err != nil {
		return nil, err
	}
	response, err := u.follow(r, header, b)
	if err == nil && response.StatusCode == http.StatusUnauthorized {
		_ = response.Body.Close()
		return nil, errTokenRefused
	}
	return response, err
}

// renewed returns the headers of a request with another token than the one that the upstream
// refused.
func (u *Upstream) renewed(ctx context.Context, h http.Header) (http.Header, error) {
	p, _ := principal.FromContext(ctx)
	token, err := u.Lend.Tokens.Renew(ctx, p, strings.TrimPrefix(h.Get(u.Lend.Header), u.prefix()))
	switch {
	case errors.Is(err, ErrNoOther):
		return nil, errTokenRefused
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errLending, err)
	}
	if h, err = u.vouchAgain(ctx, h); err != nil {
		return nil, err
	}
	u.putToken(h, token)
	return h, nil
}

func (u *Upstream) putToken(h http.Header, token string) {
	h[u.Lend.Header] = []string{u.prefix() + token}
}

// prefix is the scheme that Authorization needs (RFC 6750 §2.1).
func (u *Upstream) prefix() string {
	if u.Lend.Header == "Authorization" {
		return "Bearer "
	}
	return ""
}

// retryAfter is when to repeat a request that there was no room or no token for, in seconds.
func retryAfter(err error) int {
	var lending *LendingError
	if !errors.As(err, &lending) {
		return 1
	}
	return max(1, int(math.Ceil(lending.After.Seconds())))
}

// MayLend reports whether the provider's token may go into a header, by its canonical name:
// one that nothing else sets.
func MayLend(name string) bool {
	return name == "Authorization" || MayForward(name) && !crosses(name, requestHeaders)
}

// Keeps reports whether what is sent to the target stays secret on the way: it is encrypted, or
// does not leave this machine.
func (t Target) Keeps() bool {
	return t.Socket != "" || t.URL.Scheme == "https" || t.onLoopback()
}
