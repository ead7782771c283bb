package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/mcpserver"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

const (
	drainFor     = 10 * time.Second // what is in flight at SIGTERM
	migrateFor   = 5 * time.Minute  // waiting for another replica's migration included
	headerWait   = 10 * time.Second
	requestWait  = 30 * time.Second
	answerWait   = 60 * time.Second
	idleWait     = 2 * time.Minute
	maxHeaderLen = 64 << 10
)

type serveCmd struct{ serveFlags }

// Help tells of the settings that are variables only.
func (*serveCmd) Help() string {
	return "Each flag may be given by the variable in parentheses. By variable only: MCPKEEP_LOCAL_PASSWORD, the password " +
		"of the local provider (default: made at first start and shown once), since everybody on the machine can see flags; " +
		"and PORT, which makes the server listen on all addresses."
}

// Run serves until the context is cancelled, then finishes what is in flight.
func (c *serveCmd) Run(ctx context.Context, std streams) error {
	started := time.Now()
	c.LocalPassword = os.Getenv("MCPKEEP_LOCAL_PASSWORD")
	log := newLogger(std.err, c.LogFormat, c.LogLevel)
	set, err := c.settings()
	if err != nil {
		return err
	}
	d, err := c.openDatabase(ctx, log, openFor)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	store, err := c.openStore(ctx, d)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", set.listen)
	if err != nil {
		return fmt.Errorf("MCPKEEP_LISTEN (--listen): %w", err)
	}
	defer func() { _ = listener.Close() }() // for the errors below; the server closes it itself
	addr, _ := listener.Addr().(*net.TCPAddr)
	baseURL, err := c.publicURL(addr)
	if err != nil {
		return err
	}
	prepare := func() (password string, err error) {
		return c.prepare(ctx, store, set.upstream == nil, addr.IP.IsLoopback())
	}
	password, err := prepare()
	if errors.Is(err, errOldSchema) {
		go prepareLater(ctx, prepare, std, log)
	} else if err != nil {
		return err
	}
	srv, err := c.server(baseURL, addr.IP.IsLoopback(), set, d, store, log, started)
	if err != nil {
		return err
	}
	c.greet(ctx, std, d, addr, baseURL, password, started)
	go lookUp(ctx, set.upstream, log)
	go clean(ctx, store, srv, c.retention(set), log)
	return serveUntil(ctx, listener, srv, log)
}

// settings are what can be checked before anything is opened.
type settings struct {
	listen       string
	lifetimes    server.Lifetimes
	registration oauth.RegistrationPolicy
	documents    documents
	upstream     identity.Upstream
}

func (c *serveCmd) settings() (settings, error) {
	var s settings
	var err error
	if s.listen, err = c.listenAddress(); err != nil {
		return s, err
	}
	if s.lifetimes, err = c.lifetimes(); err != nil {
		return s, err
	}
	if s.registration, err = c.registration(); err != nil {
		return s, err
	}
	if s.documents, err = c.documents(s.registration); err != nil {
		return s, err
	}
	assumed, loopback := assumedAddress(s.listen)
	if _, err = c.publicURL(assumed); err != nil {
		return s, err
	}
	if s.upstream, err = c.upstream(loopback); err != nil {
		return s, err
	}
	if s.upstream == nil {
		err = c.checkPassword(loopback)
	}
	return s, err
}

// checkPassword refuses a password that strangers could guess.
func (f *serveFlags) checkPassword(loopback bool) error {
	if f.LocalPassword != "" && len(f.LocalPassword) < shortestPassword && !loopback {
		return usagef("MCPKEEP_LOCAL_PASSWORD: too short; want at least %d characters when not listening on loopback", shortestPassword)
	}
	return nil
}

// openStore migrates, unless that is done elsewhere, and loads the keys.
func (c *serveCmd) openStore(ctx context.Context, d *db.DB) (*repo.Repo, error) {
	if err := c.checkKeys(); err != nil {
		return nil, err
	}
	if c.AutoMigrate {
		ctx, cancel := context.WithTimeout(ctx, migrateFor)
		defer cancel()
		if _, err := d.Migrate(ctx); err != nil {
			return nil, err
		}
	}
	keys, err := c.loadKeys(ctx, d)
	if err != nil {
		return nil, err
	}
	return repo.New(d, keys), nil
}

// server puts the parts together.
func (c *serveCmd) server(
	baseURL string, loopback bool, set settings, d *db.DB, uncached *repo.Repo, log *slog.Logger, started time.Time,
) (*server.Server, error) {
	published, known := set.documentsOf(uncached, baseURL, log)
	store := cache.New(known, nil) // one for both: what either revokes, both forget
	mcp := mcpserver.New(mcpserver.Config{
		Store: store, Version: buildVersion(), Logger: log, BaseURL: baseURL,
		Status: func(ctx context.Context) mcpserver.Status {
			schema, _ := d.Version(ctx) // 0 is "unknown"
			return mcpserver.Status{Database: d.Engine(), SchemaVersion: schema, StartedAt: started}
		},
	})
	return server.New(server.Config{
		BaseURL: baseURL, Loopback: loopback, Name: "mcpkeep", Store: store, Upstream: set.upstream,
		Policy: c.policy(), Lifetimes: set.lifetimes, MCP: mcp, Logger: log,
		OpenAIChallenge: c.OpenAIChallenge, Registration: set.registration, MaxClients: c.MaxClients,
		Readopt: oauth.ReadoptMode(c.Readopt), Documents: set.documents.taken, Keys: published,
	})
}

// greet prints the ready line, and what to do next for somebody new.
func (c *serveCmd) greet(
	ctx context.Context, std streams, d *db.DB, addr *net.TCPAddr, baseURL, password string, started time.Time,
) {
	schema, _ := d.Version(ctx)
	_, _ = fmt.Fprintf(std.out, "listening on http://%s (database %s, schema %d, ready in %v)\n",
		addr, d.Engine(), schema, time.Since(started).Round(time.Millisecond))
	if password != "" || isTerminal(std.out) {
		_, _ = fmt.Fprintf(std.out, "\nPaste this URL into your MCP client:\n\n    %s/mcp\n\n", baseURL)
	}
	showPassword(std, password)
}

// showPassword shows a password that was made just now, once and for all.
func showPassword(std streams, password string) {
	if password != "" {
		_, _ = fmt.Fprintf(std.out, "It will open a page in your browser that asks for this password (shown only now):\n\n    %s\n\n", password)
	}
}

// serveUntil serves until the context is cancelled, then drains.
func serveUntil(ctx context.Context, listener net.Listener, srv *server.Server, log *slog.Logger) error {
	web := &http.Server{
		Handler: srv.Handler(), ReadHeaderTimeout: headerWait, ReadTimeout: requestWait, WriteTimeout: answerWait,
		IdleTimeout: idleWait, MaxHeaderBytes: maxHeaderLen, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Info("stopping: finishing what is in flight")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
	defer cancel()
	err := web.Shutdown(ctx)
	srv.Wait(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
