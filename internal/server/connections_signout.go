package server

import (
	"net/http"
	"net/url"
)

// signOut ends the session.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := s.sessionForm(w, r, func(url.Values) string { return signOutPath }); err != nil {
		return err
	}
	secret := s.secretOf(r, sessionCookie)
	if err := s.Store.CloseBrowserSession(r.Context(), secret.hash(), s.Now()); err != nil {
		return err
	}
	s.setSession(w, "")
	leadTo(w, connectionsPath, http.StatusSeeOther)
	return nil
}
