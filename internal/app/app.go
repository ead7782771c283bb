package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/assertion"
	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/cimd"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/mcpserver"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	migrateFor = 5 * time.Minute // waiting for another replica's migration included
	closeFor   = 5 * time.Second // questions to the provider that are on their way, and the database
)

// App is a running mcpkeep.
type App struct {
	checked Checked
	host    *Host
	log     *slog.Logger
	started time.Time
	db      *db.DB
	release func() // the SQLite file
	keys    *keyring.Keyring
	repo    *repo.Repo
	store   storage.Store // repo with clients known by documents, and a short memory
	config  server.Config
	calls   *audit.Queue
	// eventLog is nil when events are not logged.
	eventLog *audit.Log
	signer   *assertion.Signer
	tokens   *recheck.Tokens
	replica  storage.Replica              // this process
	theirs   atomic.Pointer[repo.Foreign] // FastMCP's tables, nil until they are known
	prober   *cimd.Prober                 // nil when documents are offered, or not, whatever can be fetched
	server   *server.Server               // the first one, for mcpkeep's own MCP server or the upstreams

	stop       context.CancelFunc
	background sync.WaitGroup
	reloading  sync.Mutex
	front      atomic.Pointer[http.Handler] // of the newest server with the upstreams
	mu         sync.Mutex
	servers    []*server.Server
	behind     []behind // the upstreams as they are now
	closing    sync.Once
}

// Open opens everything and begins the work in the background. The context bounds the
// opening alone.
func Open(ctx context.Context, s Settings) (*App, error) {
	host := hostOf(ctx, s)
	if err := s.admitTo(host.Upstreams); err != nil {
		return nil, err
	}
	s.metrics, s.answered = host.Metrics, new(answered)
	checked, problems := s.Check(host.Loopback)
	if len(problems) > 0 {
		return nil, problems[0]
	}
	a := &App{checked: checked, host: host, log: checked.settings.Logger, started: time.Now()}
	if a.log == nil {
		a.log = slog.Default()
	}
	a.log = logging.WithReference(a.log)
	if err := a.openStore(ctx); err != nil {
		return nil, err
	}
	a.occupy(ctx)
	if err := a.start(ctx); err != nil {
		a.release()
		_ = a.db.Close()
		return nil, err
	}
	host.App = a
	return a, nil
}

// openStore opens the database, migrates it unless that is done elsewhere, and loads
// the keys.
func (a *App) openStore(ctx context.Context) error {
	if err := a.checkFile(ctx); err != nil {
		return err
	}
	var err error
	if a.db, err = a.checked.settings.open(ctx, a.log); err != nil {
		return err
	}
	a.checked.clock.follow(a.db)
	a.checked.settings.sayPooler(ctx, a.db, a.log)
	if err = a.openKeys(ctx); err != nil {
		_ = a.db.Close()
	}
	return err
}

func (a *App) openKeys(ctx context.Context) error {
	s := a.checked.settings
	if err := s.checkKeys(); err != nil {
		return err
	}
	if err := a.migrate(ctx); err != nil {
		return err
	}
	keys, err := s.loadKeys(ctx, a.db)
	a.keys, a.repo = keys, repo.New(a.db, keys)
	a.repo.ShareScope(a.checked.FastMCP.scope)
	return err
}

func (a *App) migrate(ctx context.Context) error {
	if a.checked.settings.NoAutoMigrate {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, migrateFor)
	defer cancel()
	return a.checked.settings.migrate(ctx, a.db, a.log)
}

// start makes the server and begins what runs in the background.
func (a *App) start(ctx context.Context) error {
	a.measure()
	own, err := a.host.listen(ctx, a.checked.BaseURL)
	if err != nil {
		return err
	}
	a.checked.at(own)
	prepared := a.prepare(ctx)
	if prepared != nil && !errors.Is(prepared, ErrOldSchema) {
		return prepared
	}
	a.signer = a.newSigner()
	a.config = a.serverConfig()
	a.replica = a.newReplica()
	a.tokens = a.newTokens()
	a.calls = &audit.Queue{Store: a.repo, Now: a.db.Now, Log: a.log}
	a.eventLog = a.newEventLog()
	if a.server, err = a.changeUpstreams(a.host.Upstreams); err != nil {
		return err
	}
	ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	if prepared != nil {
		a.background.Go(func() { a.prepareLater(ctx) })
	}
	a.background.Go(func() { a.lookUp(ctx) })
	a.background.Go(func() { a.clean(ctx) })
	a.background.Go(func() { a.beat(ctx) })
	a.background.Go(func() { a.calls.Run(ctx) })
	a.background.Go(func() { a.signer.Run(ctx) })
	if a.eventLog != nil {
		a.background.Go(func() { a.logEvents(ctx) })
	}
	if a.prober != nil {
		a.background.Go(func() { a.prober.Run(ctx) })
	}
	return nil
}

