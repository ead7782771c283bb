package mcpserver

import (
	"context"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

type clientSummary struct {
	ClientID     string `json:"client_id" jsonschema:"Id to pass to get_client and delete_client."`
	ClientName   string `json:"client_name,omitempty" jsonschema:"Name the app gave itself."`
	Connections  int64  `json:"connections" jsonschema:"How many connections of all people use it now."`
	RegisteredAt string `json:"registered_at,omitempty" jsonschema:"When it registered (RFC 3339, UTC). Absent when unknown."`
	Unreadable   bool   `json:"unreadable" jsonschema:"Whether its record does not open with the keys this server has."`
}

type clientList struct {
	Clients    []clientSummary `json:"clients"`
	NextCursor string          `json:"next_cursor,omitempty" jsonschema:"Cursor of the next page. Absent on the last one."`
}

func (s *service) listClients() tool {
	return tool{
		Tool: define[clientList]("list_clients", "List registered apps", reads,
			"For administrators: lists the apps (OAuth clients) registered on this server, ordered by client id, with the number of "+
				"connections that people have through each. Long lists come in pages: go on with cursor = next_cursor.",
			pageArguments()),
		adminOnly: true, scope: oauth.ScopeAdmin,
		run: func(ctx context.Context, _ Caller, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			p, err := pageOf(r)
			if err != nil {
				return nil, err
			}
			clients, err := s.Store.ListClients(ctx, p.after, p.probe(), s.Now())
			if err != nil {
				return nil, err
			}
			clients, next := cutPage(p, clients, func(c storage.ClientSummary) string { return c.Client.ID })
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
		Connections:  c.Grants,
		RegisteredAt: stamp(c.Client.CreatedAt),
		Unreadable:   c.Unreadable,
	}
}

func (list clientList) text() string {
	var l lines
	switch len(list.Clients) {
	case 0:
		l.add("No registered apps here.")
	case 1:
		l.add("1 registered app:")
	default:
		l.add("%d registered apps:", len(list.Clients))
	}
	for _, c := range list.Clients {
		unreadable := ""
		if c.Unreadable {
			unreadable = " [record does not open]"
		}
		l.add("- %s: connections: %d, registered %s%s", label(c.ClientName, c.ClientID),
			c.Connections, or(c.RegisteredAt, "at an unknown time"), unreadable)
	}
	if list.NextCursor != "" {
		l.add("There are more: call list_clients again with cursor %q.", list.NextCursor)
	}
	return l.String()
}
