package cimd

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// probeEvery is how long a result is good for, for all replicas together, and
	// probeAgain how old it must be for a replica that starts to ask again.
	probeEvery, probeAgain = 10 * time.Minute, time.Minute
	// lookEvery is how often a replica looks what the others have found.
	lookEvery = 30 * time.Second
	// probeLease is longer than a probe takes.
	probeLease = 30 * time.Second
	// probed is how many documents are asked for.
	probed = 3
)

// ProbeStore is the part of storage.DocumentStore that probing uses; the promises are
// written there.
type ProbeStore interface {
	DocumentProbe(ctx context.Context) (storage.DocumentProbe, error)
	ClaimDocumentProbe(ctx context.Context, lease string, until, before, now time.Time) error
	SaveDocumentProbe(ctx context.Context, lease string, p storage.DocumentProbe) error
}

// Prober finds out whether clients' documents can be fetched from here: there are
// networks without a way out, where apps better register. One replica asks for the
// documents of known vendors, apart from requests, and all share what it finds.
type Prober struct {
	Store   ProbeStore
	Fetcher Fetcher
	URLs    []string // see ProbeURLs
	Logger  *slog.Logger
	Now     func() time.Time // nil for time.Now

	reachable atomic.Bool
}

// ProbeURLs returns the documents of known vendors to ask for, of those on the given
// hosts (none are any): at most three, each on another site.
func ProbeURLs(hosts []string) []string {
	var urls, sites []string
	for _, v := range oauth.Vendors() {
		host := oauth.MetadataHost(v.MetadataURL)
		if site := fetch.Site(host); host != "" && (len(hosts) == 0 || slices.Contains(hosts, host)) && !slices.Contains(sites, site) {
			urls, sites = append(urls, v.MetadataURL), append(sites, site)
		}
	}
	return urls[:min(len(urls), probed)]
}

// Offered reports whether documents can be fetched, as far as this replica knows; it
// does not before anyone has tried.
func (p *Prober) Offered() bool { return p.reachable.Load() }

// Run probes when that is due, until the context ends.
func (p *Prober) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for due := probeAgain; ; due = probeEvery {
		if err := p.Round(ctx, due); err != nil && ctx.Err() == nil {
			p.Logger.WarnContext(ctx, "could not find out whether client documents can be fetched", logging.Error, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Round takes over the last result, and probes if that is older than due and no other
// replica is at it. One document that can be read is proof that there is a way out.
func (p *Prober) Round(ctx context.Context, due time.Duration) error {
	last, err := p.Store.DocumentProbe(ctx)
	if err != nil {
		return err
	}
	p.learn(ctx, last)
	now, lease := p.now(), rand.Text()
	if last.At.After(now.Add(-due)) {
		return nil
	}
	err = p.Store.ClaimDocumentProbe(ctx, lease, now.Add(probeLease), now.Add(-due), now)
	if errors.Is(err, storage.ErrExists) {
		return nil // another one is at it
	}
	if err != nil {
		return err
	}
	found := storage.DocumentProbe{Reachable: p.probe(ctx)}
	if ctx.Err() != nil {
		return ctx.Err() // what was cut off says nothing
	}
	found.At = p.now()
	err = p.Store.SaveDocumentProbe(ctx, lease, found)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // it took so long that another one has begun
	}
	if err == nil {
		p.learn(ctx, found)
	}
	return err
}

// learn takes over a result.
func (p *Prober) learn(ctx context.Context, found storage.DocumentProbe) {
	if p.reachable.Swap(found.Reachable) != found.Reachable {
		p.Logger.InfoContext(ctx, "client documents are offered or not, by whether they can be fetched", "offered", found.Reachable)
	}
}

// probe asks for all documents concurrently.
func (p *Prober) probe(ctx context.Context) bool {
	var found atomic.Bool
	var wg sync.WaitGroup
	for _, url := range p.URLs {
		wg.Go(func() {
			if err := Try(ctx, p.Fetcher, url); err == nil {
				found.Store(true)
			}
		})
	}
	wg.Wait()
	return found.Load()
}

// Try fetches a client ID metadata document and forgets it. The error says why that
// does not work.
func Try(ctx context.Context, f Fetcher, url string) error {
	answer, err := f.Get(ctx, url, "")
	if err == nil {
		_, err = oauth.ParseMetadataDocument(url, answer.Body)
	}
	return err
}

func (p *Prober) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}
