package cache

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// What a step changed is forgotten when the database has it and before the
// caller hears of it. A step that ended in ErrUnavailable changed nothing, and
// tokens are needed then.

// CreateClient implements storage.ClientStore.
func (s *Store) CreateClient(ctx context.Context, c storage.Client) error {
	err := s.db.CreateClient(ctx, c)
	s.clients.forget(c.ID)
	return err
}

// CreateResourceServer implements storage.ResourceStore.
func (s *Store) CreateResourceServer(ctx context.Context, c storage.Client, urls []string) error {
	err := s.db.CreateResourceServer(ctx, c, urls)
	s.clients.forget(c.ID)
	return err
}

// RegisterClient implements storage.ClientStore.
func (s *Store) RegisterClient(ctx context.Context, c storage.Client, ceiling storage.Ceiling) error {
	err := s.db.RegisterClient(ctx, c, ceiling)
	s.clients.forget(c.ID)
	return err
}

// CarryClient implements storage.ClientStore.
func (s *Store) CarryClient(c storage.Client, until time.Time) (string, error) {
	return s.db.CarryClient(c, until)
}

// CarriedClient implements storage.ClientStore.
func (s *Store) CarriedClient(ctx context.Context, id, carried string, now time.Time) (storage.Client, error) {
	return s.db.CarriedClient(ctx, id, carried, now)
}

// RestoreClient implements storage.ClientStore.
func (s *Store) RestoreClient(ctx context.Context, c storage.Client, now time.Time) error {
	err := s.db.RestoreClient(ctx, c, now)
	s.clients.forget(c.ID)
	return err
}

// ReclaimClients implements storage.ClientStore.
func (s *Store) ReclaimClients(ctx context.Context, registered time.Time, limit int, now time.Time) ([]string, error) {
	ids, err := s.db.ReclaimClients(ctx, registered, limit, now)
	for _, id := range ids {
		s.clients.forget(id)
	}
	return ids, err
}

// UpdateClient implements storage.ClientStore.
func (s *Store) UpdateClient(ctx context.Context, was, c storage.Client, now time.Time) error {
	err := s.db.UpdateClient(ctx, was, c, now)
	s.clients.forget(c.ID)
	return err
}

// UseAssertion implements storage.ClientStore.
func (s *Store) UseAssertion(ctx context.Context, clientID string, id storage.Hash, expiresAt, now time.Time) error {
	return s.db.UseAssertion(ctx, clientID, id, expiresAt, now)
}

// SeeUnknownClient implements storage.ClientStore.
func (s *Store) SeeUnknownClient(ctx context.Context, id storage.Hash, now time.Time) (bool, error) {
	return s.db.SeeUnknownClient(ctx, id, now)
}

// ClaimName implements storage.ClientStore. A client says its name in each call, or
// whenever it starts: one claim in a while is enough.
func (s *Store) ClaimName(ctx context.Context, c storage.NameClaim, now time.Time) error {
	key := claimKey{c.ClientID, c.Weak}
	if _, ok := s.claims.recall(key); ok {
		return nil
	}
	_, err := s.claims.get(ctx, key, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.db.ClaimName(ctx, c, now)
	})
	s.clients.forget(c.ClientID)
	return err
}

// DeleteClient implements storage.ClientStore.
func (s *Store) DeleteClient(ctx context.Context, id string, now time.Time) error {
	err := s.db.DeleteClient(ctx, id, now)
	if err == nil {
		s.claims.forget(claimKey{id, false})
		s.claims.forget(claimKey{id, true})
		s.clients.forget(id)
		s.resources.forgetIf(func(r storage.Resource) bool { return r.ClientID == id })
		s.forgetTokens(ofClient(id))
	}
	return err
}

// ExchangeCode implements storage.GrantStore.
func (s *Store) ExchangeCode(ctx context.Context, x storage.CodeExchange, now time.Time) (storage.Issued, error) {
	issued, err := s.db.ExchangeCode(ctx, x, now)
	if errors.Is(err, storage.ErrSpent) {
		s.forgetTokens(ofClient(x.ClientID))
	}
	return issued, err
}

// RotateRefreshToken implements storage.GrantStore.
func (s *Store) RotateRefreshToken(ctx context.Context, r storage.RefreshRotation, now time.Time) (storage.Issued, error) {
	issued, err := s.db.RotateRefreshToken(ctx, r, now)
	if errors.Is(err, storage.ErrSpent) {
		s.forgetTokens(ofClient(r.ClientID))
	}
	return issued, err
}

