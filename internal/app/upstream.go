package app

import (
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// ToolsPath is where the built-in tools are when an upstream is at /mcp.
const ToolsPath = "/mcpkeep/mcp"

// Limits of an upstream.
const (
	upstreamName    = "default"
	upstreamConnect = 5 * time.Second
	upstreamAnswer  = 10 * time.Minute
	upstreamBody    = 4 << 20
)

// openUpstream returns the MCP server behind this one, nil for none. One in the operator's own
// network learns who calls; a third party does not.
func (a *App) openUpstream() (*gateway.Upstream, error) {
	target := a.host.Upstream
	if target == nil {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	return gateway.New(gateway.Config{
		Name: upstreamName, Target: *target, Identify: target.Near(), Connect: upstreamConnect, Answer: upstreamAnswer,
		MaxBody: upstreamBody, Sessions: a.keys, Logger: a.log,
	})
}

// behind are the endpoints with an upstream.
func (a *App) behind() []server.Resource {
	return []server.Resource{
		{Path: oauth.DefaultPath, Watched: true, Handler: a.upstream},
		{Path: ToolsPath, Ends: true, Handler: a.tools()},
	}
}
