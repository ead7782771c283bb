package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ErrBadClient is returned for a client that cannot be registered.
var ErrBadClient = errors.New("this client cannot be registered")

// NewClient describes a client that an administrator registers.
type NewClient struct {
	ID           string // "" to generate one
	Name         string
	RedirectURIs []string
	AuthMethod   string // at the token endpoint (RFC 7591 section 2)
	// The public keys of private_key_jwt: a JSON Web Key Set, or its URL.
	JWKS    []byte
	JWKSURI string
	// Resources are the MCP endpoints of a server that runs elsewhere. Its client has a
	// secret or keys, and no redirect URIs.
	Resources []string
	// AllowHTTP accepts resources with plain http on private networks.
	AllowHTTP bool
}

// longestID is the maximum length of a chosen id.
const longestID = 200

// registration checks the description by the rules of dynamic registration.
func (n NewClient) registration() (oauth.Registration, error) {
	reg, err := oauth.Described{
		Name: n.Name, RedirectURIs: n.RedirectURIs, AuthMethod: n.AuthMethod, JWKS: n.JWKS, JWKSURI: n.JWKSURI,
	}.Registration()
	var refused *oauth.Error
	if errors.As(err, &refused) {
		return reg, fmt.Errorf("%w: %s", ErrBadClient, refused.Description)
	}
	return reg, err
}

// checkID checks a chosen id. A URL would be taken for the address of the client's
// metadata document.
func (n NewClient) checkID() error {
	switch {
	case len(n.ID) > longestID:
		return fmt.Errorf("%w: an ID has at most %d characters", ErrBadClient, longestID)
	case strings.Contains(n.ID, "://"):
		return fmt.Errorf("%w: an ID must not be a URL, which identifies a metadata document", ErrBadClient)
	}
	if n.ID == storage.PersonalClientID {
		return fmt.Errorf("%w: this ID is that of tokens for scripts", ErrBadClient)
	}
	for _, r := range n.ID {
		if r <= ' ' || r > '~' {
			return fmt.Errorf("%w: an ID consists of visible ASCII characters", ErrBadClient)
		}
	}
	return nil
}

// CreateClient registers a client and prints its id and secret. Only the hash of the
// secret is stored.
func (c *Console) CreateClient(ctx context.Context, n NewClient) error {
	if err := n.checkID(); err != nil {
		return err
	}
	if len(n.Resources) > 0 {
		return c.createResourceServer(ctx, n)
	}
	reg, err := n.registration()
	if err != nil {
		return err
	}
	client := c.newClient(n.ID, reg.Client)
	var secret string
	if reg.NeedsSecret() {
		secret = oauth.NewClientSecret()
		client.SecretHash = storage.HashOf(secret)
	}
	err = c.Store.CreateClient(ctx, client)
	if errors.Is(err, storage.ErrExists) {
		return fmt.Errorf("client %q is already registered", client.ID)
	}
	if err != nil {
		return err
	}
	return c.created(client, secret)
}

// newClient is a client that an administrator vouches for.
func (c *Console) newClient(id string, m metadata.Client) storage.Client {
	return storage.Client{
		ID: cmp.Or(id, oauth.NewID("c")), Client: m,
		CreatedAt: c.now().UTC().Truncate(time.Second), Origin: storage.OriginOperator,
	}
}

// created shows a client that was registered just now.
func (c *Console) created(client storage.Client, secret string) error {
	if err := c.showCreated(client, secret); err != nil {
		return fmt.Errorf("client %s was registered, but its secret could not be printed; delete it with `mcpkeep clients delete`: %w", client.ID, err)
	}
	return nil
}

func (c *Console) showCreated(client storage.Client, secret string) error {
	if c.JSON {
		created := clientObject(storage.ClientSummary{Client: client})
		created.ClientSecret = secret
		return WriteJSON(c.Out, created)
	}
	if _, err := fmt.Fprintf(c.Out, "client id      %s\n", client.ID); err != nil || secret == "" {
		return err
	}
	_, err := fmt.Fprintf(c.Out, "client secret  %s\n\nSave the secret now: it is stored as a hash and cannot be shown again.\n", secret)
	return err
}
