package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// adoptCmd is about the sessions of a FastMCP server whose place mcpkeep takes.
type adoptCmd struct {
	serveFlags
	jsonFlag
	yesFlag
	Check  bool    `name:"check" help:"Only report what is stored, what can be taken over, and which settings to use. Changes nothing."`
	Token  string  `name:"token" placeholder:"-" help:"Only report whether one token would be taken over, or what keeps it from that: - reads it from standard input. Changes nothing."`
	From   string  `name:"from" placeholder:"SOURCE" help:"A store of FastMCP outside of the database: a directory (FASTMCP_HOME, or the one with the data), redis://HOST:PORT/DB or rediss://…, or file:PATH of a file with such a URL. FastMCP must not run."`
	Prefix string  `name:"prefix" placeholder:"PREFIX" help:"With --from: the prefix of its collections, that of PrefixCollectionsWrapper."`
	Rate   float64 `name:"rate" default:"5" placeholder:"N" help:"Most questions to the sign-in provider per second."`
	Renew  bool    `name:"renew" help:"Also take over sessions whose token at the provider has expired, by renewing it. FastMCP must not run."`
}

// Help explains the command.
func (*adoptCmd) Help() string {
	return "Use the settings of serve. A server takes sessions of FastMCP over by itself, when their tokens come; this command does it ahead, " +
		"for all that are live, and copies the rows of a store outside of the database into it. You can interrupt it and run it again to continue, " +
		"while servers run. --check and --token tell beforehand how it will go, with or without --from."
}

// errAdoption ends a report with status 1.
var errAdoption = errors.New("the takeover would fail")

// Run reports or adopts.
func (c *adoptCmd) Run(ctx context.Context, std streams) error {
	switch {
	case c.Token != "" && c.Token != "-":
		return badFlag("--token", "-", "a token on the command line can be seen by others") // and is not printed
	case c.Prefix != "" && c.From == "":
		return badFlag("--prefix", "the third part of MCPKEEP_FASTMCP_TABLE for a table", "it is the prefix of a store of --from")
	case c.Rate <= 0 || c.Rate > 10_000:
		return badFlag("--rate", "a number up to 10000", "%v is out of range", c.Rate)
	}
	t, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	switch {
	case c.Check && c.Token != "":
		report := c.check(ctx, std, t)
		if report != nil && !errors.Is(report, errAdoption) {
			return report
		}
		if err := c.explain(ctx, std, t); err != nil {
			return err
		}
		return report
	case c.Check:
		return c.check(ctx, std, t)
	case c.Token != "":
		return c.explain(ctx, std, t)
	}
	return c.adopt(ctx, std, t)
}

// settings returns what the settings come to, and what is wrong with them.
func (c *adoptCmd) settings() (app.Checked, []error) {
	var wrong []error
	addr, loopback := &net.TCPAddr{IP: net.IPv4zero}, false
	listen, err := c.listenAddress()
	if err == nil {
		addr, loopback = assumedAddress(listen)
	} else {
		wrong = append(wrong, err)
	}
	base, err := c.publicURL(addr)
	if err != nil {
		wrong = append(wrong, err)
		base = "http://127.0.0.1" // any will do for the other settings
	}
	cfg, err := c.config(base, nil)
	if err != nil {
		wrong = append(wrong, err)
	}
	checked, problems := app.SettingsOf(cfg).Check(loopback)
	for _, err := range problems {
		wrong = append(wrong, c.named(err))
	}
	return checked, wrong
}

// openForReading opens the database of a command that changes nothing: mcpkeep may never have
// started on it.
func (f *databaseFlags) openForReading(ctx context.Context) (*db.DB, error) {
	if err := f.exists(); err != nil {
		return nil, err
	}
	d, err := db.OpenToRead(ctx, f.url())
	if errors.Is(err, db.ErrBadURL) {
		return nil, setting.Errorf("DATABASE_URL", "sqlite:PATH or a PostgreSQL URL or DSN", "%v", err)
	}
	if err == nil {
		err = d.Ping(ctx)
	}
	if err != nil && d != nil {
		_ = d.Close()
	}
	return d, err
}

// source is the setting of --from, which may be in a file: a URL has a password.
func (c *adoptCmd) source() (string, error) {
	source, err := setting.Secret(c.From)
	if err != nil {
		return "", fmt.Errorf("--from: %w", err)
	}
	return source, nil
}

// quiet is the log of commands that print their own results.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
