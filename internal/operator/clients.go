package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/text"
)

// clientJSON is a client for programs. Members that RFC 7591 has are called as there.
type clientJSON struct {
	ClientID        string     `json:"client_id"`
	ClientSecret    string     `json:"client_secret,omitempty"` // when it was made just now
	ClientName      string     `json:"client_name"`
	ClientURI       string     `json:"client_uri"`
	RedirectURIs    []string   `json:"redirect_uris"`
	GrantTypes      []string   `json:"grant_types"`
	ResponseTypes   []string   `json:"response_types"`
	Scope           string     `json:"scope"`
	AuthMethod      string     `json:"token_endpoint_auth_method"`
	ApplicationType string     `json:"application_type"`
	SoftwareID      string     `json:"software_id"`
	SoftwareVersion string     `json:"software_version"`
	SigningAlg      string     `json:"token_endpoint_auth_signing_alg"`
	JWKSURI         string     `json:"jwks_uri"`
	HasSecret       bool       `json:"has_secret"`
	HasKeys         bool       `json:"has_keys"`
	Origin          string     `json:"origin"`              // "registered", "operator", or "document" for a client ID metadata document
	FetchedAt       *time.Time `json:"document_fetched_at"` // of its document
	RegisteredAt    *time.Time `json:"registered_at"`
	LastUsedAt      *time.Time `json:"last_used_at"`
	Grants          int64      `json:"grants"`
	Foreign         bool       `json:"foreign"`
	Reclaimable     bool       `json:"reclaimable"`
	Unreadable      bool       `json:"unreadable"`
}

func clientObject(s storage.ClientSummary) any {
	c := s.Client
	return clientJSON{
		ClientID: c.ID, ClientName: c.Name, ClientURI: c.URI, RedirectURIs: listOf(c.RedirectURIs),
		GrantTypes: listOf(c.GrantTypes), ResponseTypes: listOf(c.ResponseTypes), Scope: c.Scope, AuthMethod: c.AuthMethod,
		ApplicationType: c.ApplicationType, SoftwareID: c.SoftwareID, SoftwareVersion: c.SoftwareVersion,
		SigningAlg: c.SigningAlg, JWKSURI: c.JWKSURI, HasKeys: c.JWKS != "" || c.JWKSURI != "",
		Origin: cmp.Or(string(c.Origin), "registered"), FetchedAt: timeOrNull(c.ConfirmedAt),
		HasSecret: c.SecretHash != "", RegisteredAt: timeOrNull(c.CreatedAt), LastUsedAt: timeOrNull(s.LastUsedAt),
		Grants: s.Grants, Foreign: s.Foreign, Reclaimable: s.Reclaimable, Unreadable: s.Unreadable,
	}
}

// listOf is never nil, which would be null in JSON.
func listOf(list []string) []string { return append([]string{}, list...) }

func clientCells(s storage.ClientSummary) []string {
	name, uris := s.Client.Name, strings.Join(s.Client.RedirectURIs, " ")
	if s.Unreadable {
		name = "(does not open)"
	}
	if isDocument(s) {
		uris = "(see its document)"
	}
	return []string{s.Client.ID, name, uris, clock(s.Client.CreatedAt), lastUsed(s), fmt.Sprint(s.Grants)}
}

// isDocument says whether a client is known by its metadata document. When somebody
// signed in with such a client is not recorded.
func isDocument(s storage.ClientSummary) bool { return s.Client.Origin == storage.OriginDocument }

func lastUsed(s storage.ClientSummary) string {
	if isDocument(s) {
		return ""
	}
	if s.LastUsedAt.IsZero() {
		return "never"
	}
	return clock(s.LastUsedAt)
}

