package db

import (
	"context"
	"math"
)

// GrantsOf selects grants in the order of their IDs: the live ones of a client, or those of a
// user that are live or have a provider token.
type GrantsOf struct {
	UserID, ClientID string // one of them
	Limit            int    // 0 for all
}

// LockGrants locks grants before a statement that changes several of them: PostgreSQL locks
// them in any order otherwise, and two such statements could wait for each other. SQLite has
// one writer.
func LockGrants(ctx context.Context, q Querier, g GrantsOf) error {
	s, ok := run(q).(withStatements)
	if _, locks := s.statements.(pgStatements); !ok || !locks {
		return nil
	}
	condition, id := "user_id = $1 AND (revoked_at IS NULL OR provider_token IS NOT NULL)", g.UserID
	if id == "" {
		condition, id = "client_id = $1 AND revoked_at IS NULL", g.ClientID
	}
	limit := g.Limit
	if limit == 0 {
		limit = math.MaxInt
	}
	_, err := s.change(ctx, "SELECT id FROM mcpkeep_grants WHERE "+condition+" ORDER BY id LIMIT $2 FOR NO KEY UPDATE", id, limit)
	return err
}
