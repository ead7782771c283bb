package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/setting"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// configCmd is about the configuration file.
type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Say what is wrong with the file, as serve does, without starting."`
}

type configCheckCmd struct {
	File     string `arg:"" name:"file" help:"YAML or JSON file with the mcpServers object."`
	Provider string `name:"provider" env:"MCPKEEP_PROVIDER" placeholder:"NAME" help:"Sign-in provider of the server, on which it depends what allow and provider_token can say. Default none: that is not compared."`
}

// Help says what is compared with what.
func (*configCheckCmd) Help() string {
	return "The variables that the file refers to must be set, and the files that it names must be there. " +
		"Name the sign-in provider, as for serve, to have lists of users and groups checked as well. " +
		"The exit status is 2 if serve would refuse the file."
}

// Run prints warnings and what the file comes to.
func (c *configCheckCmd) Run(std streams) error {
	file, err := app.ReadUpstreams(c.File)
	if err == nil && setting.Trim(c.Provider) != "" {
		err = app.CheckUpstreams(c.Provider, file.Upstreams)
	}
	if err != nil {
		return err
	}
	for _, w := range file.Warnings {
		_, _ = fmt.Fprintf(std.err, "%s\n", oneLine(w.String()))
	}
	for _, u := range file.Upstreams {
		if _, err := fmt.Fprintf(std.out, "%s at %s: %s\n", u.Name, u.Path(), u.Where()); err != nil {
			return err
		}
	}
	return nil
}

// warn logs what a configuration file says without effect.
func warn(ctx context.Context, log *slog.Logger, file upstreams.File) {
	for _, w := range file.Warnings {
		log.WarnContext(ctx, "setting without effect", "warning", w.String())
	}
}
