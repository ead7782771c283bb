package server

import (
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// seenFor is how long a token goes on without the database: long enough for
	// a failover or a restart of it, short enough for a revocation to bite.
	seenFor = 5 * time.Minute
	// seenTokensMax bounds the memory.
	seenTokensMax = 10_000
)

// seenTokens remembers tokens that the database confirmed lately. It is asked
// only while the database is away.
type seenTokens struct {
	cache *expirable.LRU[storage.Hash, storage.Access]
}

func newSeenTokens() *seenTokens {
	return &seenTokens{cache: expirable.NewLRU[storage.Hash, storage.Access](seenTokensMax, nil, seenFor)}
}

func (s *seenTokens) put(token storage.Hash, a storage.Access) { s.cache.Add(token, a) }

func (s *seenTokens) get(token storage.Hash, now time.Time) (storage.Access, bool) {
	a, ok := s.cache.Get(token)
	return a, ok && now.Before(a.ExpiresAt)
}

func (s *seenTokens) forget(token storage.Hash) { s.cache.Remove(token) }

// ForgetSeen forgets all tokens seen lately, which would go on while the database
// is away: something was revoked by another way than this server's endpoints.
func (s *Server) ForgetSeen() { s.seen.cache.Purge() }

// forgetClient forgets all tokens of a client: something of it was revoked.
func (s *seenTokens) forgetClient(id string) {
	for _, token := range s.cache.Keys() {
		if a, ok := s.cache.Peek(token); ok && a.ClientID == id {
			s.cache.Remove(token)
		}
	}
}
