package adopt

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// codeLife is how long a code of FastMCP may take from here to its redemption, which
// follows immediately.
const codeLife = time.Minute

// Request returns the authorization request that FastMCP took under an ID, if it has not
// expired. The error is ErrRefused, or one of the store.
func (a *Adopter) Request(ctx context.Context, id string) (storage.ForeignRequest, error) {
	if a == nil || !fastmcp.IsSecret(id) {
		return storage.ForeignRequest{}, a.unknownRequest(ctx, id)
	}
	req, err := a.Store.ForeignRequest(ctx, id, a.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return req, a.unknownRequest(ctx, id)
	}
	if err == nil && !a.Now().Before(req.CreatedAt.Add(fastmcp.TransactionLife)) {
		err = errExpiredRequest
	}
	if errors.Is(err, errExpiredRequest) || errors.Is(err, storage.ErrUnreadable) {
		return req, a.refuse(ctx, storage.ForeignToken{ClientID: req.ClientID}, err)
	}
	return req, err
}

// CodeRequest is a token request with a code (RFC 6749 §4.1.3).
type CodeRequest struct {
	Code, ClientID, RedirectURI string
	Challenge                   string // S256 of the presented verifier
}

// RefuseRequest records that a request that FastMCP took is none that this server accepts.
func (a *Adopter) RefuseRequest(ctx context.Context, req storage.ForeignRequest) {
	_ = a.refuse(ctx, storage.ForeignToken{ClientID: req.ClientID}, errUnusable) // which the browser is shown anyway
}

// Code makes a code of FastMCP one that the store redeems, if the request fits it. Errors are
// ErrRefused, identity.ErrUnavailable and identity.ErrMisconfigured, or those of the store.
func (a *Adopter) Code(ctx context.Context, x CodeRequest) error {
	provider, redirects := a.Provider.(identity.RedirectProvider)
	if !redirects {
		return ErrRefused
	}
	code, err := a.foreignCode(ctx, x.Code)
	if err == nil {
		err = a.fits(code, x)
	}
	var adoption storage.CodeAdoption
	if err == nil {
		adoption, err = a.askAboutCode(ctx, provider, code)
	}
	if err == nil {
		adoption.RedirectURI = x.RedirectURI
		err = a.Store.AdoptCode(ctx, adoption, a.Now())
	}
	switch {
	case err == nil:
		a.Logger.InfoContext(ctx, "code of FastMCP redeemed", logging.Event, "grant_adopted", logging.ClientID, x.ClientID, logging.GrantID, adoption.GrantID)
	case errors.Is(err, storage.ErrDisabled): // recorded
		return ErrRefused
	case isRefusal(err), errors.Is(err, storage.ErrUnreadable):
		return a.refuse(ctx, storage.ForeignToken{ClientID: x.ClientID}, err)
	}
	return err
}

// foreignCode reads the row of a code.
func (a *Adopter) foreignCode(ctx context.Context, code string) (c storage.ForeignCode, err error) {
	err = storage.ErrNotFound
	if fastmcp.IsSecret(code) {
		c, err = a.Store.ForeignCode(ctx, code, a.Now())
	}
	if errors.Is(err, storage.ErrNotFound) {
		err = errNoCode
	}
	return c, err
}

// Why a code or a request is refused.
var (
	errOtherCode      = errors.New("the code is for another client, redirect URI or verifier")
	errExpiredCode    = errors.New("the code has expired")
	errExpiredRequest = errors.New("the sign-in has expired")
	errUnusable       = errors.New("the sign-in is no request that this server accepts")
)

func isRefusal(err error) bool {
	return errors.Is(err, errNoCode) || errors.Is(err, errOtherCode) || errors.Is(err, errExpiredCode) || errors.Is(err, identity.ErrRefused) ||
		errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrNoClient) // gone since it was read
}

// fits reports as an error that a request may not have the code. FastMCP requires the
// redirect URI, and compares it in its own form.
func (a *Adopter) fits(c storage.ForeignCode, x CodeRequest) error {
	switch {
	case c.ClientID != x.ClientID, fastmcp.NormalURL(c.RedirectURI) != fastmcp.NormalURL(x.RedirectURI),
		c.CodeChallengeMethod != oauth.ChallengeMethod, c.CodeChallenge == "",
		subtle.ConstantTimeCompare([]byte(c.CodeChallenge), []byte(x.Challenge)) != 1:
		return errOtherCode
	case !a.Now().Before(c.ExpiresAt):
		return errExpiredCode
	}
	return nil
}

// askAboutCode asks the provider whose a code is. The refresh token, which may be good for
// one use, stays with the grant: a code does not live long enough for its access token to
// expire.
func (a *Adopter) askAboutCode(ctx context.Context, p identity.RedirectProvider, c storage.ForeignCode) (storage.CodeAdoption, error) {
	ctx, cancel := context.WithTimeout(ctx, waitFor)
	defer cancel()
	asked := time.Now()
	person, token, err := p.Recheck(ctx, identity.Token{Issuer: p.Issuer(), AccessToken: c.Upstream.AccessToken})
	storage.Excuse(ctx, time.Since(asked))
	if err == nil {
		err = a.Policy.Check(person)
	}
	if err != nil {
		return storage.CodeAdoption{}, err
	}
	token.RefreshToken, token.Expiry = c.Upstream.RefreshToken, c.Upstream.ExpiresAt
	sealable, err := identity.EncodeToken(token)
	return storage.CodeAdoption{
		Code: c, Person: recheck.Profile(person), ProviderToken: sealable, GrantID: storage.NewOrderedID(storage.GrantIDPrefix, a.Now()), Scope: a.Scope, Resource: a.Resource,
		ExpiresAt: a.Now().Add(codeLife),
	}, err
}
