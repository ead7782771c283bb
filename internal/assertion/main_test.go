package assertion_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/mcpkeep/mcpkeep/internal/assertion"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func TestMain(m *testing.M) { dbtest.Main(m, nil) }

// clock is one that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Unix(1_800_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// memory is a storage.SigningKeyStore without a database.
type memory struct {
	mu   sync.Mutex
	keys []storage.SigningKey
}

func (m *memory) SigningKeys(context.Context) ([]storage.SigningKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.keys), nil
}

func (m *memory) AddSigningKey(_ context.Context, key storage.SigningKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.ContainsFunc(m.keys, func(k storage.SigningKey) bool { return k.Number == key.Number }) {
		m.keys = append(m.keys, key)
	}
	return nil
}

func (m *memory) DropSigningKeys(_ context.Context, through int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys = slices.DeleteFunc(m.keys, func(k storage.SigningKey) bool { return k.Number <= through })
	return nil
}

// spoil replaces keys as they are read.
func (m *memory) spoil(change func(*storage.SigningKey)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.keys {
		change(&m.keys[i])
	}
}

// reach is a store as a replica reaches it: sometimes not at all.
type reach struct {
	storage.SigningKeyStore
	mu   sync.Mutex
	away bool
}

var errAway = errors.New("the database is away")

func (r *reach) setAway(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
}

func (r *reach) SigningKeys(ctx context.Context) ([]storage.SigningKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return nil, errAway
	}
	return r.SigningKeyStore.SigningKeys(ctx)
}

// replica is a signer, and how it reaches the database.
type replica struct {
	*assertion.Signer
	*reach
}

func newReplica(store storage.SigningKeyStore, now func() time.Time) replica {
	r := &reach{SigningKeyStore: store}
	return replica{reach: r, Signer: assertion.New(assertion.Config{
		Store: r, Now: now, Log: slog.New(slog.DiscardHandler), Wanted: func() bool { return true },
	})}
}

func (r replica) refresh(t *testing.T) {
	t.Helper()
	if err := assertion.Refresh(t.Context(), r.Signer); err != nil {
		t.Fatal(err)
	}
}

var claims = assertion.Claims{
	Issuer: "https://keep.example", Audience: "http://127.0.0.1:9000/mcp", Subject: "u_1", Email: "a@example.com", Name: "Älice",
	Groups: []string{"a", "b, c"}, ClientID: "c_1", Scope: "mcp",
}

// sign returns an assertion with the ID of its key.
func (r replica) sign(t *testing.T) (token, kid string) {
	t.Helper()
	token, err := r.Sign(t.Context(), claims)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return token, parsed.Headers[0].KeyID
}

// published returns the key set.
func (r replica) published(t *testing.T) *jose.JSONWebKeySet {
	t.Helper()
	document, _, err := r.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(document, &set); err != nil {
		t.Fatal(err)
	}
	return &set
}

// verify reports whether a set of keys verifies an assertion at a time.
func verify(set *jose.JSONWebKeySet, token string, now time.Time) error {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return err
	}
	var got jwt.Claims
	if err := parsed.Claims(set, &got); err != nil {
		return err
	}
	return got.ValidateWithLeeway(jwt.Expected{Issuer: claims.Issuer, AnyAudience: jwt.Audience{claims.Audience}, Time: now}, 0)
}
