package mcpserver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

type connection struct {
	ConnectionID   string   `json:"connection_id" jsonschema:"Connection ID to pass to revoke_connection."`
	ClientID       string   `json:"client_id" jsonschema:"Client ID of the app."`
	ClientName     string   `json:"client_name,omitempty" jsonschema:"Name that the app chose."`
	ClaimedName    string   `json:"claimed_name,omitempty" jsonschema:"What an app without a name calls itself. Nothing proves it."`
	Scopes         []string `json:"scopes" jsonschema:"Granted scopes."`
	ConnectedAt    string   `json:"connected_at,omitempty" jsonschema:"When the user approved it (RFC 3339, UTC)."`
	LastUsedAt     string   `json:"last_used_at,omitempty" jsonschema:"Last use, accurate to about a minute (RFC 3339, UTC). Absent if never used."`
	ReplacedAt     string   `json:"replaced_at,omitempty" jsonschema:"When a newer connection of the same app took its place (RFC 3339, UTC). It ends a week later unless it is used. Absent if none did."`
	ThisConnection bool     `json:"this_connection" jsonschema:"Whether this call uses this connection."`
}

type connectionList struct {
	Connections []connection `json:"connections"`
	NextCursor  string       `json:"next_cursor,omitempty" jsonschema:"Cursor of the next page. Absent on the last page."`
}

func (s *service) listConnections() tool {
	return tool{
		Tool: define[connectionList]("list_connections", "List my connections", reads,
			"Lists the apps that can act on behalf of the signed-in user on this server. Each entry is one connection: "+
				"the app's name and client ID, when it was approved and last used, its scopes, and whether this call uses it. "+
				"Connections of one client ID, which several installations may share, follow each other. "+
				"Results are paged: to get the next page, pass next_cursor as cursor.",
			pageArguments()),
		run: func(ctx context.Context, p principal.Principal, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			requested, err := pageOf(r)
			if err != nil {
				return nil, err
			}
			grants, err := s.Store.ListGrants(ctx, p.User.ID, requested.after, requested.probe(), s.Now())
			if err != nil {
				return nil, err
			}
			grants, next := cutPage(requested, grants, func(g storage.Grant) string { return g.ID })
			list := connectionList{Connections: make([]connection, 0, len(grants)), NextCursor: next}
			for _, g := range byClient(grants) {
				list.Connections = append(list.Connections, connectionOf(g, p.GrantID))
			}
			return mcp.NewToolResultStructured(list, list.text()), nil
		},
	}
}

// byClient returns the grants of a page with those of one client next to each other.
func byClient(grants []storage.Grant) []storage.Grant {
	first := make(map[string]int)
	for i, g := range grants {
		if _, seen := first[g.ClientID]; !seen {
			first[g.ClientID] = i
		}
	}
	slices.SortStableFunc(grants, func(a, b storage.Grant) int { return first[a.ClientID] - first[b.ClientID] })
	return grants
}

func connectionOf(g storage.Grant, current string) connection {
	return connection{
		ConnectionID:   g.ID,
		ClientID:       clean(g.ClientID, maxID),
		ClientName:     clean(g.ClientName, maxName),
		ClaimedName:    claim(g.ClientName, g.ClaimedName),
		Scopes:         scopes(g.Scope),
		ConnectedAt:    stamp(g.CreatedAt),
		LastUsedAt:     stamp(g.LastUsedAt),
		ReplacedAt:     stamp(g.ReplacedAt),
		ThisConnection: g.ID == current,
	}
}

func (list connectionList) text() string {
	var l lines
	switch len(list.Connections) {
	case 0:
		l.add("No connections.")
	case 1:
		l.add("1 connection:")
	default:
		l.add("%d connections:", len(list.Connections))
	}
	for rest := list.Connections; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].ClientID == rest[0].ClientID {
			n++
		}
		indent := ""
		if n > 1 {
			l.add("- %s: %d connections", label(rest[0].ClientName, rest[0].ClaimedName, rest[0].ClientID), n)
			indent = "  "
		}
		for _, c := range rest[:n] {
			l.add("%s", indent+c.text())
		}
		rest = rest[n:]
	}
	if list.NextCursor != "" {
		l.add("More results: call list_connections with cursor %q.", list.NextCursor)
	}
	return l.String()
}

func (c connection) text() string {
	notes := ""
	if c.ReplacedAt != "" {
		notes += ", replaced " + c.ReplacedAt
	}
	if c.ThisConnection {
		notes += " [this connection]"
	}
	return fmt.Sprintf("- %s: %s, since %s, last used %s, scopes: %s%s", c.ConnectionID, label(c.ClientName, c.ClaimedName, c.ClientID),
		or(c.ConnectedAt, "unknown"), or(c.LastUsedAt, "never"), or(strings.Join(c.Scopes, " "), "none"), notes)
}

type revocation struct {
	ConnectionID   string `json:"connection_id" jsonschema:"ID of the ended connection."`
	Revoked        bool   `json:"revoked" jsonschema:"Always true; failures return an error."`
	ThisConnection bool   `json:"this_connection" jsonschema:"Whether this call used that connection."`
}

func (s *service) revokeConnection() tool {
	return tool{
		Tool: define[revocation]("revoke_connection", "End a connection", destroys,
			"Permanently ends one of the signed-in user's connections: the app's tokens for this user stop working immediately, "+
				"and the user has to connect and approve the app again. Cannot be undone: ask the user first. "+
				"You may end the current connection; its response to this call is the last one.",
			identifier("connection_id", "Connection ID, from list_connections.", visibleASCII, 128)),
		scope:    oauth.ScopeManage,
		notFound: "You have no connection with this ID. It may already have ended. Call list_connections to see your connections.",
		run: func(ctx context.Context, p principal.Principal, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			id := r.GetString("connection_id", "")
			if err := s.Store.RevokeUserGrant(ctx, p.User.ID, id, s.Now()); err != nil {
				return nil, err
			}
			s.Logger.InfoContext(ctx, "connection revoked", logging.Event, "grant_revoked",
				logging.GrantID, id, logging.UserID, p.User.ID, logging.ByGrantID, p.GrantID)
			done := revocation{ConnectionID: id, Revoked: true, ThisConnection: id == p.GrantID}
			return mcp.NewToolResultStructured(done, done.text()), nil
		},
	}
}

func (r revocation) text() string {
	if r.ThisConnection {
		return fmt.Sprintf("Connection %s has ended. This call used it: the next call will be refused until you connect and approve this app again.", r.ConnectionID)
	}
	return fmt.Sprintf("Connection %s has ended. The app's tokens no longer work; to use it again, connect and approve it again.", r.ConnectionID)
}
