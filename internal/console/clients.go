package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/display"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// clientJSON is a client in JSON. Members of RFC 7591 have the names from there.
type clientJSON struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"` // when it was generated just now
	metadataJSON
	ClaimedName  string     `json:"claimed_name"` // what a client without a name calls itself
	HasSecret    bool       `json:"has_secret"`
	HasKeys      bool       `json:"has_keys"`
	Origin       string     `json:"origin"`              // "registered", "operator", or "document" for a client ID metadata document
	FetchedAt    *time.Time `json:"document_fetched_at"` // of its document
	RegisteredAt *time.Time `json:"registered_at"`
	LastUsedAt   *time.Time `json:"last_used_at"`
	Grants       int64      `json:"grants"`
	Resources    []string   `json:"resources,omitempty"` // that it introspects tokens for; for one client only
	Foreign      bool       `json:"foreign"`
	Reclaimable  bool       `json:"reclaimable"`
	Unreadable   bool       `json:"unreadable"`
}

// metadataJSON is metadata.Client with every member present, so that programs find
// what is empty, and without the key set itself. The conversion between the two does
// not compile when a field is missing here.
type metadataJSON struct {
	Name            string        `json:"client_name"`
	URI             string        `json:"client_uri"`
	RedirectURIs    []string      `json:"redirect_uris"`
	GrantTypes      []string      `json:"grant_types"`
	ResponseTypes   []string      `json:"response_types"`
	AuthMethod      string        `json:"token_endpoint_auth_method"`
	AuthMethods     []string      `json:"token_endpoint_auth_methods_supported"`
	SigningAlg      string        `json:"token_endpoint_auth_signing_alg"`
	JWKS            metadata.JSON `json:"-"`
	JWKSURI         string        `json:"jwks_uri"`
	ApplicationType string        `json:"application_type"`
	Scope           string        `json:"scope"`
	SoftwareID      string        `json:"software_id"`
	SoftwareVersion string        `json:"software_version"`
}

func metadataOf(c metadata.Client) metadataJSON {
	c.RedirectURIs, c.GrantTypes, c.ResponseTypes = listOf(c.RedirectURIs), listOf(c.GrantTypes), listOf(c.ResponseTypes)
	c.AuthMethods = listOf(c.AuthMethods)
	return metadataJSON(c)
}

func clientObject(s storage.ClientSummary) clientJSON {
	c := s.Client
	return clientJSON{
		ClientID: c.ID, metadataJSON: metadataOf(c.Client), ClaimedName: claimed(c.Name, c.ClaimedName), HasKeys: c.HasKeys(),
		Origin: cmp.Or(string(c.Origin), "registered"), FetchedAt: JSONTime(c.ConfirmedAt),
		HasSecret: c.SecretHash != "", RegisteredAt: JSONTime(c.CreatedAt), LastUsedAt: JSONTime(s.LastUsedAt),
		Grants: s.Grants, Foreign: s.Foreign, Reclaimable: s.Reclaimable, Unreadable: s.Unreadable,
	}
}

// listOf returns a list that is not nil, which would be null in JSON.
func listOf(list []string) []string { return append([]string{}, list...) }

func clientCells(s storage.ClientSummary) []string {
	name, uris := named(s.Client.Name, s.Client.ClaimedName), strings.Join(s.Client.RedirectURIs, " ")
	if s.Unreadable {
		name = "(cannot be decrypted)"
	}
	if isDocument(s) {
		uris = "(see its document)"
	}
	return []string{s.Client.ID, name, uris, Time(s.Client.CreatedAt), lastUsed(s), fmt.Sprint(s.Grants)}
}

// isDocument reports whether a client is known by its metadata document. The last
// sign-in with such a client is not recorded.
func isDocument(s storage.ClientSummary) bool { return s.Client.Origin == storage.OriginDocument }

func lastUsed(s storage.ClientSummary) string {
	if isDocument(s) {
		return ""
	}
	if s.LastUsedAt.IsZero() {
		return "never"
	}
	return Time(s.LastUsedAt)
}

