package gateway

import (
	"context"
	"fmt"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/assertion"
	"github.com/mcpkeep/mcpkeep/internal/principal"
)

const assertionHeader = "X-Mcpkeep-Assertion"

// Assert says how an upstream gets signed assertions of who calls.
type Assert struct {
	Signer   *assertion.Signer // nil for none
	Issuer   string            // our origin
	Audience string            // what the upstream checks that assertions are for
}

// Vouch sets the headers that tell the upstream who calls, in the ways that its operator
// chose. When nothing can be signed, headers alone are better than no service; where there are
// none, the request waits.
func (u *Upstream) Vouch(ctx context.Context, h http.Header, p principal.Principal) error {
	if u.Identify {
		identify(h, p)
	}
	if u.Assert.Signer == nil {
		return nil
	}
	signed, err := u.Assert.Signer.Sign(ctx, assertion.Claims{
		Issuer: u.Assert.Issuer, Audience: u.Assert.Audience, Subject: p.User.ID, Email: p.User.Email, Name: p.User.Name,
		Groups: p.User.Groups, ClientID: p.ClientID, Scope: p.Scope,
	})
	switch {
	case err == nil:
		h[assertionHeader] = []string{signed}
	case !u.Identify:
		u.Logger.WarnContext(ctx, "identity assertion not signed", "upstream", u.Name, "error", err)
		return fmt.Errorf("%w: %w", errNotSigned, err)
	}
	return nil
}

// vouchAgain returns the headers of a request that is sent once more. An upstream may accept an
// assertion only once, and the transport may still read the headers of the first attempt.
func (u *Upstream) vouchAgain(ctx context.Context, h http.Header) (http.Header, error) {
	p, _ := principal.FromContext(ctx)
	h = h.Clone()
	return h, u.Vouch(ctx, h, p)
}
