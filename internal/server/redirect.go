package server

import (
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// redirect sends the browser to the client. Every answer carries iss (RFC 9207).
func (s *Server) redirect(w http.ResponseWriter, redirectURI string, p oauth.RedirectParams) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", oauth.BuildRedirect(redirectURI, p))
	w.WriteHeader(http.StatusFound)
}

// redirectError sends the browser to the client with an error.
func (s *Server) redirectError(w http.ResponseWriter, r *http.Request, req storage.Request, err error) error {
	problem := s.problemOf(r, err)
	s.redirect(w, req.RedirectURI, oauth.RedirectParams{
		Error: problem.Code, ErrorDescription: problem.Description, State: req.State, Issuer: s.issuer(),
	})
	return nil
}

// errorLink is the same redirect as a link, for a person to follow.
func (s *Server) errorLink(req storage.Request, err *oauth.Error) *pages.Link {
	return &pages.Link{Text: "Return to the app", Href: oauth.BuildRedirect(req.RedirectURI, oauth.RedirectParams{
		Error: err.Code, ErrorDescription: err.Description, State: req.State, Issuer: s.issuer(),
	})}
}
