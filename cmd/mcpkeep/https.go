package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"syscall"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/autotls"
)

// https is a server's own HTTPS.
type https struct {
	flags *tlsFlags
	roots *x509.CertPool
	pair  *autotls.Pair
	log   *slog.Logger

	secure, plain net.Listener // plain may be nil

	working sync.WaitGroup
	stop    context.CancelFunc
	manager *autotls.Manager // nil with a pair
}

// newHTTPS reads what the settings name, and returns nil for a server that leaves HTTPS to
// others: nothing of it runs then.
func newHTTPS(f *tlsFlags, log *slog.Logger) (*https, error) {
	if !f.secure() {
		return nil, nil //nolint:nilnil // no HTTPS is usual
	}
	h := &https{flags: f, log: log, stop: func() {}}
	var err error
	if h.roots, err = f.roots(); err != nil {
		return nil, err
	}
	h.pair, err = f.pair(log)
	return h, err
}

// listen listens for HTTPS, and for plain HTTP unless that is off.
func (h *https) listen(ctx context.Context, address string) (listeners, error) {
	var err error
	if h.secure, err = listenPlainly(ctx, "MCPKEEP_LISTEN (--listen)", address); err != nil {
		return nil, err
	}
	if at := h.flags.httpListen(); at != "" {
		if h.plain, err = listenPlainly(ctx, "MCPKEEP_LISTEN_HTTP (--listen-http)", at); err != nil {
			_ = h.secure.Close()
			return nil, err
		}
	}
	return listeners{h.secure}, nil
}

// listenPlainly says in plain words why a port is not available.
func listenPlainly(ctx context.Context, name, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: another program listens at %s: stop it, or choose another port and forward to it", name, address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: this user may not listen at %s: give the program the capability CAP_NET_BIND_SERVICE "+
			"(`sudo setcap cap_net_bind_service=+ep $(command -v mcpkeep)`), or choose a port above 1023 and forward to it", name, address)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return l, nil
}

// start begins to obtain certificates and to redirect, and returns what the HTTPS server
// needs. Call close.
func (h *https) start(ctx context.Context, a *app.App) *tls.Config {
	ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	origins := a.Origins()
	redirect := autotls.Redirect(origins)
	if h.pair != nil {
		h.serveHTTP(ctx, redirect)
		return h.pair.TLSConfig()
	}
	h.manager = autotls.New(autotls.Config{
		Names: hostnames(origins), Store: a.Certificates(), Directory: h.flags.TLSDirectory, Roots: h.roots,
		Email: h.flags.TLSEmail, HTTPS: tcpAddress(h.secure), HTTP: tcpAddress(h.plain), Logger: h.log, Now: a.Now,
	})
	h.serveHTTP(ctx, h.manager.HTTP(redirect))
	h.working.Go(func() { h.manager.Run(ctx) })
	return h.manager.TLSConfig()
}

// serveHTTP serves plain HTTP until the context ends.
func (h *https) serveHTTP(ctx context.Context, handler http.Handler) {
	if h.plain == nil {
		return
	}
	web := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerWait, ReadTimeout: headerWait, WriteTimeout: headerWait, MaxHeaderBytes: maxHeaderLen,
		ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
	}
	h.working.Go(func() { _ = web.Serve(h.plain) })
	h.working.Go(func() {
		<-ctx.Done()
		_ = web.Close()
	})
}

// close ends all of it and gives locks back.
func (h *https) close() {
	h.stop()
	h.working.Wait()
	if h.manager != nil {
		h.manager.Close()
	}
	if h.plain != nil {
		_ = h.plain.Close()
	}
}

// tcpAddress is nil without a listener.
func tcpAddress(l net.Listener) *net.TCPAddr {
	if l == nil {
		return nil
	}
	addr, _ := l.Addr().(*net.TCPAddr)
	return addr
}

// hostnames are the names in origins, each once.
func hostnames(origins []string) []string {
	var names []string
	seen := map[string]bool{}
	for _, origin := range origins {
		if u, err := url.Parse(origin); err == nil && !seen[u.Hostname()] {
			seen[u.Hostname()] = true
			names = append(names, u.Hostname())
		}
	}
	return names
}
