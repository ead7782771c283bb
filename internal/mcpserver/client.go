package mcpserver

import (
	"context"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	clientIDHelp  = "Id of the app, from list_clients."
	unknownClient = "No app with this client id is registered here. list_clients shows those that are."
)

// clientDetails are a client's metadata (RFC 7591 §2), without its secret.
type clientDetails struct {
	ClientID        string   `json:"client_id"`
	ClientName      string   `json:"client_name,omitempty" jsonschema:"Name the app gave itself."`
	ClientURI       string   `json:"client_uri,omitempty" jsonschema:"Home page the app named."`
	RedirectURIs    []string `json:"redirect_uris" jsonschema:"Where the app takes authorization codes."`
	GrantTypes      []string `json:"grant_types"`
	ResponseTypes   []string `json:"response_types"`
	Scopes          []string `json:"scopes" jsonschema:"What the app registered for."`
	AuthMethod      string   `json:"token_endpoint_auth_method,omitempty"`
	HasSecret       bool     `json:"has_secret" jsonschema:"Whether the app has a client secret. The secret itself is never shown."`
	ApplicationType string   `json:"application_type,omitempty"`
	SoftwareID      string   `json:"software_id,omitempty"`
	SoftwareVersion string   `json:"software_version,omitempty"`
	RegisteredAt    string   `json:"registered_at,omitempty" jsonschema:"When it registered (RFC 3339, UTC). Absent when unknown."`
}

func (s *service) getClient() tool {
	return tool{
		Tool: define[clientDetails]("get_client", "Show a registered app", reads,
			"For administrators: shows what an app (OAuth client) registered with: its name, redirect URIs, grant types, scopes and "+
				"how it authenticates. Secrets are never shown.",
			identifier("client_id", clientIDHelp, printableASCII, maxID)),
		adminOnly: true, scope: oauth.ScopeAdmin,
		notFound: unknownClient,
		run: func(ctx context.Context, _ Caller, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			client, err := s.Store.Client(ctx, r.GetString("client_id", ""))
			if err != nil {
				return nil, err
			}
			details := detailsOf(client)
			return mcp.NewToolResultStructured(details, details.text()), nil
		},
	}
}

func detailsOf(c storage.Client) clientDetails {
	return clientDetails{
		ClientID:        clean(c.ID, maxID),
		ClientName:      clean(c.Name, maxName),
		ClientURI:       clean(c.URI, maxURI),
		RedirectURIs:    cleanAll(c.RedirectURIs, maxURI),
		GrantTypes:      cleanAll(c.GrantTypes, maxName),
		ResponseTypes:   cleanAll(c.ResponseTypes, maxName),
		Scopes:          scopes(c.Scope),
		AuthMethod:      clean(c.AuthMethod, maxName),
		HasSecret:       c.SecretHash != "",
		ApplicationType: clean(c.ApplicationType, maxName),
		SoftwareID:      clean(c.SoftwareID, maxName),
		SoftwareVersion: clean(c.SoftwareVersion, maxName),
		RegisteredAt:    stamp(c.CreatedAt),
	}
}

func (d clientDetails) text() string {
	var l lines
	l.add("%s, registered %s.", label(d.ClientName, d.ClientID), or(d.RegisteredAt, "at an unknown time"))
	if d.ClientURI != "" {
		l.add("Home page: %q", d.ClientURI)
	}
	for _, uri := range d.RedirectURIs {
		l.add("Redirect URI: %q", uri)
	}
	l.add("Grant types: %s", or(strings.Join(d.GrantTypes, ", "), "none"))
	l.add("Scopes: %s", or(strings.Join(d.Scopes, " "), "none"))
	l.add("Authentication at the token endpoint: %s", or(d.AuthMethod, "not recorded"))
	if software := strings.TrimSpace(d.SoftwareID + " " + d.SoftwareVersion); software != "" {
		l.add("Software: %s", software)
	}
	return l.String()
}

type deletion struct {
	ClientID   string `json:"client_id" jsonschema:"The app that was deleted."`
	Deleted    bool   `json:"deleted" jsonschema:"Always true; failures are errors."`
	ThisClient bool   `json:"this_client" jsonschema:"Whether it was the one this very call came from."`
}

func (s *service) deleteClient() tool {
	return tool{
		Tool: define[deletion]("delete_client", "Delete a registered app", destroys,
			"For administrators: deletes the registration of an app (OAuth client) and ends the connections of everybody who uses it. "+
				"Its tokens stop working at once; the app has to register, and people have to connect it, again. Cannot be undone; ask first.",
			identifier("client_id", clientIDHelp, printableASCII, maxID)),
		adminOnly: true, scope: oauth.ScopeManage + " " + oauth.ScopeAdmin,
		notFound: unknownClient,
		run: func(ctx context.Context, c Caller, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			id := r.GetString("client_id", "")
			if err := s.Store.DeleteClient(ctx, id, s.Now()); err != nil {
				return nil, err
			}
			s.log(ctx).Info("client deleted", "event", "client_deleted",
				"client_id", id, "user_id", c.Access.User.ID, "by_grant_id", c.Access.GrantID)
			done := deletion{ClientID: id, Deleted: true, ThisClient: id == c.Access.ClientID}
			return mcp.NewToolResultStructured(done, done.text()), nil
		},
	}
}

func (d deletion) text() string {
	text := fmt.Sprintf("Client %q is deleted and all its connections have ended. The app has to register again, and people have to connect it again.", d.ClientID)
	if d.ThisClient {
		text += " It is the app you are using: the next call will be refused."
	}
	return text
}
