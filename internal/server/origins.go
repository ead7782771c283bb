package server

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// checkOrigin refuses web pages of other origins (MCP transport: DNS rebinding). Pages of
// this machine, such as the Inspector's, may connect; no Origin means no browser.
//
// It is behind cors: a page may read the refusal, as the preflight told its browser.
func (s *Server) checkOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin != "" && !s.allowsOrigin(origin) {
			s.Logger.WarnContext(r.Context(), "origin refused", logging.Event, "origin_refused",
				"origin", bounded(origin), "setting", "MCPKEEP_ALLOWED_ORIGINS")
			writeJSON(w, http.StatusForbidden, &oauth.Error{
				Code: oauth.InvalidRequest, Description: "this origin is not allowed; the administrator of this server can allow it",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) allowsOrigin(origin string) bool {
	if s.AllowedOrigins.Allow(origin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	canonical, ok := oauth.Origin(origin)
	ours := func(n *name) bool { return n.origin == canonical }
	return ok && (slices.ContainsFunc(s.names, ours) || isLoopbackHost(u.Host))
}
