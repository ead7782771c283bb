package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// createResourceServer registers an MCP server that runs elsewhere, with the URLs that
// tokens are issued for, and shows the credential that it introspects them with.
func (c *Console) createResourceServer(ctx context.Context, n NewClient) error {
	urls, err := n.resources()
	if err != nil {
		return err
	}
	client := c.newClient(n.ID, metadata.Client{
		Name: n.Name, RedirectURIs: []string{}, GrantTypes: []string{}, ResponseTypes: []string{},
		AuthMethod: oauth.AuthMethodClientSecretBasic,
	})
	if n.AuthMethod == oauth.AuthMethodClientSecretPost {
		client.AuthMethod = n.AuthMethod
	}
	secret := oauth.NewClientSecret()
	client.SecretHash = storage.HashOf(secret)
	err = c.Store.CreateResourceServer(ctx, client, urls)
	if errors.Is(err, storage.ErrExists) {
		return c.taken(ctx, client.ID, urls)
	}
	if err != nil {
		return err
	}
	return c.created(client, secret)
}

// resources are the URLs in the form in which they are kept.
func (n NewClient) resources() ([]string, error) {
	switch {
	case len(n.RedirectURIs) > 0:
		return nil, fmt.Errorf("%w: the client of a resource has no redirect URIs; create two clients", ErrBadClient)
	case strings.TrimSpace(n.Name) == "":
		return nil, fmt.Errorf("%w: the name is empty", ErrBadClient)
	case n.AuthMethod == oauth.AuthMethodPrivateKeyJWT || len(n.JWKS) > 0 || n.JWKSURI != "":
		return nil, fmt.Errorf("%w: the client of a resource authenticates with a secret", ErrBadClient)
	}
	var urls []string
	for _, text := range n.Resources {
		url, ok := oauth.CanonicalResource(text)
		if !ok {
			return nil, fmt.Errorf("%w: %q is not the URL of a resource; want an https URL without query and fragment, such as https://other.example/mcp (http only on loopback and private networks)",
				ErrBadClient, text)
		}
		if oauth.IsPlain(url) && !n.AllowHTTP {
			return nil, fmt.Errorf("%w: %q is not encrypted: everyone on its network could read tokens; use https, or set MCPKEEP_ALLOW_HTTP=true (--allow-http)",
				ErrBadClient, text)
		}
		if !slices.Contains(urls, url) {
			urls = append(urls, url)
		}
	}
	return urls, nil
}

// taken says which of them is registered already.
func (c *Console) taken(ctx context.Context, id string, urls []string) error {
	for _, url := range urls {
		r, err := c.Store.Resource(ctx, url)
		if err == nil {
			return fmt.Errorf("resource %s belongs to client %q already; delete that first to issue another credential", url, r.ClientID)
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
	}
	return fmt.Errorf("client %q is registered already", id)
}
