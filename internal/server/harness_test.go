package server_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/cimd"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/mcpserver"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	base     = "https://keep.example.com"
	resource = base + "/mcp"
	password = "correct-horse-battery-staple"
)

// site is one mcpkeep: the real server over a real database, with a clock that
// tests move. Requests go to its handler directly; every answer is held against
// the invariants that all answers have.
type site struct {
	testing.TB
	config    server.Config
	handler   http.Handler
	store     *failingStore
	keys      *keyring.Keyring
	key       string // the text of the one key
	url       string // of the database
	sql       *sql.DB
	clock     *clock
	log       *record
	publisher *fetchtest.Site // of clients' documents; nil when none are taken
	defects   bool            // the test provokes answers with status 500
}

// setup is what a test may choose before a site starts.
type setup struct {
	server.Config
	engine    dbtest.Engine
	publisher *fetchtest.Site
}

// start starts a site with a local password on SQLite, unless options differ.
func start(t testing.TB, options ...func(*setup)) *site {
	t.Helper()
	set := setup{engine: dbtest.SQLite(), Config: server.Config{
		BaseURL: base, Name: "Keep", Loopback: false, Provider: identity.Local{},
		Lifetimes: server.Lifetimes{AccessToken: time.Hour, RefreshToken: 24 * time.Hour, Grace: 2 * time.Minute, ProviderGrace: 24 * time.Hour, Recheck: time.Hour},
	}}
	for _, option := range options {
		option(&set)
	}
	url, key := set.engine.URL(t), keyring.Generate()
	keys, err := keyring.Parse(key)
	if err != nil {
		t.Fatal(err)
	}
	d := dbtest.Open(t, url)
	store := repo.New(d, keys)
	s := &site{
		TB: t, config: set.Config, keys: keys, key: key, url: url, sql: dbtest.SQL(t, url), log: &record{},
		store: &failingStore{Store: store, sound: store, dead: repo.New(closedDB(t), keys)},
		clock: &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}, publisher: set.publisher,
	}
	if err := store.CheckKeys(t.Context(), s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if err := store.SetPassword(t.Context(), owner(), cheapHash(password), false, s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	s.serve()
	t.Cleanup(s.checkLog)
	return s
}

// serve makes the handler of the site's configuration.
func (s *site) serve() {
	s.Helper()
	s.config.Logger = slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	store := cache.New(s.clients(), s.clock.Now)
	s.config.Store, s.config.Now = store, s.clock.Now
	if s.config.Resources == nil {
		s.config.Resources = protecting(mcpserver.New(mcpserver.Config{
			Store: store, Version: "test", BaseURL: s.config.BaseURL, Logger: s.config.Logger, Now: s.clock.Now,
		}))
	}
	srv, err := server.New(s.config)
	if err != nil {
		s.Fatal(err)
	}
	s.handler = srv.Handler()
}

// protecting makes a handler the only protected resource.
func protecting(h http.Handler) []server.Resource {
	return []server.Resource{{Path: "/mcp", Handler: h}}
}

// clients is the store that knows clients by their rows and, with a site that
// publishes, by their documents.
func (s *site) clients() storage.Store {
	s.Helper()
	if s.publisher == nil {
		return s.store
	}
	documents := cimd.New(cimd.Config{
		Store: s.store, Logger: s.config.Logger, Now: s.clock.Now, Own: []string{"keep.example.com"},
		Fetcher: fetch.New(fetch.Config{Networks: []netip.Prefix{fetchtest.Network()}, RootCAs: s.publisher.Roots}),
	})
	s.config.Documents, s.config.Keys = true, documents
	return documents.ClientStore(s.store)
}

// publishing lets the site know clients by the documents of another one.
func publishing(p *fetchtest.Site) func(*setup) { return func(set *setup) { set.publisher = p } }

// replica is another server on the same database.
func (s *site) replica(change func(*server.Config)) *site {
	s.Helper()
	other := *s
	other.config.Resources = nil
	change(&other.config)
	other.serve()
	return &other
}

// onGitHub makes GitHub the provider.
func onGitHub(gh *githubtest.Server, policy identity.Policy, timeout time.Duration) func(*setup) {
	return func(set *setup) {
		provider, err := identity.NewGitHub(identity.GitHubConfig{
			ClientID: gh.ClientID, ClientSecret: gh.ClientSecret, URL: gh.URL, APIURL: gh.APIURL,
			Orgs: policy.NeedsOrgs(), Emails: policy.NeedsEmail(), Timeout: timeout,
		})
		if err != nil {
			panic(err)
		}
		gh.SetCallbackURL(set.BaseURL + "/auth/callback")
		set.Provider, set.Policy = provider, policy
	}
}

func on(e dbtest.Engine) func(*setup) { return func(set *setup) { set.engine = e } }

// failingStore is a store whose database can go away and come back.
type failingStore struct {
	storage.Store
	sound, dead storage.Store
}

func (f *failingStore) fail()    { f.Store = f.dead }
func (f *failingStore) recover() { f.Store = f.sound }

// fail takes the database away, for longer than anything works without it.
func (s *site) fail() {
	s.store.fail()
	s.clock.advance(cache.Fresh)
}

func closedDB(t testing.TB) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), dbtest.SQLite().URL(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return d
}

// dump is every value of every table.
func (s *site) dump() string {
	s.Helper()
	lines := strings.Split(dbtest.Dump(s, s.sql), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// unchanged fails the test when f changes the database.
func (s *site) unchanged(t testing.TB, f func()) {
	t.Helper()
	before := s.dump()
	f()
	if after := s.dump(); after != before {
		t.Errorf("the database changed from\n%s\nto\n%s", before, after)
	}
}

// clock is the server's time.
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

// record is the log, and the secrets that must not be in it.
type record struct {
	mu      sync.Mutex
	text    bytes.Buffer
	secrets []string
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// secret remembers a value that no one may read in the log.
func (r *record) secret(values ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range values {
		if len(v) >= 8 {
			r.secrets = append(r.secrets, v)
		}
	}
}

func owner() storage.Person {
	p := identity.Local{}.Person()
	return storage.Person{Issuer: p.Issuer, Subject: p.Subject, Login: p.Login, Name: p.Name}
}

// cheapHash is an argon2id hash of the lowest cost there is.
func cheapHash(password string) string {
	salt := []byte("salt of the tests")
	b64 := base64.RawStdEncoding.EncodeToString
	return "$argon2id$v=19$m=8,t=1,p=1$" + b64(salt) + "$" + b64(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32))
}
