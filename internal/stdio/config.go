package stdio

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
)

// Config describes an MCP server that speaks stdio.
type Config struct {
	Name          string // in logs
	Mode          Mode
	Launch        Launch
	Processes     int           // how many run at the same time
	PerUser       int           // how many of those work for one user
	Idle          time.Duration // after which a process that no one uses ends; 0 for never
	Start         time.Duration // limit for a start, with the handshake
	Answer        time.Duration // limit for the first word about a call; 0 for none
	Silence       time.Duration // limit for silence after that; 0 for none
	MaxBody       int           // bytes of a request
	MaxConcurrent int           // calls that one user may have running
	Version       string        // of mcpkeep, for shared servers
	// Live reports whether a grant still lets its client act. It may be nil: the sessions of a
	// grant that is revoked end with its next request, or when they are idle, then.
	Live   func(ctx context.Context, grantID string) bool
	States States
	Logger *slog.Logger
	Called func(audit.Call) // notes a call of a tool, without waiting; nil for no one
}

// check names what is missing.
func (cfg Config) check() error {
	switch {
	case cfg.Mode != PerSession && cfg.Mode != PerPerson && cfg.Mode != Shared:
		return errors.New("a stdio server needs a mode")
	case cfg.Launch == nil || cfg.Logger == nil || cfg.States == nil:
		return errors.New("a stdio server needs a command, a logger and a seal of states")
	case cfg.Processes <= 0 || cfg.PerUser <= 0 || cfg.Idle < 0 || cfg.Answer < 0 || cfg.Silence < 0 || cfg.Start <= 0 || cfg.MaxBody <= 0 || cfg.MaxConcurrent <= 0:
		return errors.New("a stdio server needs limits")
	}
	return nil
}
