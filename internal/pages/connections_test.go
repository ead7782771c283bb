package pages_test

import (
	"time"

	"github.com/mcpkeep/mcpkeep/internal/pages"
)

// connected is a page with apps of each kind.
func connected() pages.Connections {
	day := time.Date(2026, 11, 2, 9, 5, 0, 0, time.UTC)
	verified := claude
	verified.Verified = true
	end := func(text string) *pages.Link { return &pages.Link{Text: text, Href: "/connections/end?client=x"} }
	return pages.Connections{
		Admin:  &pages.Link{Text: "Administration", Href: "/admin"},
		Server: server, SignedInAs: "octocat", Provider: "GitHub", More: true, EndAll: end("End all"), SignOut: form,
		Apps: []pages.App{
			{
				Client: claudeCode, Resource: "Example Notes", Scopes: scopes, End: end("End access"),
				Connections: []pages.Connection{
					{Since: day.Add(48 * time.Hour), LastUsed: day.Add(72 * time.Hour), RedirectURI: "http://localhost/callback", End: end("End this connection")},
					{Since: day, LastUsed: day.Add(time.Hour), Adopted: true, End: end("End this connection")},
				},
			},
			{
				Client: verified, Resource: "Example Notes", End: end("End access"),
				Connections: []pages.Connection{{Since: day, LastUsed: day, RedirectURI: verified.RedirectURI, End: end("End this connection")}},
			},
			{
				Client: published(claude, false), Resource: "Tickets", Scopes: scopes[:1], End: end("End access"),
				Connections: []pages.Connection{{Since: day, LastUsed: day, RedirectURI: "cursor://anysphere.cursor-mcp/cb", End: end("End this connection")}},
			},
		},
		Events: []pages.Happening{
			{At: day.Add(72 * time.Hour), Text: "“Claude Code” renewed its access."},
			{At: day, Text: "You approved “Claude Code”."},
		},
	}
}
