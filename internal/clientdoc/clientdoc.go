package clientdoc

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Fetcher gets JSON documents; fetch.Fetcher is one.
type Fetcher interface {
	// Check refuses what is never fetched, without looking anything up.
	Check(url string) error
	Get(ctx context.Context, url, etag string) (fetch.Answer, error)
}

// Config is what documents are made of.
type Config struct {
	Store   storage.Store
	Fetcher Fetcher
	// Host is this server's own, of which no document is fetched: it would ask
	// itself.
	Host string
	// Hosts are those whose metadata documents are taken, exactly; none are any.
	Hosts []string
	// Policy bounds the redirect URIs of metadata documents.
	Policy oauth.RegistrationPolicy
	Logger *slog.Logger
	Now    func() time.Time // nil for time.Now
}

// Documents are what clients publish. They are safe for concurrent use.
type Documents struct {
	Config

	// admitting is held by who asks whether one more unknown URL may be fetched: one
	// at a time, so that a flood takes neither more than the limit nor the database.
	admitting chan struct{}
}

// New returns documents.
func New(cfg Config) *Documents {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Documents{Config: cfg, admitting: make(chan struct{}, 1)}
}

// takes says whether a client id is the URL of a metadata document that this
// server takes.
func (d *Documents) takes(id string) bool {
	host := oauth.MetadataHost(id)
	return host != "" && !strings.EqualFold(host, d.Host) && (len(d.Hosts) == 0 || slices.Contains(d.Hosts, host))
}

// Client returns the client whose metadata document is at its id (CIMD-01 to
// CIMD-15). storage.ErrNotFound when no document is taken from there;
// a storage.DocumentError when there is none that can be used, which is no reason
// to call the client unknown.
//
// With renew the document is asked for again, unless that was done within the time
// for which any document is fresh: something that it does not say, such as a
// redirect URI, may be new in it.
func (d *Documents) Client(ctx context.Context, id string, renew bool) (storage.Client, error) {
	if !d.takes(id) {
		return storage.Client{}, storage.ErrNotFound
	}
	got, err := d.get(ctx, wanted{clientID: id, url: id, check: checkMetadata(id), renewAfter: freshAtLeast}, renew)
	if err != nil {
		return d.vendorClient(id, err)
	}
	reg, err := oauth.ParseMetadataDocument(id, []byte(got.Body))
	if err != nil {
		return storage.Client{}, err // it was valid a moment ago
	}
	client := clientOf(id, reg, storage.OriginDocument)
	client.ConfirmedAt, client.Unconfirmed = got.FetchedAt, got.Failure != ""
	return d.bound(client)
}

// vendorClient is the client by the copy of its document that ships with the
// program. A document that is there and not valid is its maker's last word.
func (d *Documents) vendorClient(id string, why error) (storage.Client, error) {
	reg, ok := oauth.VendorDocument(id)
	if !ok || !isTransient(why) {
		return storage.Client{}, why
	}
	client := clientOf(id, reg, storage.OriginVendor)
	client.Unconfirmed = true
	return d.bound(client)
}

// bound leaves the redirect URIs that the policy allows.
func (d *Documents) bound(c storage.Client) (storage.Client, error) {
	c.RedirectURIs = d.Policy.Allowed(c.RedirectURIs)
	if len(c.RedirectURIs) == 0 {
		return storage.Client{}, &storage.DocumentError{URL: c.ID, Invalid: true, Reason: "none of its addresses is one that this server's operator allows"}
	}
	return c, nil
}

func clientOf(id string, reg oauth.Registration, origin storage.Origin) storage.Client {
	return storage.Client{
		ID: id, Name: reg.ClientName, URI: reg.ClientURI, RedirectURIs: reg.RedirectURIs, GrantTypes: reg.GrantTypes,
		ResponseTypes: reg.ResponseTypes, Scope: reg.Scope, AuthMethod: reg.TokenEndpointAuthMethod, AuthMethods: reg.AuthMethods,
		JWKS: reg.JWKS, JWKSURI: reg.JWKSURI, SigningAlg: reg.SigningAlg, ApplicationType: reg.ApplicationType,
		SoftwareID: reg.SoftwareID, SoftwareVersion: reg.SoftwareVersion, Origin: origin,
	}
}

// KeySet returns the key set at a client's jwks_uri. With renew it is asked for
// again, unless that was done a moment ago.
func (d *Documents) KeySet(ctx context.Context, c storage.Client, renew bool) (oauth.KeySet, error) {
	got, err := d.get(ctx, wanted{clientID: c.ID, url: c.JWKSURI, check: checkKeys, renewAfter: renewKeysAfter}, renew)
	if err != nil {
		return oauth.KeySet{}, err
	}
	return oauth.ParseKeySet([]byte(got.Body))
}

func checkMetadata(id string) func(string) (string, error) {
	return func(body string) (name string, err error) {
		reg, err := oauth.ParseMetadataDocument(id, []byte(body))
		return reg.ClientName, err
	}
}

func checkKeys(body string) (string, error) {
	_, err := oauth.ParseKeySet([]byte(body))
	return "", err
}
