package app

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/metrics"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/tracing"
)

const (
	// countedEvery is how often scrapes count rows at most.
	countedEvery = 10 * time.Second
	// countedWithin bounds that: a scrape of a database that hangs has the other samples.
	countedWithin = 3 * time.Second
)

// NewMetrics returns metrics for a Host.
func NewMetrics() *metrics.Metrics {
	var types []string
	for _, t := range storage.EventTypes() {
		types = append(types, string(t))
	}
	return metrics.New(types)
}

// providerClient is the client that asks the sign-in provider.
func (s Settings) providerClient() *http.Client {
	base := tracing.Transport(s.metrics.Transport(http.DefaultTransport), "provider")
	if s.answered == nil {
		return &http.Client{Transport: base}
	}
	s.answered.base = base
	return &http.Client{Transport: s.answered}
}

// measure has the metrics count what happens from now on.
func (a *App) measure() {
	m := a.host.Metrics
	if m == nil {
		return
	}
	a.repo.Observe(m)
	m.Ask(a.facts)
	m.Ask((&rowCounts{app: a}).emit)
}

// called notes a call of a tool.
func (a *App) called(c audit.Call) {
	a.calls.Add(c)
	a.host.Metrics.Call(c.Upstream, c.Tool, metrics.Outcome(c.Outcome), c.Took)
}

// facts are the samples that cost nothing.
func (a *App) facts(_ context.Context, emit metrics.Emit) {
	emit(metrics.Series(metrics.Series("mcpkeep_build_info", "version", a.host.version()), "goversion", runtime.Version()), 1)
	emit("mcpkeep_start_time_seconds", float64(a.started.Unix()))
	emit("mcpkeep_clients_max", float64(a.checked.settings.Registration.MaxClients))
	emit("mcpkeep_provider_grace_seconds", a.checked.Lifetimes.ProviderGrace.Seconds())
	pools := a.db.Pools()
	emit(metrics.Series("mcpkeep_database_connections", "state", "in_use"), float64(pools.InUse))
	emit(metrics.Series("mcpkeep_database_connections", "state", "idle"), float64(pools.Idle))
	emit("mcpkeep_database_connections_max", float64(pools.Max))
	emit("mcpkeep_database_connection_waits_total", float64(pools.Waits))
	emit("mcpkeep_database_connection_wait_seconds_total", pools.Waited.Seconds())
	if offset, _, known := a.db.ClockOffset(); known {
		emit("mcpkeep_database_clock_offset_seconds", offset.Seconds())
	}
	a.upstreamFacts(emit)
}

// upstreamFacts are the samples of the first upstreams.
func (a *App) upstreamFacts(emit metrics.Emit) {
	list := a.upstreams()
	for _, b := range list[:min(len(list), metrics.MaxUpstreams)] {
		up := 1.0
		if b.upstream.Health().Status == "failing" {
			up = 0
		}
		emit(metrics.Series("mcpkeep_upstream_up", "upstream", b.entry.Name), up)
		if stdio, ok := b.upstream.(interface{ Processes() int }); ok {
			emit(metrics.Series("mcpkeep_upstream_processes", "upstream", b.entry.Name), float64(stdio.Processes()))
		}
	}
}

// rowCounts are the samples for which the database is asked.
type rowCounts struct {
	app *App

	mu      sync.Mutex
	at      time.Time
	samples map[string]float64
}

// emit emits the samples, which are countedEvery old at most. While the database is away,
// they are missing.
func (c *rowCounts) emit(ctx context.Context, emit metrics.Emit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) >= countedEvery {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), countedWithin)
		defer cancel()
		c.samples = c.app.count(ctx)
		c.at = time.Now()
	}
	for series, value := range c.samples {
		emit(series, value)
	}
}

// maxKeys bounds the keys that have a series.
const maxKeys = 10

// count asks the database.
func (a *App) count(ctx context.Context) map[string]float64 {
	samples := map[string]float64{"mcpkeep_database_up": 1}
	if errors.Is(a.repo.Ready(ctx), storage.ErrUnavailable) || ctx.Err() != nil {
		samples["mcpkeep_database_up"] = 0
	}
	if version, err := a.db.Version(ctx); err == nil {
		samples["mcpkeep_schema_version"] = float64(version)
	}
	if stats, err := a.repo.Stats(ctx, a.db.Now()); err == nil {
		samples["mcpkeep_clients"], samples["mcpkeep_users"] = float64(stats.Clients), float64(stats.Users)
		samples["mcpkeep_grants_live"] = float64(stats.LiveGrants)
	}
	if ids, err := sealed.KeysOnRecord(ctx, a.db); err == nil {
		missing := 0
		for i, id := range ids {
			if i < maxKeys {
				samples[metrics.Series("mcpkeep_encryption_key_info", "key_id", id)] = 1
			}
			if !a.keys.Has(id) {
				missing++
			}
		}
		samples["mcpkeep_encryption_keys_missing"] = float64(missing)
	}
	return samples
}
