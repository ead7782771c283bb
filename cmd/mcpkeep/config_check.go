package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// configCmd is about the configuration file.
type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Say what is wrong with the file, as serve does, without starting."`
}

type configCheckCmd struct {
	File string `arg:"" name:"file" help:"YAML or JSON file with the mcpServers object."`
}

// Help says what is compared with what.
func (*configCheckCmd) Help() string {
	return "The variables that the file refers to must be set, and the files that it names must be there. " +
		"The exit status is 2 if serve would refuse the file."
}

// Run prints warnings and what the file comes to.
func (c *configCheckCmd) Run(std streams) error {
	file, err := app.ReadUpstreams(c.File)
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
