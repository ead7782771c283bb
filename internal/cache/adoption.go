package cache

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ForeignSession implements storage.AdoptionStore. A question about the token that was asked
// before another replica took it over has no valid answer any more.
func (s *Store) ForeignSession(ctx context.Context, t storage.ForeignToken, now time.Time) (storage.ForeignSession, error) {
	session, err := s.db.ForeignSession(ctx, t, now)
	if session.Adopted {
		s.tokens.forget(t.Hash)
	}
	return session, err
}

// AdoptToken implements storage.AdoptionStore, as ForeignSession does.
func (s *Store) AdoptToken(ctx context.Context, t storage.ForeignToken, now time.Time) error {
	err := s.db.AdoptToken(ctx, t, now)
	if err == nil {
		s.tokens.forget(t.Hash)
	}
	return err
}

// RevokeForeignToken implements storage.AdoptionStore.
func (s *Store) RevokeForeignToken(ctx context.Context, t storage.ForeignToken, now time.Time) error {
	err := s.db.RevokeForeignToken(ctx, t, now)
	if err == nil {
		s.forgetTokens(ofClient(t.ClientID))
	}
	return err
}

// StartAdoption implements storage.AdoptionStore.
func (s *Store) StartAdoption(ctx context.Context, a storage.Adoption, now time.Time) (storage.AdoptionState, error) {
	return s.db.StartAdoption(ctx, a, now)
}

// FinishAdoption implements storage.AdoptionStore.
func (s *Store) FinishAdoption(ctx context.Context, a storage.Adoption, x storage.AdoptionResult, now time.Time) error {
	err := s.db.FinishAdoption(ctx, a, x, now)
	if err == nil {
		s.tokens.forget(x.Token.Hash)
	}
	return err
}
