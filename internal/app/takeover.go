package app

import (
	"cmp"
	"log/slog"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/adopt"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// Takeover is what the settings say about a FastMCP server whose place mcpkeep takes.
type Takeover struct {
	Verifier    *fastmcp.Verifier // nil when its tokens are not looked at
	LegacyUntil time.Time
	Scopes      []string // that its clients ask for
	Callback    string   // where the provider sends users back
	Resource    string   // the MCP endpoint
	IssuerSlash bool     // metadata have FastMCP's form of the issuer
}

// Takeover returns it, for a base URL that is known.
func (c Checked) Takeover() Takeover {
	return Takeover{
		Verifier: c.verifier(), LegacyUntil: c.settings.FastMCP.LegacyUntil, Scopes: strings.Fields(c.FastMCP.scope),
		Callback: c.BaseURL + cmp.Or(c.settings.Provider.CallbackPath, server.DefaultCallbackPath), Resource: c.BaseURL + oauth.DefaultPath,
		IssuerSlash: c.settings.FastMCP.IssuerSlash,
	}
}

// Adopter takes over sessions as a server with these settings does.
func (c Checked) Adopter(store adopt.Store, log *slog.Logger) *adopt.Adopter {
	resource := oauth.Resource{URI: c.BaseURL + oauth.DefaultPath}
	return adopt.New(adopt.Config{
		Store: store, Verifier: c.verifier(), Provider: c.Provider, Policy: c.Policy, Scope: resource.RequiredScope(), Resource: resource.URI,
		Grace: c.Lifetimes.ProviderGrace, LegacyUntil: c.settings.FastMCP.LegacyUntil, Logger: log, Now: time.Now,
	})
}
