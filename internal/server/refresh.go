package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// refresh rotates a refresh token (RFC 6749 §6, RFC 9700 §4.14), and counts how that ends.
func (s *Server) refresh(
	r *http.Request, client storage.Client, params map[string]string, resource []string,
) (storage.Issued, error) {
	issued, err := s.refreshed(r, client, params, resource)
	s.Metrics.Refresh(refreshOutcome(issued, err))
	return issued, grantError(err)
}

func (s *Server) refreshed(
	r *http.Request, client storage.Client, params map[string]string, resource []string,
) (storage.Issued, error) {
	if params["refresh_token"] == "" {
		return storage.Issued{}, oauth.NewError(oauth.InvalidRequest, "refresh_token is missing")
	}
	target, refusal := s.narrowedResource(r.Context(), resource)
	token := storage.HashOf(params["refresh_token"])
	grant, user, err := s.Store.RefreshGrant(r.Context(), token, client.ID, s.Now())
	confirm := s.recheck.Confirm
	if s.adopter.Recognizes(params["refresh_token"]) {
		confirm = s.confirmAdopted
	}
	if s.adopter.Recognizes(params["refresh_token"]) && errors.Is(err, storage.ErrNotFound) {
		if err = s.adopter.RefreshToken(r.Context(), params["refresh_token"], client.ID); err == nil {
			grant, user, err = s.Store.RefreshGrant(r.Context(), token, client.ID, s.Now())
		}
	}
	if err != nil {
		return storage.Issued{}, cmp.Or(refusal, err)
	}
	var issued storage.Issued
	if err = refusal; err == nil {
		issued, err = s.rotate(r, recheck.Session{Token: token, Grant: grant, User: user}, confirm, target, params["scope"])
	}
	if err != nil && grant.Unused {
		// Whatever it gets now, the client has the response that the token came in.
		err = cmp.Or(s.useTokens(r.Context(), token, err), err)
	}
	return issued, err
}

// useTokens records the use of a token. It does not wait long for a database that was
// just waited for.
func (s *Server) useTokens(ctx context.Context, token storage.Hash, failure error) error {
	if errors.Is(failure, storage.ErrUnavailable) {
		ctx = storage.WithPatience(ctx, useWait)
	}
	return s.Store.UseTokens(ctx, token, s.Now())
}

// rotate issues the successor of a refresh token, or repeats it, for the target resource
// ("" for that of the grant) once confirm has confirmed the user. A token that is reused too late
// ends the grant without asking anyone.
func (s *Server) rotate(
	r *http.Request, session recheck.Session, confirm func(context.Context, recheck.Session) error, target, scope string,
) (storage.Issued, error) {
	ctx, grant := r.Context(), session.Grant
	if target != "" && target != s.canonical(grant.Resource) {
		return storage.Issued{}, errOtherResource
	}
	if err := s.checkResource(ctx, grant.Resource); err != nil {
		return storage.Issued{}, err
	}
	if err := s.mayEnter(grant.Resource, recheck.PersonOf(session.User.Person)); err != nil {
		s.logRefusedEntry(ctx, grant.ClientID, session.User.ID, grant.Resource)
		return storage.Issued{}, recheck.ErrRefused
	}
	if !grant.Spent || s.Now().Before(grant.Repeat.Until(s.Lifetimes.Grace)) {
		if err := confirm(ctx, session); err != nil {
			return storage.Issued{}, err
		}
	}
	next := s.newTokens()
	next.Scope = oauth.Narrow(grant.Scope, scope)
	issued, err := s.Store.RotateRefreshToken(ctx, storage.RefreshRotation{
		Token: session.Token, ClientID: grant.ClientID, Grace: s.Lifetimes.Grace, Next: next,
	}, s.Now())
	if errors.Is(err, storage.ErrSpent) {
		s.Logger.WarnContext(ctx, "refresh token reused after the grace window: grant revoked",
			logging.Event, "refresh_reuse", logging.ClientID, grant.ClientID, logging.GrantID, grant.ID)
	}
	return issued, err
}
