package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ErrBadClient is a description of a client that cannot be registered.
var ErrBadClient = errors.New("this client cannot be registered")

// NewClient describes a client that an operator registers.
type NewClient struct {
	ID           string // "" for one of ours
	Name         string
	RedirectURIs []string
	AuthMethod   string // at the token endpoint (RFC 7591 section 2)
	// The public keys of private_key_jwt: a JSON Web Key Set, or where it is.
	JWKS    []byte
	JWKSURI string
}

// longestID bounds an id that an operator chooses.
const longestID = 200

// registration checks the description by the rules that registration has.
func (n NewClient) registration() (oauth.Registration, error) {
	metadata := map[string]any{
		"client_name": n.Name, "redirect_uris": n.RedirectURIs, "token_endpoint_auth_method": n.AuthMethod,
		"grant_types": []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken},
	}
	switch hasKeys := len(n.JWKS) > 0 || n.JWKSURI != ""; {
	case hasKeys && n.AuthMethod != oauth.AuthMethodPrivateKeyJWT:
		return oauth.Registration{}, fmt.Errorf("%w: keys are for the authentication method private_key_jwt", ErrBadClient)
	case len(n.JWKS) > 0 && !json.Valid(n.JWKS):
		return oauth.Registration{}, fmt.Errorf("%w: the key set is not JSON", ErrBadClient)
	case len(n.JWKS) > 0:
		metadata["jwks"] = json.RawMessage(n.JWKS)
	}
	if n.JWKSURI != "" {
		metadata["jwks_uri"] = n.JWKSURI
	}
	body, err := json.Marshal(metadata)
	if err != nil {
		return oauth.Registration{}, err
	}
	reg, err := oauth.ParseRegistration(body)
	var refused *oauth.Error
	if errors.As(err, &refused) {
		return reg, fmt.Errorf("%w: %s", ErrBadClient, refused.Description)
	}
	return reg, err
}

// checkID checks an id that an operator chose. One that is a URL would be taken for
// the address of the client's metadata.
func (n NewClient) checkID() error {
	switch {
	case len(n.ID) > longestID:
		return fmt.Errorf("%w: an id has at most %d characters", ErrBadClient, longestID)
	case strings.Contains(n.ID, "://"):
		return fmt.Errorf("%w: an id that is a URL stands for a client's metadata document; want another one", ErrBadClient)
	}
	for _, r := range n.ID {
		if r <= ' ' || r > '~' {
			return fmt.Errorf("%w: an id consists of visible ASCII characters", ErrBadClient)
		}
	}
	return nil
}

// CreateClient registers a client and shows its id and secret. The secret is shown
// only now: what is kept is its hash.
func (c *Console) CreateClient(ctx context.Context, n NewClient) error {
	if err := n.checkID(); err != nil {
		return err
	}
	reg, err := n.registration()
	if err != nil {
		return err
	}
	client := storage.Client{
		ID: n.ID, Name: reg.ClientName, URI: reg.ClientURI, RedirectURIs: reg.RedirectURIs, GrantTypes: reg.GrantTypes,
		ResponseTypes: reg.ResponseTypes, Scope: reg.Scope, AuthMethod: reg.TokenEndpointAuthMethod,
		JWKS: reg.JWKS, JWKSURI: reg.JWKSURI, SigningAlg: reg.SigningAlg,
		CreatedAt: c.now().UTC().Truncate(time.Second), Origin: storage.OriginOperator,
	}
	if client.ID == "" {
		client.ID = oauth.NewID("c")
	}
	var secret string
	if reg.NeedsSecret() {
		secret = oauth.NewClientSecret()
		client.SecretHash = storage.HashOf(secret)
	}
	err = c.Store.CreateClient(ctx, client)
	if errors.Is(err, storage.ErrExists) {
		return fmt.Errorf("client %q is registered already", client.ID)
	}
	if err != nil {
		return err
	}
	if err := c.showCreated(client, secret); err != nil {
		return fmt.Errorf("client %s is registered, but it could not be shown; delete it with `mcpkeep clients delete`: %w", client.ID, err)
	}
	return nil
}

func (c *Console) showCreated(client storage.Client, secret string) error {
	if c.JSON {
		created, _ := clientObject(storage.ClientSummary{Client: client}).(clientJSON)
		created.ClientSecret = secret
		return writeJSON(c.Out, created)
	}
	if _, err := fmt.Fprintf(c.Out, "client id      %s\n", client.ID); err != nil || secret == "" {
		return err
	}
	_, err := fmt.Fprintf(c.Out, "client secret  %s\n\nThe secret is shown only now. It is kept as a hash.\n", secret)
	return err
}
