package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cimd"
	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// documents are what clients publish, and the store that knows clients by it, if that
// is wanted.
func (a *App) documents() (*cimd.Documents, storage.Store) {
	set := a.checked.Documents
	d := cimd.New(cimd.Config{
		Store: a.repo, Fetcher: set.fetcher(), Own: a.checked.documentHosts(), Hosts: set.hosts, Policy: a.checked.Registration, Logger: a.log, Now: a.db.Now,
	})
	var known storage.Store = a.repo
	if set.taken {
		known = d.ClientStore(a.repo)
	}
	return d, known
}

// documentHosts are the hosts of this server that the URL of a document could have, as
// oauth.MetadataHost spells them.
func (c Checked) documentHosts() []string {
	var hosts []string
	for _, origin := range append([]string{c.BaseURL}, c.Names...) {
		if host := oauth.MetadataHost(origin + oauth.DefaultPath); host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

func (d checkedDocuments) fetcher() *fetch.Fetcher {
	return fetch.New(fetch.Config{Networks: d.networks, Now: d.now})
}

// probeURLs are the documents of known vendors by which to find out whether documents
// can be fetched, nil where that decides nothing: where documents are not taken, are
// the only way in, or come from networks or hosts that the operator names and no known
// vendor has.
func (c Checked) probeURLs() []string {
	if d := c.Documents; d.taken && len(d.networks) == 0 && !c.Registration.Closed() {
		return cimd.ProbeURLs(d.hosts)
	}
	return nil
}

// prober finds out whether documents can be fetched; nil where that decides nothing.
func (c Checked) prober(store *repo.Repo, now func() time.Time, log *slog.Logger) *cimd.Prober {
	urls := c.probeURLs()
	if len(urls) == 0 {
		return nil
	}
	return &cimd.Prober{Store: store, Fetcher: c.Documents.fetcher(), URLs: urls, Logger: log, Now: now}
}

// TryDocument fetches the document of a known vendor, as a probe does. The URL is ""
// where that decides nothing.
func (c Checked) TryDocument(ctx context.Context) (documentURL string, err error) {
	for _, documentURL = range c.probeURLs() {
		if err = cimd.Try(ctx, c.Documents.fetcher(), documentURL); err == nil {
			break
		}
	}
	return documentURL, err
}
