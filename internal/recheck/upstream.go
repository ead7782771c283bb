package recheck

import (
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Upstream returns a provider's token with the tokens of the FastMCP session that it came
// from, nil for none. What is known of another token does not carry over.
func Upstream(t identity.Token, u *storage.UpstreamTokens) identity.Token {
	if u == nil || u.AccessToken == t.AccessToken && u.RefreshToken == t.RefreshToken {
		return t
	}
	t.AccessToken, t.RefreshToken, t.Expiry, t.Doubtful = u.AccessToken, u.RefreshToken, u.ExpiresAt, false
	return t
}

// Renewed returns the tokens that the provider gave in place of others; nil when it did not.
func Renewed(before, after identity.Token) *storage.UpstreamTokens {
	if after.AccessToken == before.AccessToken && after.RefreshToken == before.RefreshToken {
		return nil
	}
	return &storage.UpstreamTokens{AccessToken: after.AccessToken, RefreshToken: after.RefreshToken, ExpiresAt: after.Expiry}
}
