package server

import (
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// revoke answers a revocation request (RFC 7009 §2). A token that is unknown or
// another client's gets the same response as a revoked one.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
	client, _, params, err := s.clientForm(w, r)
	if err != nil {
		return err
	}
	if params["token"] == "" {
		return oauth.NewError(oauth.InvalidRequest, "token is missing")
	}
	hash := storage.HashOf(params["token"])
	if err := s.Store.RevokeToken(r.Context(), hash, client.ID, s.Now()); err != nil {
		return err
	}
	if s.adopter.Recognizes(params["token"]) {
		if err := s.adopter.Revoke(r.Context(), params["token"], client.ID); err != nil {
			return err
		}
	}
	s.Logger.InfoContext(r.Context(), "token revoked", logging.Event, "token_revoked", logging.ClientID, client.ID)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return nil
}
