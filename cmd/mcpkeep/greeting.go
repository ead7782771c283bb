package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/app"
)

// greeting prints the ready line, and the next step for new users. A password that
// is made earlier waits for it.
type greeting struct {
	std streams

	mu    sync.Mutex
	said  bool
	fresh string // password
}

// ready prints all of it.
func (g *greeting) ready(ctx context.Context, a *app.App, addr net.Addr, secure bool, started time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	scheme := "http"
	if secure {
		scheme = "https"
	}
	_, _ = fmt.Fprintf(g.std.out, "listening on %s://%s (database %s, schema %d, ready in %v)\n",
		scheme, addr, a.Engine(), a.Schema(ctx), time.Since(started).Round(time.Millisecond))
	if g.fresh != "" || isTerminal(g.std.out) {
		what := "this URL"
		if len(a.Endpoints()) > 1 {
			what = "one of these URLs"
		}
		_, _ = fmt.Fprintf(g.std.out, "\nPaste %s into your MCP client:\n\n    %s\n\n", what, strings.Join(a.Endpoints(), "\n    "))
	}
	if hint := a.PasswordHint(); hint != "" && g.fresh == "" {
		_, _ = fmt.Fprintln(g.std.out, hint)
	}
	g.said = true
	g.show()
}

// shown returns what shows a password, nil without a terminal.
func (g *greeting) shown() func(password string) {
	if !isTerminal(g.std.out) {
		return nil
	}
	return g.password
}

// password shows a password that was made just now, once and for all.
func (g *greeting) password(password string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fresh = password
	if g.said {
		g.show()
	}
}

func (g *greeting) show() {
	if g.fresh != "" {
		_, _ = fmt.Fprintf(g.std.out, "It will open a page in your browser that asks for this password (shown only now):\n\n    %s\n\n", g.fresh)
	}
}
