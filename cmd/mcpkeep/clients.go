package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/operator"
)

type clientsCmd struct {
	List   clientsListCmd   `cmd:"" help:"List registered clients."`
	Show   clientsShowCmd   `cmd:"" help:"Show a client."`
	Create clientsCreateCmd `cmd:"" help:"Register a client, and print its id and secret."`
	Delete clientsDeleteCmd `cmd:"" help:"Delete a client and end its connections."`
	Prune  clientsPruneCmd  `cmd:"" help:"Delete clients that nobody ever signed in with."`
}

type clientsListCmd struct {
	keyFlags
	jsonFlag
	Unused bool `name:"unused" help:"Only those that nobody has signed in with."`
}

// Run lists.
func (c *clientsListCmd) Run(ctx context.Context, std streams) error {
	return c.withDesk(ctx, std, c.JSON, yesFlag{}, func(ctx context.Context, d desk) error { return d.ListClients(ctx, c.Unused) })
}

type clientsShowCmd struct {
	keyFlags
	jsonFlag
	ID string `arg:"" help:"Client id."`
}

// Run shows one.
func (c *clientsShowCmd) Run(ctx context.Context, std streams) error {
	return c.withDesk(ctx, std, c.JSON, yesFlag{}, func(ctx context.Context, d desk) error { return d.ShowClient(ctx, c.ID) })
}

type clientsCreateCmd struct {
	keyFlags
	jsonFlag
	Name        string   `name:"name" required:"" placeholder:"NAME" help:"Name that people see when they are asked."`
	RedirectURI []string `name:"redirect-uri" required:"" sep:"none" placeholder:"URI" help:"Where it takes authorization codes; may be given several times."`
	AuthMethod  string   `name:"auth-method" enum:"none,client_secret_post,client_secret_basic,private_key_jwt" default:"none" placeholder:"METHOD" help:"How it authenticates at the token endpoint: none (a public client), client_secret_post, client_secret_basic, or private_key_jwt with --jwks or --jwks-uri. PKCE is required of all."`
	JWKS        string   `name:"jwks" placeholder:"FILE" help:"With private_key_jwt: its public keys, a JSON Web Key Set."`
	JWKSURI     string   `name:"jwks-uri" placeholder:"URL" help:"With private_key_jwt: where it publishes them; they are fetched from public addresses only, see serve's --cimd-allowed-networks."`
	ID          string   `name:"id" placeholder:"ID" help:"Its client id. Default a random one."`
}

// Run registers.
func (c *clientsCreateCmd) Run(ctx context.Context, std streams) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	return c.withDesk(ctx, std, c.JSON, yesFlag{}, func(ctx context.Context, d desk) error {
		if err := d.maySeal(ctx); err != nil {
			return err
		}
		err := d.CreateClient(ctx, operator.NewClient{
			ID: c.ID, Name: c.Name, RedirectURIs: c.RedirectURI, AuthMethod: c.AuthMethod, JWKS: keys, JWKSURI: c.JWKSURI,
		})
		if errors.Is(err, operator.ErrBadClient) {
			return usageError{err}
		}
		return err
	})
}

// longestKeys bounds a file of keys.
const longestKeys = 64 << 10

// keys reads the key set's file.
func (c *clientsCreateCmd) keys() ([]byte, error) {
	if c.JWKS == "" {
		return nil, nil
	}
	keys, err := os.ReadFile(c.JWKS)
	if err == nil && len(keys) > longestKeys {
		err = errors.New("longer than 64 KiB")
	}
	if err != nil {
		return nil, usageError{fmt.Errorf("--jwks: %w", err)}
	}
	return keys, nil
}

type clientsDeleteCmd struct {
	keyFlags
	jsonFlag
	yesFlag
	ID string `arg:"" help:"Client id."`
}

// Run deletes.
func (c *clientsDeleteCmd) Run(ctx context.Context, std streams) error {
	return c.withDesk(ctx, std, c.JSON, c.yesFlag, func(ctx context.Context, d desk) error { return d.DeleteClient(ctx, c.ID) })
}

type clientsPruneCmd struct {
	keyFlags
	jsonFlag
	yesFlag
	UnusedFor time.Duration `name:"unused-for" required:"" placeholder:"DURATION" help:"Registered at least so long ago, such as 720h; at least 1h."`
	All       bool          `name:"all" help:"Also those that an operator or another program registered. Another program does not record whether they are used: they may be in use there."`
	DryRun    bool          `name:"dry-run" help:"Say how many there are, and delete none."`
}

// Help tells what stays.
func (*clientsPruneCmd) Help() string {
	return "A client with which somebody has signed in once, or is signing in, stays. Servers may run meanwhile. " +
		"It may be interrupted at any time; run again, it goes on."
}

// Run prunes.
func (c *clientsPruneCmd) Run(ctx context.Context, std streams) error {
	if c.UnusedFor < shortestUnusedTTL {
		return usageError{fmt.Errorf("--unused-for: %v is out of range; want 1h or more: whoever registers now may be about to sign in", c.UnusedFor)}
	}
	return c.withDesk(ctx, std, c.JSON, c.yesFlag, func(ctx context.Context, d desk) error {
		return d.PruneClients(ctx, operator.Pruning{UnusedFor: c.UnusedFor, All: c.All, DryRun: c.DryRun})
	})
}
