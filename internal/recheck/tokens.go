package recheck

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// RenewEvery is how often an upstream's refusal renews a user's token.
	RenewEvery = 5 * time.Minute
	// tokenLeeway is how long before its expiry a token is renewed, so that it does not expire
	// in transit. It is less than the providers' own.
	tokenLeeway = 30 * time.Second
	// renewFor bounds a renewal, including the wait for another replica's.
	renewFor = 2 * waitFor
	// fewLooks is how often Renew looks for another replica's renewal that has not begun yet.
	fewLooks = 5
)

// ErrNotRenewed means that the provider has no other token for the user at the moment.
var ErrNotRenewed = errors.New("the sign-in provider's token was not renewed")

// Renewals limit for all replicas how often refusals renew tokens.
type Renewals interface {
	// LeaseRenewal reports whether holder may renew the token of a user that an upstream
	// refused: of any number of holders one may, until the given time.
	LeaseRenewal(ctx context.Context, userID, upstream, holder string, until, now time.Time) (bool, error)
	// EndRenewal takes back the lease of a holder that renewed nothing.
	EndRenewal(ctx context.Context, userID, upstream, holder string) error
}

// Tokens are the provider's tokens of users, for upstreams that act for them there.
type Tokens struct {
	*Checker
	Renewals Renewals
}

// Token returns the provider's access token of a grant's user. One that has expired is
// renewed first, once for all that ask at the same time. A grant whose token has expired and
// cannot be renewed ends: its user has to sign in again. Errors are those of Confirm.
func (t *Tokens) Token(ctx context.Context, grantID string) (string, error) {
	s, token, err := t.read(ctx, grantID)
	if err != nil || !t.hasExpired(token, tokenLeeway) {
		return token.AccessToken, err
	}
	if token.RefreshToken == "" {
		if !t.hasExpired(token, 0) {
			return token.AccessToken, nil
		}
		return "", t.endSpent(ctx, s)
	}
	if err := t.ask(ctx, s); err != nil {
		return "", err
	}
	if s, token, err = t.read(ctx, grantID); err != nil {
		return "", err
	}
	if t.hasExpired(token, 0) {
		return "", t.unavailable(s)
	}
	return token.AccessToken, nil
}

// Renew returns another token than the one that an upstream refused: what was renewed
// meanwhile, or what the provider gives now. An upstream's refusals ask the provider at most
// once in RenewEvery for each user; otherwise the error is ErrNotRenewed, and so it is when the
// provider says that the token is good. Other errors are those of Confirm.
func (t *Tokens) Renew(ctx context.Context, grantID, upstream, refused string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, renewFor)
	defer cancel()
	for looks := 0; ; looks++ {
		s, token, err := t.read(ctx, grantID)
		if err != nil || token.AccessToken != refused {
			return token.AccessToken, err
		}
		switch now := t.Now(); {
		case storage.Ahead(s.Grant.Provider.RetryAt, now, storage.LongestRest):
			return "", t.unavailable(s)
		case s.Grant.Provider.CheckUnderWay(now):
		default:
			next, err := t.renew(ctx, s, upstream, refused)
			if !errors.Is(err, storage.ErrSpent) {
				return next, err
			}
			if looks >= fewLooks {
				return "", ErrNotRenewed
			}
		}
		select {
		case <-ctx.Done():
			return "", &identity.UnavailableError{Reason: "no response yet", Cause: ctx.Err()}
		case <-time.After(pollEvery):
		}
	}
}

// renew asks the provider for another token. The error is storage.ErrSpent when an earlier
// refusal has done so.
func (t *Tokens) renew(ctx context.Context, s Session, upstream, refused string) (string, error) {
	now, holder := t.Now(), oauth.NewID("rn")
	held, err := t.Renewals.LeaseRenewal(ctx, s.User.ID, upstream, holder, now.Add(RenewEvery), now)
	if err == nil && !held {
		err = storage.ErrSpent
	}
	if err != nil {
		return "", err
	}
	s.renew = true
	if err = t.ask(ctx, s); errors.Is(err, ErrRefused) || errors.Is(err, storage.ErrNotFound) {
		return "", err
	}
	after, token, readErr := t.read(ctx, s.Grant.ID)
	switch p := after.Grant.Provider; {
	case readErr != nil:
		return "", readErr
	case token.AccessToken != refused:
		return token.AccessToken, nil
	case !p.CheckUntil.IsZero():
		return "", t.unavailable(after) // it may still come
	case err == nil && p.RetryAt.IsZero():
		return "", ErrNotRenewed
	}
	if ending := t.Renewals.EndRenewal(ctx, s.User.ID, upstream, holder); ending != nil {
		t.Logger.WarnContext(ctx, "could not end the lease of a renewal", logging.Error, ending)
	}
	return "", t.unavailable(after)
}

// read returns a grant with the provider's token of its user.
func (t *Tokens) read(ctx context.Context, grantID string) (s Session, token identity.Token, err error) {
	s.Grant, s.User, err = t.Store.LiveGrant(ctx, grantID, t.Now())
	switch {
	case err != nil:
		return s, token, err
	case s.Grant.Provider.Token == nil || s.User.Issuer != t.Provider.Issuer():
		return s, token, t.endForeign(ctx, s)
	}
	token, err = identity.DecodeToken(s.Grant.Provider.Token)
	return s, Upstream(token, s.Grant.Provider.Upstream), err
}

// ask is confirm, for a token that no provider of this server may have given.
func (t *Tokens) ask(ctx context.Context, s Session) error {
	provider, redirects := t.Provider.(identity.RedirectProvider)
	if !redirects {
		return t.endForeign(ctx, s)
	}
	return t.confirm(ctx, provider, s)
}

func (t *Tokens) hasExpired(token identity.Token, leeway time.Duration) bool {
	return !token.Expiry.IsZero() && !t.Now().Add(leeway).Before(token.Expiry)
}

// unavailable says when to try again.
func (t *Tokens) unavailable(s Session) error {
	return &identity.UnavailableError{
		Reason: "the provider has not renewed the user's token", RetryAfter: max(0, s.Grant.Provider.RetryAt.Sub(t.Now())),
	}
}

// endSpent ends the session of a user whose token is worth nothing any more.
func (t *Tokens) endSpent(ctx context.Context, s Session) error {
	return t.end(ctx, s, "the sign-in provider's token has expired and cannot be renewed")
}