// UseTokens implements storage.GrantStore. Of concurrent first uses one writes; Access knows
// of it immediately.
func (s *Store) UseTokens(ctx context.Context, refresh storage.Hash, now time.Time) error {
	_, err := s.uses.get(ctx, refresh, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.db.UseTokens(ctx, refresh, now)
	})
	return err
}

// TouchGrant implements storage.GrantStore. Of the calls with one token each
// knows the last use only as it was when the database was asked; so what one of
// them has recorded counts for the others until it is asked again.
func (s *Store) TouchGrant(ctx context.Context, grantID string, now time.Time) error {
	_, err := s.touches.get(ctx, grantID, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.db.TouchGrant(ctx, grantID, now)
	})
	return err
}

// ExtendProviderCheck implements storage.GrantStore.
func (s *Store) ExtendProviderCheck(ctx context.Context, c storage.ProviderCheck) error {
	return s.db.ExtendProviderCheck(ctx, c)
}

// StartProviderCheck implements storage.GrantStore.
func (s *Store) StartProviderCheck(ctx context.Context, c storage.ProviderCheck, now time.Time) error {
	return s.db.StartProviderCheck(ctx, c, now)
}

// FinishProviderCheck implements storage.GrantStore.
func (s *Store) FinishProviderCheck(
	ctx context.Context, c storage.ProviderCheck, a storage.ProviderAnswer, now time.Time,
) error {
	err := s.db.FinishProviderCheck(ctx, c, a, now)
	if err == nil && (a.Refused || a.Person != nil) {
		s.forgetTokens(func(known storage.Access) bool { return known.User.ID == c.UserID })
	}
	return err
}

// RevokeToken implements storage.GrantStore.
func (s *Store) RevokeToken(ctx context.Context, token storage.Hash, clientID string, now time.Time) error {
	err := s.db.RevokeToken(ctx, token, clientID, now)
	if err == nil {
		s.forgetTokens(ofClient(clientID))
	}
	return err
}

// RevokeGrant implements storage.GrantStore.
func (s *Store) RevokeGrant(ctx context.Context, grantID string, now time.Time) error {
	err := s.db.RevokeGrant(ctx, grantID, now)
	if err == nil {
		s.forgetTokens(ofGrant(grantID))
	}
	return err
}

// RevokeUserGrant implements storage.GrantStore.
func (s *Store) RevokeUserGrant(ctx context.Context, userID, grantID string, now time.Time) error {
	err := s.db.RevokeUserGrant(ctx, userID, grantID, now)
	if err == nil {
		s.forgetTokens(ofGrant(grantID))
	}
	return err
}

// DeleteUnusedClients implements storage.OperatorStore.
func (s *Store) DeleteUnusedClients(ctx context.Context, ids []string, registered, now time.Time) (int64, error) {
	deleted, err := s.db.DeleteUnusedClients(ctx, ids, registered, now)
	for _, id := range ids {
		s.clients.forget(id)
	}
	return deleted, err
}

// RevokeGrants implements storage.OperatorStore.
func (s *Store) RevokeGrants(ctx context.Context, f storage.GrantFilter, limit int, now time.Time) (int64, error) {
	revoked, err := s.db.RevokeGrants(ctx, f, limit, now)
	if err == nil {
		s.forgetTokens(func(a storage.Access) bool {
			return (f.UserID == "" || f.UserID == a.User.ID) && (f.ClientID == "" || f.ClientID == a.ClientID)
		})
	}
	return revoked, err
}

// DisableUser implements storage.OperatorStore.
func (s *Store) DisableUser(ctx context.Context, id string, now time.Time) (int64, error) {
	revoked, err := s.db.DisableUser(ctx, id, now)
	if err == nil {
		s.forgetTokens(func(a storage.Access) bool { return a.User.ID == id })
	}
	return revoked, err
}

func (s *Store) forgetTokens(matches func(storage.Access) bool) {
	s.tokens.forgetIf(matches)
	s.touches.forgetIf(func(struct{}) bool { return true })
}

func ofClient(id string) func(storage.Access) bool {
	return func(a storage.Access) bool { return a.ClientID == id }
}

func ofGrant(id string) func(storage.Access) bool {
	return func(a storage.Access) bool { return a.GrantID == id }
}
