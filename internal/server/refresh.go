package server

import (
	"errors"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// refresh rotates a refresh token (RFC 6749 §6, RFC 9700 §4.14).
func (s *Server) refresh(
	r *http.Request, client storage.Client, params map[string]string, resource []string,
) (storage.Issued, error) {
	if params["refresh_token"] == "" {
		return storage.Issued{}, oauth.NewError(oauth.InvalidRequest, "refresh_token is missing")
	}
	if _, err := s.resource.Canonical(resource); err != nil {
		return storage.Issued{}, err
	}
	token := storage.HashOf(params["refresh_token"])
	grant, user, err := s.Store.RefreshGrant(r.Context(), token, client.ID, s.Now())
	if err != nil {
		return storage.Issued{}, grantError(err)
	}
	if err := s.recheck(r, token, grant, user); err != nil {
		return storage.Issued{}, err
	}
	next := s.newTokens()
	next.Scope = oauth.Narrow(grant.Scope, params["scope"])
	issued, err := s.Store.RotateRefreshToken(r.Context(), storage.RefreshRotation{
		Token: token, ClientID: client.ID, Grace: s.Lifetimes.Grace, Next: next,
	}, s.Now())
	if errors.Is(err, storage.ErrSpent) {
		s.log(r).Warn("refresh token used again after its time: grant revoked",
			"event", "refresh_reuse", "client_id", client.ID, "grant_id", grant.ID)
	}
	return issued, grantError(err)
}