// ListClients lists the registered clients and those that are known by their
// metadata document, or the registered ones that nobody has used.
func (c *Console) ListClients(ctx context.Context, unused bool) error {
	t := c.table(column{title: "CLIENT"}, column{"NAME", true}, column{"REDIRECT URIS", true},
		column{title: "REGISTERED"}, column{title: "LAST SIGN-IN"}, column{title: "CONNECTIONS"})
	all := c.eachKnown
	empty := "No client is registered."
	if unused {
		all, empty = func(ctx context.Context, visit func(storage.ClientSummary) error) error {
			return c.eachUnused(ctx, c.now(), visit)
		}, "Every client is in use."
	}
	return show(c, t, empty, func(visit func(storage.ClientSummary) error) error { return all(ctx, visit) }, clientObject, clientCells)
}

func (c *Console) eachClient(ctx context.Context, visit func(storage.ClientSummary) error) error {
	now := c.now()
	return each(ctx, func(ctx context.Context, after string, limit int) ([]storage.ClientSummary, error) {
		return c.Store.ListClients(ctx, after, limit, now)
	}, clientID, visit)
}

// eachKnown visits the registered clients and after them those with a document.
func (c *Console) eachKnown(ctx context.Context, visit func(storage.ClientSummary) error) error {
	if err := c.eachClient(ctx, visit); err != nil {
		return err
	}
	now := c.now()
	return each(ctx, func(ctx context.Context, after string, limit int) ([]storage.DocumentClient, error) {
		return c.Store.ListDocumentClients(ctx, after, limit, now)
	}, func(d storage.DocumentClient) string { return d.ID }, func(d storage.DocumentClient) error {
		client := storage.Client{ID: d.ID, Name: d.Name, Origin: storage.OriginDocument, ConfirmedAt: d.FetchedAt}
		return visit(storage.ClientSummary{Client: client, Grants: d.Grants})
	})
}

func (c *Console) eachUnused(ctx context.Context, registered time.Time, visit func(storage.ClientSummary) error) error {
	now := c.now()
	return each(ctx, func(ctx context.Context, after string, limit int) ([]storage.ClientSummary, error) {
		return c.Store.ListUnusedClients(ctx, registered, after, limit, now)
	}, clientID, visit)
}

func clientID(s storage.ClientSummary) string { return s.Client.ID }

// ShowClient shows one client.
func (c *Console) ShowClient(ctx context.Context, id string) error {
	s, err := c.client(ctx, id)
	if err == nil && isDocument(s) {
		s.Client, err = c.readDocument(ctx, s.Client)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(c.Out, clientObject(s))
	}
	return c.showClient(s)
}

func (c *Console) client(ctx context.Context, id string) (storage.ClientSummary, error) {
	s, err := c.Store.ClientSummary(ctx, id, c.now())
	if errors.Is(err, storage.ErrNotFound) {
		err = fmt.Errorf("no client %q is registered here; `mcpkeep clients list` shows those that are", id)
	}
	return s, err
}

// readDocument adds what a client's metadata document says that is on record.
func (c *Console) readDocument(ctx context.Context, client storage.Client) (storage.Client, error) {
	d, err := c.Store.Document(ctx, client.ID, client.ID)
	if err != nil || d.Body == "" {
		return client, err
	}
	reg, err := oauth.ParseMetadataDocument(client.ID, []byte(d.Body))
	if err != nil {
		return client, nil //nolint:nilerr // it is not valid by today's rules and will be fetched anew
	}
	client.URI, client.RedirectURIs, client.GrantTypes, client.ResponseTypes = reg.ClientURI, reg.RedirectURIs, reg.GrantTypes, reg.ResponseTypes
	client.Scope, client.AuthMethod, client.SigningAlg = reg.Scope, reg.TokenEndpointAuthMethod, reg.SigningAlg
	client.JWKS, client.JWKSURI, client.ApplicationType = reg.JWKS, reg.JWKSURI, reg.ApplicationType
	client.SoftwareID, client.SoftwareVersion = reg.SoftwareID, reg.SoftwareVersion
	return client, nil
}

