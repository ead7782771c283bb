package main

import "context"

type usersCmd struct {
	List    usersListCmd    `cmd:"" help:"List all users who have signed in."`
	Disable usersDisableCmd `cmd:"" help:"Block a user and end their connections."`
	Enable  usersEnableCmd  `cmd:"" help:"Let a disabled user sign in again."`

	Password usersPasswordCmd `cmd:"" help:"Set a new password for the local provider's user and print it."`
}

type usersListCmd struct {
	keyFlags
	jsonFlag
}

// Run lists.
func (c *usersListCmd) Run(ctx context.Context, std streams) error {
	return c.withConsole(ctx, std, c.JSON, yesFlag{}, func(ctx context.Context, admin adminConsole) error { return admin.ListUsers(ctx) })
}

// userArg names a user.
type userArg struct {
	User string `arg:"" help:"User ID, login, email address, or ISSUER#SUBJECT."`
}

type usersDisableCmd struct {
	keyFlags
	jsonFlag
	yesFlag
	userArg
}

// Run disables.
func (c *usersDisableCmd) Run(ctx context.Context, std streams) error {
	return c.withConsole(ctx, std, c.JSON, c.yesFlag, func(ctx context.Context, admin adminConsole) error { return admin.DisableUser(ctx, c.User) })
}

type usersEnableCmd struct {
	keyFlags
	jsonFlag
	yesFlag
	userArg
}

// Run enables.
func (c *usersEnableCmd) Run(ctx context.Context, std streams) error {
	return c.withConsole(ctx, std, c.JSON, c.yesFlag, func(ctx context.Context, admin adminConsole) error { return admin.EnableUser(ctx, c.User) })
}
