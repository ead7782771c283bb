package server

import (
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// revoke answers a revocation request (RFC 7009 §2). A token that is unknown or
// another client's is answered like one that was revoked.
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
	s.log(r).Info("token revoked", "event", "token_revoked", "client_id", client.ID)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return nil
}
