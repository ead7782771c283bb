package identity

import (
	"context"
	"errors"

	"golang.org/x/oauth2"
)

// neverIssued is a code that no provider has given.
const neverIssued = "mcpkeep-doctor"

// Check asks a provider what an operator wants to know: that it is there, that what
// it says about itself can be used, and that it accepts client id and secret. For the
// last, a code is presented that was never issued: a provider that knows the client
// refuses the code, any other one the client. Nobody is signed in, and nothing changes.
//
// Errors are ErrUnavailable or ErrMisconfigured, and say what to do.
func Check(ctx context.Context, u Upstream, redirectURI string) error {
	verifier := oauth2.GenerateVerifier()
	_, err := u.AuthorizeURL(ctx, AuthRequest{State: "doctor", Verifier: verifier, Nonce: "doctor", RedirectURI: redirectURI})
	if err != nil {
		return err
	}
	_, _, err = u.Exchange(ctx, ExchangeRequest{Code: neverIssued, Verifier: verifier, Nonce: "doctor", RedirectURI: redirectURI})
	switch {
	case err == nil:
		return misconfigured("%s accepted a code that it has never issued", u.Title())
	case errors.Is(err, ErrRefused):
		return nil
	}
	return err
}
