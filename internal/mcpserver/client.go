package mcpserver

import (
	"context"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	clientIDHelp  = "Client ID of the app, from list_clients."
	unknownClient = "No app with this client ID is registered. Call list_clients to see registered apps."
)

// clientDetails are a client's metadata (RFC 7591 §2), without its secret.
type clientDetails struct {
	ClientID        string   `json:"client_id"`
	ClientName      string   `json:"client_name,omitempty" jsonschema:"Name that the app chose."`
	ClaimedName     string   `json:"claimed_name,omitempty" jsonschema:"What an app without a name calls itself. Nothing proves it."`
	ClientURI       string   `json:"client_uri,omitempty" jsonschema:"Home page that the app registered."`
	RedirectURIs    []string `json:"redirect_uris" jsonschema:"Where authorization codes are sent."`
	GrantTypes      []string `json:"grant_types"`
	ResponseTypes   []string `json:"response_types"`
	Scopes          []string `json:"scopes" jsonschema:"Scopes that the app registered."`
	AuthMethod      string   `json:"token_endpoint_auth_method,omitempty"`
	SigningAlg      string   `json:"token_endpoint_auth_signing_alg,omitempty"`
	JWKSURI         string   `json:"jwks_uri,omitempty" jsonschema:"Where the app publishes its keys."`
	HasKeys         bool     `json:"has_keys" jsonschema:"Whether the app authenticates with keys of its own."`
	HasSecret       bool     `json:"has_secret" jsonschema:"Whether the app has a client secret. The secret itself is never shown."`
	ApplicationType string   `json:"application_type,omitempty"`
	SoftwareID      string   `json:"software_id,omitempty"`
	SoftwareVersion string   `json:"software_version,omitempty"`
	RegisteredAt    string   `json:"registered_at,omitempty" jsonschema:"Registration time (RFC 3339, UTC). Absent if unknown."`
}

func (s *service) getClient() tool {
	return tool{
		Tool: define[clientDetails]("get_client", "Show a registered app", reads,
			"For administrators: shows the registration of an app (OAuth client): name, redirect URIs, grant types, scopes and "+
				"authentication method. Secrets are never shown.",
			identifier("client_id", clientIDHelp, printableASCII, maxID)),
		adminOnly: true, scope: oauth.ScopeAdmin,
		notFound: unknownClient,
		run: func(ctx context.Context, _ principal.Principal, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
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
		ClaimedName:     claim(c.Name, c.ClaimedName),
		ClientURI:       clean(c.URI, maxURI),
		RedirectURIs:    cleanAll(c.RedirectURIs, maxURI),
		GrantTypes:      cleanAll(c.GrantTypes, maxName),
		ResponseTypes:   cleanAll(c.ResponseTypes, maxName),
		Scopes:          scopes(c.Scope),
		AuthMethod:      clean(c.AuthMethod, maxName),
		SigningAlg:      clean(c.SigningAlg, maxName),
		JWKSURI:         clean(c.JWKSURI, maxURI),
		HasKeys:         c.HasKeys(),
		HasSecret:       c.SecretHash != "",
		ApplicationType: clean(c.ApplicationType, maxName),
		SoftwareID:      clean(c.SoftwareID, maxName),
		SoftwareVersion: clean(c.SoftwareVersion, maxName),
		RegisteredAt:    stamp(c.CreatedAt),
	}
}

func (d clientDetails) text() string {
	var l lines
	l.add("%s, registered %s.", label(d.ClientName, d.ClaimedName, d.ClientID), or(d.RegisteredAt, "at an unknown time"))
	if d.ClientURI != "" {
		l.add("Home page: %q", d.ClientURI)
	}
	for _, uri := range d.RedirectURIs {
		l.add("Redirect URI: %q", uri)
	}
	l.add("Grant types: %s", or(strings.Join(d.GrantTypes, ", "), "none"))
	l.add("Scopes: %s", or(strings.Join(d.Scopes, " "), "none"))
	l.add("Authentication at the token endpoint: %s", or(d.AuthMethod, "not recorded"))
	if d.HasKeys {
		l.add("Keys: %s", or(d.JWKSURI, "registered"))
	}
	if software := strings.TrimSpace(d.SoftwareID + " " + d.SoftwareVersion); software != "" {
		l.add("Software: %s", software)
	}
	return l.String()
}

type deletion struct {
	ClientID   string `json:"client_id" jsonschema:"The deleted app."`
	Deleted    bool   `json:"deleted" jsonschema:"Always true; failures return an error."`
	ThisClient bool   `json:"this_client" jsonschema:"Whether the deleted app made this call."`
}

func (s *service) deleteClient() tool {
	return tool{
		Tool: define[deletion]("delete_client", "Delete a registered app", destroys,
			"For administrators: deletes the registration of an app (OAuth client) and ends all users' connections through it. "+
				"Its tokens stop working immediately; to be used again, the app has to register and users have to reconnect. Cannot be undone: ask the user first.",
			identifier("client_id", clientIDHelp, printableASCII, maxID)),
		adminOnly: true, scope: oauth.ScopeManage + " " + oauth.ScopeAdmin,
		notFound: unknownClient,
		run: func(ctx context.Context, p principal.Principal, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			id := r.GetString("client_id", "")
			if err := s.Store.DeleteClient(ctx, id, s.Now()); err != nil {
				return nil, err
			}
			s.Logger.InfoContext(ctx, "client deleted", logging.Event, "client_deleted",
				logging.ClientID, id, logging.UserID, p.User.ID, logging.ByGrantID, p.GrantID)
			done := deletion{ClientID: id, Deleted: true, ThisClient: id == p.ClientID}
			return mcp.NewToolResultStructured(done, done.text()), nil
		},
	}
}

func (d deletion) text() string {
	text := fmt.Sprintf("Client %q was deleted and all its connections ended. To be used again, the app has to register and users have to reconnect.", d.ClientID)
	if d.ThisClient {
		text += " This call came from that app: its next call will be refused."
	}
	return text
}
