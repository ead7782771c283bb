package app

import (
	"cmp"
	"context"
	"errors"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/setting"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// newTokens returns the sign-in provider's tokens of users.
func (a *App) newTokens() *recheck.Tokens {
	c := a.checked
	return &recheck.Tokens{Renewals: a.repo, Checker: recheck.New(recheck.Config{
		Store: a.store, Provider: c.Provider, Policy: c.Policy, Grace: c.Lifetimes.ProviderGrace, Every: c.Lifetimes.Recheck,
		Logger: a.log, Now: a.db.Now,
	})}
}

// lend says how an upstream gets the tokens.
func (a *App) lend(entry upstreams.Upstream) gateway.Lend {
	if entry.ProviderToken.Header == "" {
		return gateway.Lend{}
	}
	return gateway.Lend{Header: entry.ProviderToken.Header, Tokens: lender{a.tokens, entry.Name}, SignIn: func(p principal.Principal) string {
		return oauth.Resource{URI: p.Resource}.Challenge(oauth.ChallengeParams{
			Code: oauth.InvalidToken, Description: "the sign-in has ended",
		})
	}}
}

// lender gives an upstream the tokens.
type lender struct {
	tokens   *recheck.Tokens
	upstream string
}

// Token implements gateway.Tokens.
func (l lender) Token(ctx context.Context, p principal.Principal) (string, error) {
	token, err := l.tokens.Token(ctx, p.GrantID)
	return token, lendingError(err)
}

// Renew implements gateway.Tokens.
func (l lender) Renew(ctx context.Context, p principal.Principal, refused string) (string, error) {
	token, err := l.tokens.Renew(ctx, p.GrantID, l.upstream, refused)
	return token, lendingError(err)
}

// lendingError says what it means for a call that there is no token.
func lendingError(err error) error {
	var unavailable *identity.UnavailableError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, recheck.ErrNotRenewed):
		return gateway.ErrNoOther
	case errors.Is(err, recheck.ErrRefused) || errors.Is(err, storage.ErrNotFound):
		return gateway.ErrSignIn
	case errors.As(err, &unavailable):
		return &gateway.LendingError{After: unavailable.RetryAfter, Cause: err}
	}
	return &gateway.LendingError{Cause: err}
}

// checkLending refuses an upstream that would get tokens that no one gives out.
func (s *Settings) checkLending(entry upstreams.Upstream) error {
	if entry.ProviderToken.Header == "" || cmp.Or(setting.Trim(s.Provider.Kind), Local) != Local {
		return nil
	}
	return entry.ProviderToken.Errorf("none, or a sign-in provider such as github", "the sign-in provider %s gives out no tokens", Local)
}
