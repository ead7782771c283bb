package app

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/term"

	"github.com/mcpkeep/mcpkeep/internal/metrics"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// Host is what a program adds that runs mcpkeep as a whole, such as cmd/mcpkeep. It is
// handed to mcpkeep.Open in the context.
type Host struct {
	// Loopback: the program listens on an address of this machine alone.
	Loopback bool
	// Listen is called once database and keys are open. It returns the addresses on
	// loopback, none when it listens elsewhere.
	Listen func(context.Context) (Addresses, error)
	// ShowPassword shows the local provider's password that was made just now on a terminal;
	// nil without one.
	ShowPassword func(password string)
	// RefuseEphemeral: a database file that goes away with the container stops the start.
	RefuseEphemeral bool
	// Upstreams are the MCP servers behind this one. The built-in tools are at ToolsPath then.
	Upstreams []upstreams.Upstream
	// RequestLog says how requests are logged.
	RequestLog server.RequestLog
	// Metrics count what happens, see NewMetrics; nil for none.
	Metrics *metrics.Metrics
	Version string // of the program
	// Inspect finds what is wrong with the deployment, without a look from outside; nil for no
	// such look.
	Inspect func(context.Context) []server.Finding
	App     *App // set by Open
}

type hostKey struct{}

// WithHost returns a context for mcpkeep.Open.
func WithHost(ctx context.Context, h *Host) context.Context {
	return context.WithValue(ctx, hostKey{}, h)
}

// hostOf returns the host in the context, or that of a program which only serves a
// handler.
func hostOf(ctx context.Context, s Settings) *Host {
	if h, ok := ctx.Value(hostKey{}).(*Host); ok {
		return h
	}
	return &Host{Loopback: LoopbackURL(s.BaseURL)}
}

// listen returns where a server with this base URL listens.
func (h *Host) listen(ctx context.Context, baseURL string) (Addresses, error) {
	if h.Listen == nil { // the program listens by itself, and knows where
		return Addresses{Names: loopbackNames(baseURL)}, nil
	}
	return h.Listen(ctx)
}

// terminal returns what shows a password on a terminal, nil without one: what is printed
// elsewhere ends up in logs. A program that says nothing of it may have one at its errors.
func (h *Host) terminal() func(password string) {
	if h.ShowPassword == nil && h.Listen == nil && term.IsTerminal(int(os.Stderr.Fd())) {
		return func(password string) {
			_, _ = fmt.Fprintf(os.Stderr, "mcpkeep: sign in with this password (shown only now): %s\n", password)
		}
	}
	return h.ShowPassword
}

// version is the program's, or else that of this module in it.
func (h *Host) version() string {
	if h.Version != "" {
		return h.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/mcpkeep/mcpkeep" {
				return dep.Version
			}
		}
	}
	return "(devel)"
}
