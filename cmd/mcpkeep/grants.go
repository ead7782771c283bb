package main

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/operator"
)

type grantsCmd struct {
	List   grantsListCmd   `cmd:"" help:"List who has connected which app."`
	Revoke grantsRevokeCmd `cmd:"" help:"End a connection, or those of a person or a client."`
}

// whoFlags select grants.
type whoFlags struct {
	User   string `name:"user" placeholder:"USER" help:"Of this person: user id, login, e-mail address, or ISSUER#SUBJECT."`
	Client string `name:"client" placeholder:"ID" help:"Of this client."`
}

type grantsListCmd struct {
	keyFlags
	jsonFlag
	whoFlags
}

// Run lists.
func (c *grantsListCmd) Run(ctx context.Context, std streams) error {
	return c.withDesk(ctx, std, c.JSON, yesFlag{}, func(ctx context.Context, d desk) error {
		return d.ListGrants(ctx, operator.Selection{User: c.User, Client: c.Client})
	})
}

type grantsRevokeCmd struct {
	keyFlags
	jsonFlag
	yesFlag
	whoFlags
	ID string `arg:"" optional:"" help:"Grant id."`
}

// Run revokes.
func (c *grantsRevokeCmd) Run(ctx context.Context, std streams) error {
	if (c.ID == "") == (c.User == "" && c.Client == "") {
		return usagef("want either a grant id, or --user, --client or both")
	}
	return c.withDesk(ctx, std, c.JSON, c.yesFlag, func(ctx context.Context, d desk) error {
		return d.RevokeGrants(ctx, operator.Selection{ID: c.ID, User: c.User, Client: c.Client})
	})
}
