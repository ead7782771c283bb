package server

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

// ReturnTokens gives up to limit provider tokens back to the provider whose people
// have no grant here any more, whoever revoked it, and says how many there were. They
// are deleted first; a provider that does not take them back is no reason to keep
// them. Any number of replicas may do it at once.
func (s *Server) ReturnTokens(ctx context.Context, limit int) (int, error) {
	taken, err := s.Store.TakeProviderTokens(ctx, s.Now(), limit)
	for _, sealable := range taken {
		token, err := identity.DecodeToken(sealable)
		if err == nil && (s.Upstream == nil || token.Issuer != s.Upstream.Issuer()) {
			continue // of a provider that is no longer configured
		}
		if err == nil {
			err = s.Upstream.Revoke(context.WithoutCancel(ctx), token)
		}
		if err != nil {
			s.Logger.WarnContext(ctx, "the sign-in provider did not take a token back", "error", err)
		}
	}
	return len(taken), err
}
