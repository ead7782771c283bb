package main

import "context"

type usersCmd struct {
	List    usersListCmd    `cmd:"" help:"List everybody who has signed in."`
	Disable usersDisableCmd `cmd:"" help:"Keep a person out and end their connections."`
	Enable  usersEnableCmd  `cmd:"" help:"Let a disabled person sign in again."`
}

type usersListCmd struct {
	keyFlags
	jsonFlag
}

// Run lists.
func (c *usersListCmd) Run(ctx context.Context, std streams) error {
	return c.withDesk(ctx, std, c.JSON, yesFlag{}, func(ctx context.Context, d desk) error { return d.ListUsers(ctx) })
}

// userArg names a person.
type userArg struct {
	User string `arg:"" help:"User id, login, e-mail address, or ISSUER#SUBJECT."`
}

type usersDisableCmd struct {
	keyFlags
	jsonFlag
	yesFlag
	userArg
}

// Run disables.
func (c *usersDisableCmd) Run(ctx context.Context, std streams) error {
	return c.withDesk(ctx, std, c.JSON, c.yesFlag, func(ctx context.Context, d desk) error { return d.DisableUser(ctx, c.User) })
}

type usersEnableCmd struct {
	keyFlags
	jsonFlag
	yesFlag
	userArg
}

// Run enables.
func (c *usersEnableCmd) Run(ctx context.Context, std streams) error {
	return c.withDesk(ctx, std, c.JSON, c.yesFlag, func(ctx context.Context, d desk) error { return d.EnableUser(ctx, c.User) })
}
