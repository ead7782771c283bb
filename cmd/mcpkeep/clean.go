package main

import (
	"context"
	"fmt"
	"net"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/cleaner"
	"github.com/mcpkeep/mcpkeep/internal/console"
)

// cleanCmd does once what servers do from time to time. A server whose processor is taken away
// between requests may not get to it.
type cleanCmd struct {
	serveFlags
	jsonFlag
}

// Help explains the command.
func (*cleanCmd) Help() string {
	return "Deletes expired sign-ins, codes, tokens and connections, old events, and clients past MCPKEEP_CLIENT_UNUSED_TTL, and returns tokens " +
		"that are not needed any more to the sign-in provider. Use the settings of serve: without MCPKEEP_PROVIDER, the provider's tokens stay. " +
		"Servers may keep running. If one of them cleans right now, or did in the last four minutes, the command leaves it at that. " +
		"You can interrupt it and run it again to continue."
}

type cleanedJSON struct {
	Cleaned        bool  `json:"cleaned"` // false: a server did
	Rows           int64 `json:"rows"`
	ProviderTokens int64 `json:"provider_tokens"`
}

// Run cleans.
func (c *cleanCmd) Run(ctx context.Context, std streams) error {
	checked, err := c.settings()
	if err != nil {
		return err
	}
	return c.withConsole(ctx, std, c.JSON, yesFlag{}, func(ctx context.Context, admin adminConsole) error {
		by := checked.Cleaner(admin.store, admin.db, newLogger(std.err, "text", "warn", nil))
		if c.Provider == "" { // whose tokens these are is not known
			by.ReturnTokens = func(context.Context, int) (int, error) { return 0, nil }
		}
		done, held, err := by.Once(ctx)
		if err == nil || held {
			c.print(std, done, held)
		}
		return err
	})
}

// settings returns what the settings come to. The base URL makes no difference.
func (c *cleanCmd) settings() (app.Checked, error) {
	base, err := c.publicURL(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80})
	if err != nil {
		return app.Checked{}, err
	}
	cfg, err := c.config(base, nil)
	if err != nil {
		return app.Checked{}, err
	}
	checked, problems := app.SettingsOf(cfg).Check(true)
	if len(problems) > 0 {
		return checked, c.named(problems[0])
	}
	return checked, nil
}

func (c *cleanCmd) print(std streams, done cleaner.Cleaned, held bool) {
	switch {
	case c.JSON:
		_ = console.WriteJSON(std.out, cleanedJSON{held, done.Rows, done.ProviderTokens})
	case !held:
		_, _ = fmt.Fprintln(std.out, "a server cleans right now, or did in the last four minutes: nothing was done")
	default:
		_, _ = fmt.Fprintf(std.out, "removed %s, returned %s to the sign-in provider\n",
			counted(done.Rows, "row"), counted(done.ProviderTokens, "token"))
	}
}

// counted is a number of things.
func counted(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
