package mcpserver

import (
	"context"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

type clientSummary struct {
	ClientID     string `json:"client_id" jsonschema:"Client ID to pass to get_client and delete_client."`
	ClientName   string `json:"client_name,omitempty" jsonschema:"Name that the app chose."`
	ClaimedName  string `json:"claimed_name,omitempty" jsonschema:"What an app without a name calls itself. Nothing proves it."`
	Connections  int64  `json:"connections" jsonschema:"Number of active connections, of all users."`
	RegisteredAt string `json:"registered_at,omitempty" jsonschema:"Registration time (RFC 3339, UTC). Absent if unknown."`
	Unreadable   bool   `json:"unreadable" jsonschema:"Whether the record cannot be decrypted with this server's keys."`
}

type clientList struct {
	Clients    []clientSummary `json:"clients"`
	NextCursor string          `json:"next_cursor,omitempty" jsonschema:"Cursor of the next page. Absent on the last page."`
}

func (s *service) listClients() tool {
	return tool{
		Tool: define[clientList]("list_clients", "List registered apps", reads,
			"For administrators: lists the apps (OAuth clients) registered on this server, ordered by client ID, with the number of "+
				"active connections for each. Results are paged: to get the next page, pass next_cursor as cursor.",
			pageArguments()),
		adminOnly: true, scope: oauth.ScopeAdmin,
		run: func(ctx context.Context, _ principal.Principal, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			requested, err := pageOf(r)
			if err != nil {
				return nil, err
			}
			clients, err := s.Store.ListClients(ctx, requested.after, requested.probe(), s.Now())
			if err != nil {
				return nil, err
			}
			clients, next := cutPage(requested, clients, func(c storage.ClientSummary) string { return c.Client.ID })
			list := clientList{Clients: make([]clientSummary, 0, len(clients)), NextCursor: next}
			for _, c := range clients {
				list.Clients = append(list.Clients, summaryOf(c))
			}
			return mcp.NewToolResultStructured(list, list.text()), nil
		},
	}
}

func summaryOf(c storage.ClientSummary) clientSummary {
	return clientSummary{
		ClientID:     clean(c.Client.ID, maxID),
		ClientName:   clean(c.Client.Name, maxName),
		ClaimedName:  claim(c.Client.Name, c.Client.ClaimedName),
		Connections:  c.Grants,
		RegisteredAt: stamp(c.Client.CreatedAt),
		Unreadable:   c.Unreadable,
	}
}

func (list clientList) text() string {
	var l lines
	switch len(list.Clients) {
	case 0:
		l.add("No apps are registered.")
	case 1:
		l.add("1 registered app:")
	default:
		l.add("%d registered apps:", len(list.Clients))
	}
	for _, c := range list.Clients {
		unreadable := ""
		if c.Unreadable {
			unreadable = " [record cannot be decrypted]"
		}
		l.add("- %s: connections: %d, registered %s%s", label(c.ClientName, c.ClaimedName, c.ClientID),
			c.Connections, or(c.RegisteredAt, "at an unknown time"), unreadable)
	}
	if list.NextCursor != "" {
		l.add("More results: call list_clients with cursor %q.", list.NextCursor)
	}
	return l.String()
}
