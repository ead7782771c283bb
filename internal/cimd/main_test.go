package cimd_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/mcpkeep/mcpkeep/internal/cimd"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func TestMain(m *testing.M) { dbtest.Main(m, nil) }

// world is a site, a database, and a replica of the server's part that looks
// clients up, at a time that tests move.
type world struct {
	*fetchtest.Site
	cimd.Config
	*cimd.Documents

	store storage.Store // the database's own
	clock *clock
	log   *bytes.Buffer
}

func begin(t testing.TB, e dbtest.Engine, changes ...func(*cimd.Config)) *world {
	t.Helper()
	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}
	store := repo.New(e.Open(t), keys)
	w := &world{Site: fetchtest.New(t), store: store, clock: &clock{now: time.Unix(1_800_000_000, 0).UTC()}, log: &bytes.Buffer{}}
	if err := store.CheckKeys(t.Context(), w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.Config = cimd.Config{
		Store: store, Now: w.clock.Now, Logger: slog.New(slog.NewTextHandler(w.log, nil)),
		Fetcher: fetch.New(fetch.Config{Networks: []netip.Prefix{fetchtest.Network()}, RootCAs: w.Roots}),
	}
	for _, change := range changes {
		change(&w.Config)
	}
	w.Documents = cimd.New(w.Config)
	return w
}

// sqlite begins a world where the engine does not matter.
func sqlite(t testing.TB, changes ...func(*cimd.Config)) *world {
	t.Helper()
	return begin(t, dbtest.SQLite(), changes...)
}

// find looks a client up as the server does.
func (w *world) find(t testing.TB, id string) (storage.Client, error) {
	t.Helper()
	return w.ClientStore(w.store).Client(t.Context(), id)
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fake is a fetcher that tests script.
type fake func(ctx context.Context, url, etag string) (fetch.Answer, error)

func (fake) Check(string) error { return nil }

func (f fake) Get(ctx context.Context, url, etag string) (fetch.Answer, error) {
	return f(ctx, url, etag)
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// publicSet is the key set of a key.
func publicSet(key *ecdsa.PrivateKey, kid string) jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: kid, Use: "sig"}}}
}