// Listing says which clients to list.
type Listing struct {
	Unused bool   // only registered ones that were never used
	Search string // only those with this text in ID, name or URLs, in any case
	Limit  int    // only so many, the last used first; 0 for all, in the order of the store
}

// ListClients lists registered clients and those known by their metadata document.
func (c *Console) ListClients(ctx context.Context, l Listing) error {
	t := c.table(Column{Title: "CLIENT"}, Column{"NAME", true}, Column{"REDIRECT URIS", true},
		Column{Title: "REGISTERED"}, Column{Title: "LAST SIGN-IN"}, Column{Title: "CONNECTIONS"})
	all := c.eachKnown
	empty := "No clients."
	if l.Unused {
		all, empty = func(ctx context.Context, visit func(storage.ClientSummary) error) error {
			return c.eachUnused(ctx, c.now(), visit)
		}, "No unused clients."
	}
	dropped := 0
	err := show(c, t, empty, func(visit func(storage.ClientSummary) error) error {
		latest := newest{limit: l.Limit}
		err := all(ctx, func(s storage.ClientSummary) error {
			switch {
			case !found(s, l.Search):
				return nil
			case l.Limit == 0:
				return visit(s)
			}
			latest.add(s)
			return nil
		})
		dropped = latest.dropped
		for _, s := range latest.sorted() {
			if err == nil {
				err = visit(s)
			}
		}
		return err
	}, func(s storage.ClientSummary) any { return clientObject(s) }, clientCells)
	if err == nil && dropped > 0 {
		_, err = fmt.Fprintf(c.Err, "%d more; --limit 0 shows all\n", dropped)
	}
	return err
}

func (c *Console) eachClient(ctx context.Context, visit func(storage.ClientSummary) error) error {
	now := c.now()
	return each(ctx, func(ctx context.Context, after string, limit int) ([]storage.ClientSummary, error) {
		return c.Store.ListClients(ctx, after, limit, now)
	}, clientID, visit)
}

