package app

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
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
		States: states{a.keys, "stdio/state/" + entry.Name}, Live: a.isLive, Logger: a.log, Called: a.called,
	})
}

// states seals request states for one server with the encryption keys, as every replica can.
type states struct {
	keys  *keyring.Keyring
	place string
}

// Seal implements stdio.States.
func (s states) Seal(plaintext []byte) (string, error) {
	sealed, err := s.keys.Seal(s.place, plaintext)
	return sealed.KeyID + "." + sealed.Token, err
}

// Open implements stdio.States. A key that no longer seals still opens.
func (s states) Open(text string) ([]byte, bool) {
	keyID, token, _ := strings.Cut(text, ".")
	plaintext, err := s.keys.Open(s.place, keyring.Sealed{KeyID: keyID, Token: token})
	return plaintext, err == nil
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
