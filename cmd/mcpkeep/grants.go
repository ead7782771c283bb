package main

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
)

type grantsCmd struct {
	List   grantsListCmd   `cmd:"" help:"List connections: which user has connected which app."`
	Revoke grantsRevokeCmd `cmd:"" help:"End a connection, or all connections of a user, a client or a period."`
}

// whoFlags select grants.
type whoFlags struct {
	User   string `name:"user" placeholder:"USER" help:"Limit to this user: user ID, login, email address, or ISSUER#SUBJECT."`
	Client string `name:"client" placeholder:"ID" help:"Limit to this client."`
}

type grantsListCmd struct {
	keyFlags
	jsonFlag
	whoFlags
}

// Run lists.
func (c *grantsListCmd) Run(ctx context.Context, std streams) error {
	return c.withConsole(ctx, std, c.JSON, yesFlag{}, func(ctx context.Context, admin adminConsole) error {
		return admin.ListGrants(ctx, console.Selection{User: c.User, Client: c.Client})
	})
}

type grantsRevokeCmd struct {
	keyFlags
	jsonFlag
	yesFlag
	whoFlags
	Since time.Time `name:"since" placeholder:"TIME" help:"Only grants approved or refreshed at or after this time, such as 2026-11-25T09:00:00Z."`
	ID    string    `arg:"" optional:"" help:"Grant ID."`
}

// Run revokes.
func (c *grantsRevokeCmd) Run(ctx context.Context, std streams) error {
	if (c.ID == "") == (c.User == "" && c.Client == "" && c.Since.IsZero()) {
		return usagef("specify either a grant ID, or --user, --client, --since or several of these")
	}
	return c.withConsole(ctx, std, c.JSON, c.yesFlag, func(ctx context.Context, admin adminConsole) error {
		if c.Since.After(admin.db.Now()) {
			return badFlag("--since", "a time in the past", "%v is in the future", c.Since.Format(time.RFC3339))
		}
		return admin.RevokeGrants(ctx, console.Selection{ID: c.ID, User: c.User, Client: c.Client, Since: c.Since})
	})
}
