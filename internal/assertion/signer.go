package assertion

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Config is what a signer works with.
type Config struct {
	Store storage.SigningKeyStore
	Now   func() time.Time // the clock that counts for all replicas
	Log   *slog.Logger
	// Wanted reports whether assertions are signed here. While they are not, keys are
	// published and none is made.
	Wanted func() bool
}

// Signer signs assertions. It is safe for concurrent use, and what it knows of the keys
// outlives an outage of the database.
type Signer struct {
	Config
	reading sync.Mutex // held to read and to make keys
	tried   time.Time  // the last reading, by this process's clock
	err     error      // of that
	set     atomic.Pointer[set]
}

// set is the keys as they were read at a time.
type set struct {
	keys     []known
	at       time.Time
	document []byte // the JSON Web Key Set
}

// New returns a signer. Run keeps its keys up to date.
func New(cfg Config) *Signer { return &Signer{Config: cfg} }

const (
	// readEvery is how old the keys may become.
	readEvery = time.Minute
	// retryAfter is how soon keys are read again for a request after that changed nothing.
	retryAfter = time.Second
)

// Run reads the keys, makes the next one when it is due, and forgets those that have ended,
// until the context ends.
func (s *Signer) Run(ctx context.Context) {
	for {
		if s.Wanted() {
			if err := s.refresh(ctx, 0); err != nil && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "signing keys not read", logging.Error, err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(readEvery):
		}
	}
}

// Sign returns an assertion. It waits for the database only while no key is known. The error
// wraps storage.ErrUnavailable.
func (s *Signer) Sign(ctx context.Context, c Claims) (string, error) {
	now := s.Now()
	key := s.signing(now)
	if key == nil {
		if err := s.refresh(ctx, retryAfter); err != nil {
			return "", fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
		}
		if key = s.signing(now); key == nil {
			return "", fmt.Errorf("%w: no key can sign here", storage.ErrUnavailable)
		}
	}
	return c.encode(key.signer, now)
}

// signing returns the key that signs, nil when none is known.
func (s *Signer) signing(now time.Time) *known {
	known := s.set.Load()
	if known == nil || now.Sub(known.at) > knownFor {
		return nil
	}
	return current(known.keys, now)
}

// Keys returns the public keys as a JSON Web Key Set (RFC 7517 §5), and for how long it may
// be kept. When they cannot be read, it returns those that are known.
func (s *Signer) Keys(ctx context.Context) (document []byte, keep time.Duration, err error) {
	known := s.set.Load()
	if now := s.Now(); known == nil || len(known.keys) == 0 || now.Sub(known.at).Abs() > readEvery {
		err = s.refresh(ctx, retryAfter)
		known = s.set.Load()
	}
	switch {
	case known == nil:
		return nil, 0, err
	case len(known.keys) == 0:
		return known.document, 0, nil // the first key is used as soon as it exists
	}
	return known.document, CacheFor, nil
}

// refresh reads the keys, and makes the next one. Concurrent callers share the reading, and
// its failure for some time.
func (s *Signer) refresh(ctx context.Context, pause time.Duration) error {
	before := s.set.Load()
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.set.Load() != before {
		return nil // by another caller meanwhile
	}
	if time.Since(s.tried) < pause && (s.err != nil || !s.Wanted()) {
		return s.err
	}
	s.err = s.read(context.WithoutCancel(ctx)) // one caller's hanging up is not the outcome of all
	s.tried = time.Now()
	return s.err
}

// read replaces what is known. The keys are read once more after one was made, since another
// replica may have been faster.
func (s *Signer) read(ctx context.Context) error {
	keys, err := s.load(ctx)
	if err != nil {
		return err
	}
	now := s.Now()
	if number, signsAt, due := next(keys, now); due && s.Wanted() {
		if err := s.add(ctx, number, signsAt, now); err != nil {
			return err
		}
		if _, err := s.load(ctx); err != nil {
			return err
		}
	}
	if through := ended(keys, now); through > 0 {
		return s.Store.DropSigningKeys(ctx, through)
	}
	return nil
}

func (s *Signer) add(ctx context.Context, number int64, signsAt, now time.Time) error {
	key, err := generate()
	if err != nil {
		return err
	}
	key.Number, key.SignsAt, key.CreatedAt = number, signsAt, now
	return s.Store.AddSigningKey(ctx, key)
}

// load reads the keys and publishes them. A key that does not open now, but did before, is
// the one that is known: its encryption key may be on its way here.
func (s *Signer) load(ctx context.Context) ([]known, error) {
	now := s.Now()
	stored, err := s.Store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	keys := make([]known, len(stored))
	for i, key := range stored {
		if keys[i] = s.opened(key); keys[i].signer == nil {
			s.Log.WarnContext(ctx, "signing key not readable", "key", key.ID, logging.Error, keys[i].Broken)
		}
	}
	document, err := documentOf(keys, now)
	if err != nil {
		return nil, err
	}
	s.set.Store(&set{keys: keys, at: now, document: document})
	return keys, nil
}

func (s *Signer) opened(stored storage.SigningKey) known {
	if before := s.set.Load(); before != nil {
		for _, k := range before.keys {
			if k.ID == stored.ID && k.signer != nil {
				k.Number, k.CreatedAt, k.SignsAt = stored.Number, stored.CreatedAt, stored.SignsAt
				return k
			}
		}
	}
	return open(stored)
}

// documentOf is the set of the keys that may verify something now or later.
func documentOf(keys []known, now time.Time) ([]byte, error) {
	list := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	through := ended(keys, now)
	for _, k := range keys {
		if k.signer != nil && k.Number > through {
			list.Keys = append(list.Keys, k.public)
		}
	}
	return json.Marshal(list)
}
