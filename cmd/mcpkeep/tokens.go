package main

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/setting"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// personalFlags say who may have tokens for scripts.
type personalFlags struct {
	PersonalTokens string `name:"personal-tokens" env:"MCPKEEP_PERSONAL_TOKENS" default:"off" placeholder:"WHO" help:"Who may make and use tokens for scripts, each for themselves: off (no one; existing ones are refused), on (everyone who may sign in), admins (administrators)."`
}

type tokensCmd struct {
	Create tokensCreateCmd `cmd:"" help:"Make a token for a script that acts for a user, and print it."`
	List   tokensListCmd   `cmd:"" help:"List tokens for scripts."`
	Revoke tokensRevokeCmd `cmd:"" help:"End a token for a script."`
}

type tokensCreateCmd struct {
	keyFlags
	jsonFlag
	personalFlags
	Admins   []string      `name:"admins" env:"MCPKEEP_ADMINS" placeholder:"WHO" help:"As for serve: with --personal-tokens=admins, the user must be one of them."`
	User     string        `name:"user" required:"" placeholder:"USER" help:"The user it acts for: user ID, login, email address, or ISSUER#SUBJECT."`
	Name     string        `name:"name" required:"" placeholder:"NAME" help:"What the user will know it by."`
	Resource []string      `name:"resource" required:"" sep:"none" placeholder:"URL" help:"MCP endpoint that it is for, such as https://mcp.example.com/mcp; can be repeated."`
	Scope    []string      `name:"scope" placeholder:"SCOPE" default:"mcp" help:"What it may do, such as mcp or a scope that an MCP server offers."`
	For      time.Duration `name:"for" default:"2160h" placeholder:"DURATION" help:"How long it lasts, at most 8784h."`
}

// Help says what the token is.
func (*tokensCreateCmd) Help() string {
	return "The token is shown once. It is a connection of the user, and ends with the user's access. " +
		"A user of a sign-in provider must have signed in lately or have a connected app, because the provider is asked about them."
}

// Run makes one.
func (c *tokensCreateCmd) Run(ctx context.Context, std streams) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.withConsole(ctx, std, c.JSON, yesFlag{}, func(ctx context.Context, admin adminConsole) error {
		if err := admin.maySeal(ctx); err != nil {
			return err
		}
		err := admin.CreateToken(ctx, console.NewToken{
			User: c.User, Name: c.Name, Resources: c.Resource, Scopes: c.Scope, Life: c.For, May: c.may, Local: identity.Local{}.Issuer(),
		})
		if errors.Is(err, console.ErrBadToken) {
			return usageError{err}
		}
		return err
	})
}

func (c *tokensCreateCmd) check() error {
	switch mode := setting.Trim(c.PersonalTokens); {
	case mode == app.PersonalOff || mode == "":
		return setting.Errorf("MCPKEEP_PERSONAL_TOKENS", "on or admins, as for serve", "off: servers would refuse the token")
	case mode != app.PersonalOn && mode != app.PersonalAdmins:
		return setting.Errorf("MCPKEEP_PERSONAL_TOKENS", "off, on or admins", "%q is not known", mode)
	case c.For < time.Minute || c.For > storage.PersonalTokenLife:
		return badFlag("--for", "1m to 8784h", "%v is out of range", c.For)
	}
	return nil
}

// may reports whether a user may have tokens.
func (c *tokensCreateCmd) may(p storage.Person) bool {
	return setting.Trim(c.PersonalTokens) == app.PersonalOn || app.IsAdmin(c.Admins, p)
}

type tokensListCmd struct {
	keyFlags
	jsonFlag
	User string `name:"user" placeholder:"USER" help:"Limit to this user: user ID, login, email address, or ISSUER#SUBJECT."`
}

// Run lists.
func (c *tokensListCmd) Run(ctx context.Context, std streams) error {
	return c.withConsole(ctx, std, c.JSON, yesFlag{}, func(ctx context.Context, admin adminConsole) error {
		return admin.ListTokens(ctx, c.User)
	})
}

type tokensRevokeCmd struct {
	keyFlags
	jsonFlag
	yesFlag
	ID string `arg:"" help:"ID from the list."`
}

// Run ends one.
func (c *tokensRevokeCmd) Run(ctx context.Context, std streams) error {
	return c.withConsole(ctx, std, c.JSON, c.yesFlag, func(ctx context.Context, admin adminConsole) error {
		return admin.RevokeToken(ctx, c.ID)
	})
}
