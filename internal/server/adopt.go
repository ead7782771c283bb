package server

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/adopt"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// justConfirmed is how old the provider's word about the person of a session of FastMCP may
// be when the first of its refresh tokens comes: the provider was asked to take it over.
const justConfirmed = time.Minute

// adoptAccess takes over the session of an access token of FastMCP, and returns what the
// token stands for. Only clients that this server knows keep their sessions.
func (s *Server) adoptAccess(ctx context.Context, token string, now time.Time) (storage.Access, error) {
	err := s.adopter.AccessToken(ctx, token)
	if errors.Is(err, adopt.ErrRefused) {
		return storage.Access{}, errInvalidToken
	}
	if err != nil {
		return storage.Access{}, err
	}
	return s.Store.Access(ctx, storage.HashOf(token), now)
}

// confirmAdopted is recheck.Confirm for a refresh token of FastMCP, of which the first comes
// when the provider was asked a moment ago.
func (s *Server) confirmAdopted(ctx context.Context, session recheck.Session) error {
	if storage.Age(session.Grant.Provider.CheckedAt, s.Now()) < justConfirmed {
		return s.recheck.CheckLists(ctx, session.User)
	}
	return s.recheck.Confirm(ctx, session)
}
