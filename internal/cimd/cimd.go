package cimd

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Fetcher gets JSON documents; fetch.Fetcher is one.
type Fetcher interface {
	// Check refuses what is never fetched, without looking anything up.
	Check(url string) error
	Get(ctx context.Context, url, etag string) (fetch.Answer, error)
}

// DocumentStore is the part of storage.DocumentStore that fetching uses; the promises
// are written there.
type DocumentStore interface {
	Document(ctx context.Context, clientID, url string) (storage.Document, error)
	ClaimDocument(ctx context.Context, c storage.DocumentClaim, now time.Time) error
	SaveDocument(ctx context.Context, f storage.FetchedDocument, now time.Time) error
	FailDocument(ctx context.Context, f storage.FailedDocument) error
}

// Config is what documents are made of.
type Config struct {
	Store   DocumentStore
	Fetcher Fetcher
	// Own are the hosts of this server's names, from which no document is fetched: it
	// would ask itself.
	Own []string
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
	keySets   oauth.KeySets

	waiting
}

// New returns documents.
func New(cfg Config) *Documents {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Logger = logging.WithReference(cfg.Logger)
	return &Documents{Config: cfg, admitting: make(chan struct{}, 1)}
}

// takes reports whether a client ID is the URL of a metadata document that this
// server takes.
func (d *Documents) takes(id string) bool {
	host := oauth.MetadataHost(id)
	return host != "" && !slices.ContainsFunc(d.Own, func(own string) bool { return strings.EqualFold(host, own) }) && (len(d.Hosts) == 0 || slices.Contains(d.Hosts, host))
}

// Client returns the client whose metadata document is at its id (CIMD-01 to
// CIMD-15). storage.ErrNotFound when no document is taken from there;
// a storage.DocumentError when there is none that can be used, which is no reason
// to call the client unknown.
//
// With renew the document is asked for again, unless that was done within the time
// for which any document is fresh: something that it does not say, such as a
// redirect URI, may be new in it.
//
// A client that a person let in while its document could not be fetched has
// storage.OriginUnread. With renew it is an error until there is a document.
func (d *Documents) Client(ctx context.Context, id string, renew bool) (storage.Client, error) {
	if !d.takes(id) {
		return storage.Client{}, storage.ErrNotFound
	}
	got, err := d.get(ctx, wanted{clientID: id, url: id, check: checkMetadata(id), renewAfter: freshAtLeast}, renew)
	if err != nil {
		return d.vendorClient(id, err)
	}
	if got.Body == "" {
		return d.approved(id, got)
	}
	reg, err := oauth.ParseMetadataDocument(id, []byte(got.Body))
	if err != nil {
		return storage.Client{}, err // it was valid a moment ago
	}
	client, err := d.bound(id, reg, storage.OriginDocument)
	if err != nil {
		return storage.Client{}, err
	}
	client.ConfirmedAt, client.Unconfirmed, client.Away = got.FetchedAt, got.Failure != "", got.Kind == storage.FailureAway
	return client, nil
}

// vendorClient is the client by the copy of its document that ships with the
// program. A document that is there and not valid is its maker's last word.
func (d *Documents) vendorClient(id string, why error) (storage.Client, error) {
	reg, ok := oauth.VendorDocument(id)
	if !ok || !isTransient(why) {
		return storage.Client{}, why
	}
	client, err := d.bound(id, reg, storage.OriginVendor)
	client.Unconfirmed, client.Away = err == nil, err == nil && isAway(why)
	return client, err
}

// kept is the client by the document that FastMCP fetched, at a time, while there is no other.
// One that is there and not valid is its maker's last word.
func (d *Documents) kept(id, document string, at time.Time, why error) (storage.Client, error) {
	if !isTransient(why) {
		return storage.Client{}, why
	}
	reg, err := oauth.ParseMetadataDocument(id, []byte(document))
	if err != nil {
		return storage.Client{}, why
	}
	client, err := d.bound(id, reg, storage.OriginDocument)
	client.ConfirmedAt, client.Unconfirmed, client.Away = at, err == nil, err == nil && isAway(why)
	return client, err
}

// approved is the client as a person let it in while there was no document to read.
func (d *Documents) approved(id string, known storage.Document) (storage.Client, error) {
	redirect, err := oauth.ParseRedirectURI(known.ApprovedRedirectURI)
	if err != nil {
		return storage.Client{}, &storage.DocumentError{URL: id, Reason: known.Failure, Kind: known.Kind}
	}
	client, err := d.bound(id, oauth.UnreadRegistration(redirect), storage.OriginUnread)
	client.ClaimedName = known.ClaimedName
	return client, err
}

// bound returns the client with the redirect URIs that the policy allows.
func (d *Documents) bound(id string, reg oauth.Registration, origin storage.Origin) (storage.Client, error) {
	reg.KeepRedirects(d.Policy.Allows)
	if len(reg.Redirects) == 0 {
		return storage.Client{}, &storage.DocumentError{URL: id, Invalid: true, Reason: "none of its redirect URIs is allowed on this server"}
	}
	return storage.Client{ID: id, Client: reg.Client, Origin: origin}, nil
}

// KeySet returns the key set at a client's jwks_uri. With renew it is asked for
// again, unless that was done a moment ago.
func (d *Documents) KeySet(ctx context.Context, c storage.Client, renew bool) (oauth.KeySet, error) {
	got, err := d.get(ctx, wanted{clientID: c.ID, url: c.JWKSURI, check: d.checkKeys, renewAfter: renewKeysAfter}, renew)
	if err != nil {
		return oauth.KeySet{}, err
	}
	return d.keySets.Parse(got.Body)
}

func checkMetadata(id string) func(string) (string, error) {
	return func(body string) (name string, err error) {
		reg, err := oauth.ParseMetadataDocument(id, []byte(body))
		return reg.Name, err
	}
}

func (d *Documents) checkKeys(body string) (string, error) {
	_, err := d.keySets.Parse(body)
	return "", err
}
