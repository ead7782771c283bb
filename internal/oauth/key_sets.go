package oauth

import (
	"crypto/sha256"
	"sync"
)

// maxKeySets is how many parsed key sets are remembered, of some 20 KB each.
const maxKeySets = 256

// KeySets remembers key sets that were parsed. The zero value is ready for use, and safe for
// concurrent use.
type KeySets struct {
	mu     sync.Mutex
	parsed map[[sha256.Size]byte]KeySet
}

// Parse is ParseKeySet, for a text that is parsed once as long as it is remembered.
func (s *KeySets) Parse(body string) (KeySet, error) {
	sum := sha256.Sum256([]byte(body))
	s.mu.Lock()
	set, known := s.parsed[sum]
	s.mu.Unlock()
	if known {
		return set, nil
	}
	set, err := ParseKeySet([]byte(body))
	if err != nil {
		return KeySet{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parsed == nil || len(s.parsed) >= maxKeySets {
		s.parsed = make(map[[sha256.Size]byte]KeySet)
	}
	s.parsed[sum] = set
	return set, nil
}
