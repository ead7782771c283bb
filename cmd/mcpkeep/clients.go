package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

type clientsCmd struct {
	List   clientsListCmd   `cmd:"" help:"List registered clients."`
	Show   clientsShowCmd   `cmd:"" help:"Show a client."`
	Create clientsCreateCmd `cmd:"" help:"Register a client and print its ID and secret."`
	Delete clientsDeleteCmd `cmd:"" help:"Delete a client and end its connections."`
	Prune  clientsPruneCmd  `cmd:"" help:"Delete clients that were never used to sign in."`
}

type clientsListCmd struct {
	clientFlags
	jsonFlag
	Unused bool   `name:"unused" help:"Only clients that were never used to sign in."`
	Search string `name:"search" placeholder:"TEXT" help:"Only clients with this text in their ID, name or URLs."`
	Limit  int    `name:"limit" default:"100" placeholder:"N" help:"Only the N clients used last; 0 lists all, ordered by ID."`
}

// Run lists.
func (c *clientsListCmd) Run(ctx context.Context, std streams) error {
	if c.Limit < 0 {
		return badFlag("--limit", "0 (all) or more", "%d is out of range", c.Limit)
	}
	return c.withClients(ctx, std, c.JSON, func(ctx context.Context, admin adminConsole) error {
		return admin.ListClients(ctx, console.Listing{Unused: c.Unused, Search: c.Search, Limit: c.Limit})
	})
}

type clientsShowCmd struct {
	clientFlags
	jsonFlag
	ID string `arg:"" help:"Client ID."`
}

// Run shows one.
func (c *clientsShowCmd) Run(ctx context.Context, std streams) error {
	return c.withClients(ctx, std, c.JSON, func(ctx context.Context, admin adminConsole) error { return admin.ShowClient(ctx, c.ID) })
}

type clientsCreateCmd struct {
	clientFlags
	jsonFlag
	Name        string   `name:"name" required:"" placeholder:"NAME" help:"Name shown on the consent page."`
	RedirectURI []string `name:"redirect-uri" sep:"none" placeholder:"URI" help:"Redirect URI; can be repeated. Required without --resource."`
	Resource    []string `name:"resource" sep:"none" placeholder:"URL" help:"MCP endpoint of a server that runs elsewhere, such as https://other.example/mcp; can be repeated. This client can only introspect tokens for it; it cannot sign users in."`
	AuthMethod  string   `name:"auth-method" enum:"none,client_secret_post,client_secret_basic,private_key_jwt" default:"none" placeholder:"METHOD" help:"Authentication at the token endpoint: none (a public client), client_secret_post, client_secret_basic, or private_key_jwt with --jwks or --jwks-uri. PKCE is always required."`
	JWKS        string   `name:"jwks" placeholder:"FILE" help:"With private_key_jwt: file with the public keys as a JSON Web Key Set."`
	JWKSURI     string   `name:"jwks-uri" placeholder:"URL" help:"With private_key_jwt: URL of the public keys. It must have a public address; see --cimd-allowed-networks of serve."`
	AllowHTTP   bool     `name:"allow-http" env:"MCPKEEP_ALLOW_HTTP" help:"Accept a --resource with plain http on a private network. Others on the network can read tokens."`
	ID          string   `name:"id" placeholder:"ID" help:"Client ID. Default: random."`
}

// Run registers.
func (c *clientsCreateCmd) Run(ctx context.Context, std streams) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	if len(c.RedirectURI) == 0 && len(c.Resource) == 0 {
		return badFlag("--redirect-uri", "where the client receives authorization codes, or --resource for an MCP server", "required")
	}
	return c.withClients(ctx, std, c.JSON, func(ctx context.Context, admin adminConsole) error {
		if err := admin.maySeal(ctx); err != nil {
			return err
		}
		err := admin.CreateClient(ctx, console.NewClient{
			ID: c.ID, Name: c.Name, RedirectURIs: c.RedirectURI, AuthMethod: c.AuthMethod, JWKS: keys, JWKSURI: c.JWKSURI,
			Resources: c.Resource, AllowHTTP: c.AllowHTTP,
		})
		if errors.Is(err, console.ErrBadClient) {
			return usageError{err}
		}
		return err
	})
}

// longestKeys is the maximum size of a key set file.
const longestKeys = 64 << 10

// keys reads the key set file.
func (c *clientsCreateCmd) keys() ([]byte, error) {
	if c.JWKS == "" {
		return nil, nil
	}
	keys, err := os.ReadFile(c.JWKS)
	if err == nil && len(keys) > longestKeys {
		err = errors.New("longer than 64 KiB")
	}
	if err != nil {
		return nil, &setting.Error{Flag: "--jwks", Problem: err.Error()}
	}
	return keys, nil
}

type clientsDeleteCmd struct {
	keyFlags
	jsonFlag
	yesFlag
	ID string `arg:"" help:"Client ID."`
}

// Run deletes.
func (c *clientsDeleteCmd) Run(ctx context.Context, std streams) error {
	return c.withConsole(ctx, std, c.JSON, c.yesFlag, func(ctx context.Context, admin adminConsole) error { return admin.DeleteClient(ctx, c.ID) })
}

type clientsPruneCmd struct {
	keyFlags
	jsonFlag
	yesFlag
	UnusedFor time.Duration `name:"unused-for" required:"" placeholder:"DURATION" help:"Minimum time since registration, such as 720h; at least 1h."`
	All       bool          `name:"all" help:"Include clients that an administrator or another program registered. Another program does not record use, so they may be in use there."`
	DryRun    bool          `name:"dry-run" help:"Print the number of clients without deleting any."`
}

// Help explains which clients stay.
func (*clientsPruneCmd) Help() string {
	return "Clients that have been used, or with which a sign-in is in progress, stay. Servers may keep running. " +
		"You can interrupt the command and run it again to continue."
}

// Run prunes.
func (c *clientsPruneCmd) Run(ctx context.Context, std streams) error {
	if c.UnusedFor < app.ShortestUnused {
		return badFlag("--unused-for", "1h or more, because newly registered clients may be about to sign in", "%v is out of range", c.UnusedFor)
	}
	return c.withConsole(ctx, std, c.JSON, c.yesFlag, func(ctx context.Context, admin adminConsole) error {
		return admin.PruneClients(ctx, console.Pruning{UnusedFor: c.UnusedFor, All: c.All, DryRun: c.DryRun})
	})
}
