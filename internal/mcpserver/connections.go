package mcpserver

import (
	"context"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

type connection struct {
	ConnectionID   string   `json:"connection_id" jsonschema:"Id to pass to revoke_connection."`
	ClientID       string   `json:"client_id" jsonschema:"The app's client id."`
	ClientName     string   `json:"client_name,omitempty" jsonschema:"Name the app gave itself."`
	Scopes         []string `json:"scopes" jsonschema:"What the app was allowed."`
	ConnectedAt    string   `json:"connected_at,omitempty" jsonschema:"When the person allowed it (RFC 3339, UTC)."`
	LastUsedAt     string   `json:"last_used_at,omitempty" jsonschema:"When it was last used, to the minute or so (RFC 3339, UTC). Absent when it was not."`
	ThisConnection bool     `json:"this_connection" jsonschema:"Whether this very call came through it."`
}

type connectionList struct {
	Connections []connection `json:"connections"`
	NextCursor  string       `json:"next_cursor,omitempty" jsonschema:"Cursor of the next page. Absent on the last one."`
}

func (s *service) listConnections() tool {
	return tool{
		Tool: define[connectionList]("list_connections", "List my connections", reads,
			"Lists the apps that may act for the signed-in person on this server. Each entry is one connection: "+
				"the app's name and client id, since when, when it was last used, what it is allowed, and whether this call came through it. "+
				"Long lists come in pages: go on with cursor = next_cursor.",
			pageArguments()),
		run: func(ctx context.Context, c Caller, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			p, err := pageOf(r)
			if err != nil {
				return nil, err
			}
			grants, err := s.Store.ListGrants(ctx, c.Access.User.ID, p.after, p.probe(), s.Now())
			if err != nil {
				return nil, err
			}
			grants, next := cutPage(p, grants, func(g storage.Grant) string { return g.ID })
			list := connectionList{Connections: make([]connection, 0, len(grants)), NextCursor: next}
			for _, g := range grants {
				list.Connections = append(list.Connections, connectionOf(g, c.Access.GrantID))
			}
			return mcp.NewToolResultStructured(list, list.text()), nil
		},
	}
}

func connectionOf(g storage.Grant, current string) connection {
	return connection{
		ConnectionID:   g.ID,
		ClientID:       clean(g.ClientID, maxID),
		ClientName:     clean(g.ClientName, maxName),
		Scopes:         scopes(g.Scope),
		ConnectedAt:    stamp(g.CreatedAt),
		LastUsedAt:     stamp(g.LastUsedAt),
		ThisConnection: g.ID == current,
	}
}

func (list connectionList) text() string {
	var l lines
	switch len(list.Connections) {
	case 0:
		l.add("No connections here.")
	case 1:
		l.add("1 connection:")
	default:
		l.add("%d connections:", len(list.Connections))
	}
	for _, c := range list.Connections {
		here := ""
		if c.ThisConnection {
			here = " [this connection]"
		}
		l.add("- %s: %s, since %s, last used %s, scopes: %s%s", c.ConnectionID, label(c.ClientName, c.ClientID),
			or(c.ConnectedAt, "unknown"), or(c.LastUsedAt, "never"), or(strings.Join(c.Scopes, " "), "none"), here)
	}
	if list.NextCursor != "" {
		l.add("There are more: call list_connections again with cursor %q.", list.NextCursor)
	}
	return l.String()
}

type revocation struct {
	ConnectionID   string `json:"connection_id" jsonschema:"The connection that was ended."`
	Revoked        bool   `json:"revoked" jsonschema:"Always true; failures are errors."`
	ThisConnection bool   `json:"this_connection" jsonschema:"Whether it was the one this very call came through."`
}

func (s *service) revokeConnection() tool {
	return tool{
		Tool: define[revocation]("revoke_connection", "End a connection", destroys,
			"Ends one of the signed-in person's connections for good: all tokens of that app for this person stop working at once, "+
				"and the app has to be connected and allowed again. Cannot be undone; ask the person first. "+
				"Ending the connection this call comes through is allowed: the answer is the last thing it gets.",
			identifier("connection_id", "Id of the connection, from list_connections.", visibleASCII, 128)),
		scope:    oauth.ScopeManage,
		notFound: "You have no connection with this id. It may have been ended already; list_connections shows those there are.",
		run: func(ctx context.Context, c Caller, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			id := r.GetString("connection_id", "")
			if err := s.Store.RevokeUserGrant(ctx, c.Access.User.ID, id, s.Now()); err != nil {
				return nil, err
			}
			s.log(ctx).Info("connection revoked", "event", "grant_revoked",
				"grant_id", id, "user_id", c.Access.User.ID, "by_grant_id", c.Access.GrantID)
			done := revocation{ConnectionID: id, Revoked: true, ThisConnection: id == c.Access.GrantID}
			return mcp.NewToolResultStructured(done, done.text()), nil
		},
	}
}

func (r revocation) text() string {
	if r.ThisConnection {
		return fmt.Sprintf("Connection %s has ended. It is the one you are using: the next call will be refused until you connect this app and allow it again.", r.ConnectionID)
	}
	return fmt.Sprintf("Connection %s has ended. That app's tokens stopped working, and it has to be connected and allowed again.", r.ConnectionID)
}