// serverConfig puts the parts together, but for the MCP handler, and keeps the store
// that they use.
func (a *App) serverConfig() server.Config {
	c, s := a.checked, a.checked.settings
	published, known := a.documents()
	a.prober = a.checked.prober(a.repo, a.db.Now, a.log)
	a.store = cache.New(known, nil)
	cfg := server.Config{
		BaseURL: c.BaseURL, Names: c.Names, Loopback: c.behind, AllowedOrigins: c.Origins, Name: s.Name, Store: a.store, Provider: c.Provider,
		Policy: c.Policy, Lifetimes: c.Lifetimes, Logger: a.log,
		OpenAIChallenge: s.OpenAIChallenge, NoAdminPages: s.NoAdminPages, Brand: c.Brand, Registration: c.Registration, MaxClients: s.Registration.MaxClients,
		Readopt: c.Readopt, PersonalTokens: c.Personal, Documents: c.Documents.taken, Keys: published, FastMCP: c.verifier(), LegacyUntil: s.FastMCP.LegacyUntil,
		IssuerSlash: s.FastMCP.IssuerSlash, CallbackPath: s.Provider.CallbackPath,
		AssertionKeys: a.signer.Keys, Now: a.db.Now, ClockOffset: a.db.ClockOffset, RequestLog: a.host.RequestLog, Metrics: a.host.Metrics,
	}
	cfg.State = a.state
	if a.prober != nil {
		cfg.DocumentsOffered = a.prober.Offered
	}
	return cfg
}

// newServer returns the whole surface for some MCP servers.
func (a *App) newServer(upstreams func() any, resources ...server.Resource) (*server.Server, error) {
	cfg := a.config
	cfg.Resources, cfg.Upstreams = resources, upstreams
	return server.New(cfg)
}

// keep remembers a server until the end, or until many newer ones have replaced it.
func (a *App) keep(srv *server.Server) {
	const most = 100
	a.mu.Lock()
	defer a.mu.Unlock()
	a.servers = append(a.servers, srv)
	a.servers = a.servers[max(0, len(a.servers)-most):]
}

// Handler returns the whole surface, with mcp behind the guard; nil is mcpkeep's own
// MCP server, or the upstreams.
func (a *App) Handler(mcp http.Handler) http.Handler {
	if mcp == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*a.front.Load()).ServeHTTP(w, r) })
	}
	srv, err := a.newServer(nil, server.Resource{Path: oauth.DefaultPath, Handler: mcp})
	if err != nil {
		panic(err) // Open has made one of the same configuration
	}
	a.keep(srv)
	return srv.Handler()
}

// tools is mcpkeep's own MCP server.
func (a *App) tools() http.Handler {
	return mcpserver.New(mcpserver.Config{
		Store: a.store, Name: a.checked.settings.Name, Version: a.host.version(), Logger: a.log, BaseURL: a.checked.BaseURL, Now: a.db.Now, Called: a.called,
		Status: func(ctx context.Context) mcpserver.Status {
			return mcpserver.Status{Database: a.db.Engine(), SchemaVersion: a.Schema(ctx), StartedAt: a.started}
		},
	})
}

// BaseURL is the public origin.
func (a *App) BaseURL() string { return a.checked.BaseURL }

// Origins are the public origins, the issuer first.
func (a *App) Origins() []string { return append([]string{a.checked.BaseURL}, a.checked.Names...) }

// Now is the time that counts for what the database keeps.
func (a *App) Now() time.Time { return a.db.Now() }

// Certificates keeps what HTTPS needs.
func (a *App) Certificates() storage.CertificateStore { return a.repo }

// Engine is the database's name: "sqlite" or "postgres".
func (a *App) Engine() string { return a.db.Engine() }

// Schema is the version of the database's schema, 0 when it is unknown.
func (a *App) Schema(ctx context.Context) int64 {
	schema, _ := a.db.Version(ctx)
	return schema
}

// Leave makes load balancers send requests elsewhere: see server.Server.Leave.
func (a *App) Leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, srv := range a.servers {
		srv.Leave()
	}
}

// Wait waits until what finished requests have left to do is done, or the context ends.
func (a *App) Wait(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, srv := range a.servers {
		srv.Wait(ctx)
	}
	a.tokens.Wait(ctx)
}

// Close ends the work in the background and closes the database.
func (a *App) Close() error { return a.CloseWithin(closeFor) }

// CloseWithin is Close, which takes no longer than a time: a database that hangs does not
// keep the process. The error is context.DeadlineExceeded then. Only the first call of the
// two closes.
func (a *App) CloseWithin(limit time.Duration) (err error) {
	a.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		a.stop()
		closed := make(chan error, 1)
		go func() { closed <- a.close(ctx) }()
		select {
		case err = <-closed:
		case <-ctx.Done():
			err = ctx.Err()
		}
	})
	return err
}

func (a *App) close(ctx context.Context) error {
	a.background.Wait()
	a.Wait(ctx)
	a.calls.Close(ctx)
	if a.eventLog != nil {
		a.eventLog.Close(ctx)
	}
	for _, b := range a.upstreams() {
		b.upstream.Close()
	}
	a.release()
	return a.db.Close()
}
