package main

import (
	"log/slog"
	"net/netip"
	"net/url"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/clientdoc"
	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// documentFlags say which client ID metadata documents are taken.
type documentFlags struct {
	CIMD                string   `name:"cimd" env:"MCPKEEP_CIMD" default:"on" placeholder:"on|off" help:"Whether clients may be known by a client ID metadata document (an https URL as client id): on or off."`
	CIMDHosts           []string `name:"cimd-hosts" env:"MCPKEEP_CIMD_HOSTS" placeholder:"HOST" help:"Hosts whose metadata documents are taken, such as claude.ai, exactly. Default any; none when registration is closed."`
	CIMDAllowedNetworks []string `name:"cimd-allowed-networks" env:"MCPKEEP_CIMD_ALLOWED_NETWORKS" placeholder:"CIDR" help:"Networks that documents and keys of clients may be fetched from although they are not public, such as 10.20.0.0/16, on port 443 and from 1024 up. Default none."`
}

// documents are the settings of metadata documents, checked.
type documents struct {
	taken    bool
	hosts    []string
	networks []netip.Prefix
}

// documents checks the flags.
func (f *documentFlags) documents(registration oauth.RegistrationPolicy) (documents, error) {
	var set documents
	switch f.CIMD {
	case "on":
		set.taken = true
	case "off":
	default:
		return set, usagef("MCPKEEP_CIMD (--cimd): %q is not known; want on or off", f.CIMD)
	}
	for _, host := range trimmed(f.CIMDHosts) {
		host = strings.ToLower(host)
		if oauth.MetadataHost("https://"+host+"/x") != host {
			return set, usagef("MCPKEEP_CIMD_HOSTS (--cimd-hosts): %q is not a host; want one such as claude.ai", host)
		}
		set.hosts = append(set.hosts, host)
	}
	for _, network := range trimmed(f.CIMDAllowedNetworks) {
		prefix, err := netip.ParsePrefix(network)
		if err != nil || prefix != prefix.Masked() {
			return set, usagef("MCPKEEP_CIMD_ALLOWED_NETWORKS (--cimd-allowed-networks): %q is not a network; want one such as 10.20.0.0/16", network)
		}
		set.networks = append(set.networks, prefix)
	}
	if registration.Closed() && len(set.hosts) == 0 {
		set.taken = false // whoever has a website could get in
	}
	return set, nil
}

// documentsOf puts together what clients publish, and the store that knows clients
// by it, if that is wanted.
func (set settings) documentsOf(store storage.Store, baseURL string, log *slog.Logger) (*clientdoc.Documents, storage.Store) {
	own := ""
	if u, err := url.Parse(baseURL); err == nil && u.Scheme == "https" {
		own = u.Hostname()
	}
	d := clientdoc.New(clientdoc.Config{
		Store: store, Fetcher: fetch.New(fetch.Config{Networks: set.documents.networks}), Host: own,
		Hosts: set.documents.hosts, Policy: set.registration, Logger: log,
	})
	if set.documents.taken {
		store = d.ClientStore()
	}
	return d, store
}
