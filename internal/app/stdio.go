package app

import (
	"context"
	"errors"
	"os"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/process"
	"github.com/mcpkeep/mcpkeep/internal/stdio"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// openCommand returns an upstream for an entry with a command.
func (a *App) openCommand(entry upstreams.Upstream) (*stdio.Upstream, error) {
	limits := entry.Command.Limits
	return stdio.New(stdio.Config{
		Name: entry.Name, Mode: stdio.Mode(entry.Command.Process), Launch: a.launcher(entry),
		Processes: limits.Processes, PerUser: limits.PerPerson, Idle: limits.Idle, Start: limits.Start, Answer: entry.Answer, Silence: entry.Idle,
		MaxBody: entry.MaxBody, MaxConcurrent: entry.MaxConcurrent, Version: a.host.version(),
		Live: a.isLive, Logger: a.log, Called: a.calls.Add,
	})
}

// isLive reports whether a grant still lets its client act. A database that does not answer
// ends nothing.
func (a *App) isLive(ctx context.Context, grantID string) bool {
	_, _, err := a.store.LiveGrant(ctx, grantID, a.db.Now())
	return !errors.Is(err, storage.ErrNotFound)
}

// launcher starts the processes of an entry. What they write to standard error goes to the log.
func (a *App) launcher(entry upstreams.Upstream) stdio.Launch {
	return func(_ context.Context, p principal.Principal, label string) (stdio.Process, error) {
		var identity map[string]string
		if p.User.ID != "" {
			identity = gateway.Variables(p)
		}
		command := entry.Command.Run(entry.Command.Environ(os.Environ(), identity))
		command.Stderr = func(line string) {
			a.log.Info("server's standard error", "upstream", entry.Name, "session", label, "line", line) //nolint:sloglint // no request's
		}
		started, err := process.Start(command)
		if err != nil {
			return stdio.Process{}, err
		}
		return stdio.Process{
			Stdin: started.Stdin, Stdout: started.Stdout, Done: started.Done(), Gone: started.Gone(), Stop: started.Stop, Kill: started.Kill,
		}, nil
	}
}
