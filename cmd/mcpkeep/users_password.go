package main

import (
	"context"
	"fmt"

	"github.com/mcpkeep/mcpkeep/internal/app"
)

type usersPasswordCmd struct {
	keyFlags
	yesFlag
}

// Help says whose password it is.
func (*usersPasswordCmd) Help() string {
	return "With the provider local, one user signs in with a password. The server may keep running; existing connections continue. " +
		"If the server has MCPKEEP_LOCAL_PASSWORD, change that variable instead: it sets the password at each start."
}

// Run replaces the password and prints the new one.
func (c *usersPasswordCmd) Run(ctx context.Context, std streams) error {
	return c.withConsole(ctx, std, false, c.yesFlag, func(ctx context.Context, admin adminConsole) error {
		if err := admin.maySeal(ctx); err != nil {
			return err
		}
		if err := c.confirm(ctx, std)("The current password stops working; existing connections continue until `mcpkeep grants revoke --user owner`."); err != nil {
			return err
		}
		password, err := app.NewPassword(ctx, admin.store, admin.db.Now())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "The new password (shown only now):\n\n    %s\n", password)
		return err
	})
}
