package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/mcpkeep/mcpkeep"
	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

const (
	headerWait = 10 * time.Second
	// idleWait is longer than load balancers keep idle connections (Google's ten
	// minutes): one that the server closes first may get a request meanwhile.
	idleWait     = 11 * time.Minute
	maxHeaderLen = 64 << 10
)

type serveCmd struct{ serveFlags }

// Help describes the settings that exist only as variables.
func (*serveCmd) Help() string {
	return "`mcpkeep serve [FLAGS] -- COMMAND ARGUMENTS` protects an MCP server that speaks stdio; each session gets a process of its own. " +
		"Each flag can also be set by the environment variable in parentheses. Two settings exist only as variables: " +
		"MCPKEEP_LOCAL_PASSWORD, the password of the local provider (default: generated on first start and shown once, on the terminal or else in a file), " +
		"because flags are visible to every user of the machine; and PORT, which makes the server listen on all addresses."
}

// Run serves until the context is canceled, then finishes what is in flight.
func (c *serveCmd) Run(ctx context.Context, std streams) error {
	started := time.Now()
	c.LocalPassword = setting.Trim(os.Getenv("MCPKEEP_LOCAL_PASSWORD"))
	log := newLogger(std.err, c.LogFormat, c.LogLevel, serviceOf(ctx))
	requests, stopTracing, err := c.observation(ctx, log)
	if err != nil {
		return err
	}
	defer stopTracing()
	listen, scraped, err := c.addresses(ctx, log)
	if err != nil {
		return err
	}
	defer scraped.close()
	assumed, loopback := assumedAddress(listen)
	baseURL, err := c.publicURL(assumed)
	if err != nil {
		return err
	}
	cfg, err := c.config(baseURL, log)
	if err != nil {
		return err
	}
	behind, err := c.upstreams()
	if err != nil {
		return err
	}
	warn(ctx, log, behind)
	own, err := newHTTPS(&c.tlsFlags, log)
	if err != nil {
		return err
	}
	said := &greeting{std: std}
	var open listeners
	host := &app.Host{
		Inspect:  c.inspect,
		Loopback: loopback, Upstreams: behind.Upstreams, RequestLog: requests, Metrics: scraped.counts(), RefuseEphemeral: c.refuseEphemeral(), Version: buildVersion(), ShowPassword: said.shown(),
		Listen: func(ctx context.Context) (at app.Addresses, err error) {
			open, at, err = c.listenOn(ctx, own, listen, log)
			return at, err
		},
	}
	keep, err := mcpkeep.Open(app.WithHost(ctx, host), cfg)
	defer open.close() // for the errors below; the server closes them itself
	if err != nil {
		return c.named(err)
	}
	defer func() { _ = keep.Close() }()
	logSecrets(ctx, log)
	var secure *tls.Config
	if own != nil {
		secure = own.start(ctx, host.App)
		defer own.close()
	}
	c.reloadAtHangup(ctx, host.App, log)
	said.ready(ctx, host.App, open[0].Addr(), secure != nil, started)
	site := &site{listeners: open, secure: secure, handler: keep.Handler(nil), app: host.App, drain: c.Drain, log: log, metrics: scraped}
	return site.serve(ctx)
}

// observation is how requests are logged, and begins to export spans.
func (c *serveCmd) observation(ctx context.Context, log *slog.Logger) (requests server.RequestLog, stop func(), err error) {
	if c.Drain < 0 || c.Drain > longestDrain {
		return requests, nil, setting.Errorf("MCPKEEP_DRAIN", "a duration from 0s to 1m", "%v is out of range", c.Drain)
	}
	if requests, err = c.requestLog(); err == nil {
		stop, err = startTracing(ctx, log)
	}
	return requests, stop, err
}

// addresses returns the public address, and listens at that of the metrics.
func (c *serveCmd) addresses(ctx context.Context, log *slog.Logger) (listen string, scraped *metricsSite, err error) {
	if listen, err = c.listenAddress(); err != nil {
		return "", nil, err
	}
	address, err := c.metricsAddress(listen)
	if err == nil {
		scraped, err = openMetrics(ctx, address, log)
	}
	return listen, scraped, err
}

// listenOn opens the listeners, and returns the addresses on loopback.
func (c *serveCmd) listenOn(ctx context.Context, own *https, listen string, log *slog.Logger) (open listeners, at app.Addresses, err error) {
	if own != nil {
		open, err = own.listen(ctx, listen)
		return open, at, err
	}
	open, at, err = listenAt(ctx, listen, log)
	if c.BaseURL != "" {
		at.BaseURL = ""
	}
	return open, at, err
}

func serveOn(web *http.Server, l net.Listener, secure bool) error {
	if secure {
		return web.ServeTLS(l, "", "") // certificates are the configuration's
	}
	return web.Serve(l)
}
