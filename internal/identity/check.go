package identity

import (
	"context"
	"errors"

	"golang.org/x/oauth2"
)

// neverIssued is a code that no provider has issued.
const neverIssued = "mcpkeep-doctor"

// Check tests a provider for the operator: is it reachable, is its discovery document
// usable, and does it accept the client ID and secret? For the last, it presents a code
// that was never issued: a provider that knows the client refuses the code, any other
// refuses the client. It signs no one in and changes nothing.
//
// Errors are ErrUnavailable or ErrMisconfigured, and say what to do.
func Check(ctx context.Context, p RedirectProvider, redirectURI string) error {
	verifier := oauth2.GenerateVerifier()
	_, err := p.AuthorizeURL(ctx, AuthRequest{State: "doctor", Verifier: verifier, Nonce: "doctor", RedirectURI: redirectURI})
	if err != nil {
		return err
	}
	_, _, err = p.Exchange(ctx, ExchangeRequest{Code: neverIssued, Verifier: verifier, Nonce: "doctor", RedirectURI: redirectURI})
	switch {
	case err == nil:
		return misconfigured("%s accepted a code that it has never issued", p.Title())
	case errors.Is(err, ErrRefused):
		return nil
	}
	return err
}