// eachKnown visits the registered clients, those of FastMCP that were never used here, and then
// those with a document.
func (c *Console) eachKnown(ctx context.Context, visit func(storage.ClientSummary) error) error {
	if err := c.eachClient(ctx, visit); err != nil {
		return err
	}
	now := c.now()
	if err := c.Store.EachForeignClient(ctx, now, visit); err != nil {
		return err
	}
	return each(ctx, func(ctx context.Context, after string, limit int) ([]storage.DocumentClient, error) {
		return c.Store.ListDocumentClients(ctx, after, limit, now)
	}, func(d storage.DocumentClient) string { return d.ID }, func(d storage.DocumentClient) error {
		client := storage.Client{
			ID: d.ID, Client: metadata.Client{Name: d.Name}, ClaimedName: d.ClaimedName, Origin: storage.OriginDocument, ConfirmedAt: d.FetchedAt,
		}
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
	urls, err := c.resourcesOf(ctx, id)
	if err != nil {
		return err
	}
	if c.JSON {
		object := clientObject(s)
		object.Resources = urls
		return WriteJSON(c.Out, object)
	}
	if err := c.showClient(s); err != nil {
		return err
	}
	return c.showLine("Resources", urls)
}

// resourcesOf returns the URLs whose tokens a client introspects.
func (c *Console) resourcesOf(ctx context.Context, id string) ([]string, error) {
	list, err := c.Store.ResourcesOf(ctx, id)
	var urls []string
	for _, r := range list {
		urls = append(urls, r.URL)
	}
	return urls, err
}

func (c *Console) client(ctx context.Context, id string) (storage.ClientSummary, error) {
	s, err := c.Store.ClientSummary(ctx, id, c.now())
	if errors.Is(err, storage.ErrNotFound) {
		err = fmt.Errorf("client %q is not registered; `mcpkeep clients list` shows the registered clients", id)
	}
	return s, err
}

// readDocument adds the contents of the stored metadata document.
func (c *Console) readDocument(ctx context.Context, client storage.Client) (storage.Client, error) {
	d, err := c.Store.Document(ctx, client.ID, client.ID)
	if err != nil || d.Body == "" {
		return client, err
	}
	reg, err := oauth.ParseMetadataDocument(client.ID, []byte(d.Body))
	if err != nil {
		return client, nil //nolint:nilerr // invalid by the current rules, it will be fetched again
	}
	client.Client = reg.Client
	return client, nil
}

// registered describes when and how a client was registered.
func registered(s storage.ClientSummary) string {
	switch {
	case isDocument(s) && s.Client.ConfirmedAt.IsZero():
		return "no: identified by its metadata document, which was never fetched"
	case isDocument(s):
		return "no: identified by its metadata document, fetched " + Time(s.Client.ConfirmedAt)
	case s.Foreign:
		return Time(s.Client.CreatedAt) + " by another program"
	case s.Client.Origin == storage.OriginOperator:
		return Time(s.Client.CreatedAt) + " by an administrator"
	}
	return Time(s.Client.CreatedAt)
}

// authenticationOf names the methods by which a client may authenticate.
func authenticationOf(c metadata.Client) string {
	methods := c.AuthMethods
	if methods == nil {
		methods = []string{c.AuthMethod}
	}
	text := strings.Join(methods, ", ")
	if c.SigningAlg != "" {
		text += " (keys of " + c.SigningAlg + ")"
	}
	return text
}

// keysOf describes where a client's keys are.
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
		kept = "yes (stored as a hash, never shown)"
	}
	registered := registered(s)
	lines := [][2]string{
		{"Client", cl.ID}, {"Name", named(cl.Name, cl.ClaimedName)}, {"Home page", cl.URI}, {"Redirect URIs", ""}, {"Grant types", strings.Join(cl.GrantTypes, ", ")},
		{"Scope", cl.Scope}, {"Authentication", authenticationOf(cl.Client)}, {"Secret", kept}, {"Keys", keysOf(cl)}, {"Application", cl.ApplicationType},
		{"Software", strings.TrimSpace(cl.SoftwareID + " " + cl.SoftwareVersion)}, {"Registered", registered},
		{"Last sign-in", lastUsed(s)}, {"Connections", fmt.Sprint(s.Grants)},
	}
	if s.Unreadable {
		lines = [][2]string{
			{"Client", cl.ID}, {"State", "its row cannot be decrypted: add the missing key, or let the app register again"},
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

// showLine prints the values that are not empty, one per line.
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

// shown returns a text without characters that a terminal would interpret.
func shown(s string) string { return display.Line(s, longest) }

// claimed is what a client without a name calls itself, "" for one that has a name.
func claimed(name, claim string) string {
	if strings.TrimSpace(name) != "" {
		return ""
	}
	return claim
}

// named is the name of a client, or what it calls itself, with quotes and as a claim.
func named(name, claim string) string {
	if claim = shown(claimed(name, claim)); claim == "" {
		return name
	}
	return fmt.Sprintf("(calls itself %q)", claim)
}

// clientCalled returns the name of a client for a sentence.
func clientCalled(name, claim, id string) string {
	claim = shown(claimed(name, claim))
	switch name = shown(name); {
	case name != "":
		return fmt.Sprintf("client %s (%q)", shown(id), name)
	case claim != "":
		return fmt.Sprintf("client %s (calls itself %q)", shown(id), claim)
	}
	return "client " + shown(id)
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
	name := clientCalled(s.Client.Name, s.Client.ClaimedName, id)
	after := "The app has to register again, and users have to reconnect it."
	if isDocument(s) {
		after = "Users have to reconnect it. It can still ask them to: MCPKEEP_CIMD_HOSTS restricts which apps may."
	}
	err = c.Confirm(fmt.Sprintf("This deletes %s and ends %s immediately. %s", name, connections(s.Grants), after))
	if err != nil {
		return err
	}
	err = c.Store.DeleteClient(ctx, id, c.now())
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("client %q has already been deleted", id)
	}
	if err != nil {
		return err
	}
	return c.done(deletedJSON{ClientID: id, Deleted: true, Grants: s.Grants}, "deleted %s; %s ended", name, connections(s.Grants))
}
