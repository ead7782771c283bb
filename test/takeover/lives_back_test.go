//go:build takeover

package takeover_test

import (
	"net/http"
	"strings"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// back is at FastMCP again, with the store that both used, or with the old one as it was: an
// access token that was taken over works, and so does a refresh token that mcpkeep did not see.
func (l *life) back(fresh *harness.Client) {
	l.Helper()
	seen := []string{"access"}
	if l.oauthApp {
		l.client.call("ping", "pong", 0)
		if got := l.d.mcp(l.T, l.first.Access); got != http.StatusOK {
			l.Errorf("back at FastMCP the adopted token gets %d", got)
		}
	}
	if got := l.d.mcp(l.T, l.kept.AccessToken); got != http.StatusOK {
		l.Errorf("back at FastMCP another adopted token gets %d", got)
	}
	if l.renews() {
		if got := l.d.refresh(l.T, held{Refresh: l.kept.RefreshToken, Client: l.kept.ID, Secret: l.kept.Secret}); got != http.StatusOK {
			l.Errorf("back at FastMCP a refresh token that mcpkeep did not see gets %d", got)
		}
		seen = append(seen, "refresh")
	}
	l.seen[stepBackToken] = strings.Join(seen, ", ") + ": work"
	if !l.oauthApp {
		l.ended()
	}
	l.registered(fresh)
}

// renews reports whether FastMCP has a refresh token for a client that did not use it here:
// at an OAuth app there is none, and 2.13.0 has forgotten it.
func (l *life) renews() bool { return !l.oauthApp && l.version != "2.13.0" }

// ended: FastMCP refuses refresh tokens that were rotated or revoked at mcpkeep. The old store
// does not know that they were.
func (l *life) ended() {
	l.Helper()
	again := l.imported() && l.renews()
	for what, token := range map[string]held{"rotated": l.first, "revoked": {Refresh: l.revoked, Client: l.old.ID, Secret: l.old.Secret}} {
		got := l.d.refresh(l.T, token)
		if refused := got == http.StatusBadRequest || got == http.StatusUnauthorized; refused == again || !refused && got != http.StatusOK {
			l.Errorf("back at FastMCP a refresh token that was %s gets %d", what, got)
		}
	}
	l.seen[stepBackToken] += "; rotated, revoked: " + map[bool]string{false: "refused", true: "work again"}[again]
}

// registered: a client that registered at mcpkeep signs in, if FastMCP's store is mcpkeep's, too.
func (l *life) registered(fresh *harness.Client) {
	l.Helper()
	fresh.Scope, fresh.FastMCP = "user", true
	err := person(l.T, l.d, fresh)
	if l.imported() {
		if err == nil {
			l.Error("back at FastMCP, it knows a client that registered at mcpkeep")
		}
		l.seen[stepBackClient] = "not in the store"
		return
	}
	if err != nil {
		l.Errorf("back at FastMCP, a client that registered at mcpkeep: %v", err)
	}
	if got := call(l.T, l.d.url(), fresh.AccessToken); got.status != http.StatusOK {
		l.Errorf("back at FastMCP, a client that registered at mcpkeep gets %d", got.status)
	}
	l.seen[stepBackClient] = "works"
}
