package server

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
)

// ReturnTokens gives up to limit provider tokens back to the provider whose people
// have no grant here any more, no matter who revoked it, and returns how many there were. They
// are deleted first; a provider that does not take them back is no reason to keep
// them. Any number of replicas may do it concurrently.
func (c Config) ReturnTokens(ctx context.Context, limit int) (int, error) {
	taken, err := c.Store.TakeProviderTokens(ctx, c.Now(), limit)
	for _, sealable := range taken {
		if err := c.returnToken(context.WithoutCancel(ctx), sealable); err != nil {
			c.Logger.WarnContext(ctx, "could not revoke a token at the sign-in provider", logging.Error, err)
		}
	}
	return len(taken), err
}

// returnToken gives a token back, unless its provider is no longer configured.
func (c Config) returnToken(ctx context.Context, encoded []byte) error {
	token, err := identity.DecodeToken(encoded)
	if err != nil {
		return err
	}
	if p, ok := c.Provider.(identity.RedirectProvider); ok && token.Issuer == p.Issuer() {
		return p.Revoke(ctx, token)
	}
	return nil
}