// registered says since when a client is known, and how.
func registered(s storage.ClientSummary) string {
	switch {
	case isDocument(s) && s.Client.ConfirmedAt.IsZero():
		return "no: known by the metadata document at its id, which was never fetched"
	case isDocument(s):
		return "no: known by the metadata document at its id, fetched " + clock(s.Client.ConfirmedAt)
	case s.Foreign:
		return clock(s.Client.CreatedAt) + " by another program"
	case s.Client.Origin == storage.OriginOperator:
		return clock(s.Client.CreatedAt) + " by an operator"
	}
	return clock(s.Client.CreatedAt)
}

// keysOf says where a client's keys are.
func keysOf(c storage.Client) string {
	if c.JWKS != "" {
		return "registered"
	}
	return c.JWKSURI
}

func (c *Console) showClient(s storage.ClientSummary) error {
	cl := s.Client
	kept := "none"
	if cl.SecretHash != "" {
		kept = "yes (kept as a hash, never shown)"
	}
	registered := registered(s)
	lines := [][2]string{
		{"Client", cl.ID}, {"Name", cl.Name}, {"Home page", cl.URI}, {"Redirect URIs", ""}, {"Grant types", strings.Join(cl.GrantTypes, ", ")},
		{"Scope", cl.Scope}, {"Authentication", cl.AuthMethod}, {"Secret", kept}, {"Keys", keysOf(cl)}, {"Application", cl.ApplicationType},
		{"Software", strings.TrimSpace(cl.SoftwareID + " " + cl.SoftwareVersion)}, {"Registered", registered},
		{"Last sign-in", lastUsed(s)}, {"Connections", fmt.Sprint(s.Grants)},
	}
	if s.Unreadable {
		lines = [][2]string{
			{"Client", cl.ID}, {"State", "its row does not open: with a key missing it comes back, otherwise the app has to register anew"},
			{"Registered", registered}, {"Last sign-in", lastUsed(s)}, {"Connections", fmt.Sprint(s.Grants)},
		}
	}
	for _, line := range lines {
		values := []string{line[1]}
		if line[0] == "Redirect URIs" {
			values = cl.RedirectURIs
		}
		if err := c.showLine(line[0], values); err != nil {
			return err
		}
	}
	return nil
}

// showLine shows what has a value, one value a line.
func (c *Console) showLine(title string, values []string) error {
	for _, v := range values {
		if v = shown(v); v == "" {
			continue
		}
		if _, err := fmt.Fprintf(c.Out, "%-16s%s\n", title, v); err != nil {
			return err
		}
		title = ""
	}
	return nil
}

// shown makes a text fit to be shown.
func shown(s string) string { return text.Line(s, longest) }

// clientCalled names a client in a sentence.
func clientCalled(name, id string) string {
	if name = shown(name); name == "" {
		return "client " + shown(id)
	}
	return fmt.Sprintf("client %s (%q)", shown(id), name)
}

type deletedJSON struct {
	ClientID string `json:"client_id"`
	Deleted  bool   `json:"deleted"`
	Grants   int64  `json:"grants_revoked"`
}

// DeleteClient deletes a client and ends its connections.
func (c *Console) DeleteClient(ctx context.Context, id string) error {
	s, err := c.client(ctx, id)
	if err != nil {
		return err
	}
	name := clientCalled(s.Client.Name, id)
	after := "The app has to register, and people have to connect it, again."
	if isDocument(s) {
		after = "People have to connect it again. It may ask them: MCPKEEP_CIMD_HOSTS says whose apps may."
	}
	err = c.Confirm(fmt.Sprintf("This deletes %s and ends %s of it at once. %s", name, connections(s.Grants), after))
	if err != nil {
		return err
	}
	err = c.Store.DeleteClient(ctx, id, c.now())
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("client %q was deleted by somebody else meanwhile", id)
	}
	if err != nil {
		return err
	}
	return c.done(deletedJSON{ClientID: id, Deleted: true, Grants: s.Grants}, "deleted %s; %s ended", name, connections(s.Grants))
}
