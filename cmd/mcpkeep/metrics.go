package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/metrics"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// metricsFlags say where metrics are.
type metricsFlags struct {
	MetricsListen string `name:"metrics-listen" env:"MCPKEEP_METRICS_LISTEN" placeholder:"ADDR" help:"Address of its own for GET /metrics in Prometheus's text format, such as 127.0.0.1:9464. Anyone who can connect to it can read them. Default none."`
}

// wantMetrics is what the setting accepts.
const wantMetrics = "host:port that nothing else listens on, such as 127.0.0.1:9464"

// metricsAddress returns the address of the setting, "" for none. listen is the public one.
func (f *metricsFlags) metricsAddress(listen string) (string, error) {
	address := setting.Trim(f.MetricsListen)
	if address == "" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return "", setting.Errorf("MCPKEEP_METRICS_LISTEN", wantMetrics, "%q is not an address", address)
	}
	publicHost, publicPort, _ := net.SplitHostPort(listen)
	if port == publicPort && port != "0" && (host == publicHost || anyHost(host) || anyHost(publicHost) || app.IsLoopback(host) && app.IsLoopback(publicHost)) {
		return "", setting.Errorf("MCPKEEP_METRICS_LISTEN", wantMetrics, "%q is the public address", address)
	}
	return address, nil
}

// anyHost reports whether a host stands for all addresses of the machine.
func anyHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

// How long a scrape may take.
const (
	scrapeRead  = 5 * time.Second
	scrapeWrite = 15 * time.Second
)

// metricsSite serves the metrics.
type metricsSite struct {
	metrics  *metrics.Metrics
	listener net.Listener
	web      *http.Server
}

// openMetrics listens at an address; "" returns nil.
func openMetrics(ctx context.Context, address string, log *slog.Logger) (*metricsSite, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // no site is no error
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("MCPKEEP_METRICS_LISTEN (--metrics-listen): %w", err)
	}
	m := app.NewMetrics()
	return &metricsSite{metrics: m, listener: listener, web: &http.Server{
		Handler: m.Handler(), ReadHeaderTimeout: scrapeRead, ReadTimeout: scrapeRead, WriteTimeout: scrapeWrite, IdleTimeout: idleWait,
		MaxHeaderBytes: maxHeaderLen, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// counts returns what the program counts with, nil for no site.
func (s *metricsSite) counts() *metrics.Metrics {
	if s == nil {
		return nil
	}
	return s.metrics
}

// start serves in the background.
func (s *metricsSite) start(ctx context.Context, log *slog.Logger) {
	if s == nil {
		return
	}
	log.InfoContext(ctx, "metrics", "address", "http://"+s.listener.Addr().String()+metrics.Path)
	go func() {
		if err := s.web.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			log.ErrorContext(ctx, "metrics are not served any more", "error", err)
		}
	}()
}

// end finishes scrapes in flight, until the context ends.
func (s *metricsSite) end(ctx context.Context) {
	if s == nil {
		return
	}
	_ = s.web.Shutdown(ctx)
	s.close()
}

func (s *metricsSite) close() {
	if s != nil {
		_ = s.web.Close()
		_ = s.listener.Close()
	}
}
