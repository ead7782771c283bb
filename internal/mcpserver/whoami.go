package mcpserver

import (
	"context"
	"errors"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

type identityResult struct {
	UserID         string   `json:"user_id" jsonschema:"ID of the user on this server."`
	Provider       string   `json:"provider" jsonschema:"Issuer of the identity provider that signed the user in, or local."`
	Login          string   `json:"login,omitempty" jsonschema:"Account name at the provider; may change."`
	Name           string   `json:"name,omitempty" jsonschema:"Display name."`
	Email          string   `json:"email,omitempty" jsonschema:"Email address from the provider; not an identity."`
	Admin          bool     `json:"admin" jsonschema:"Whether the user is an administrator."`
	ConnectionID   string   `json:"connection_id" jsonschema:"Connection that this call uses, as in list_connections."`
	ClientID       string   `json:"client_id" jsonschema:"App that made this call."`
	ClientName     string   `json:"client_name,omitempty" jsonschema:"Name that the app chose."`
	ClaimedName    string   `json:"claimed_name,omitempty" jsonschema:"What an app without a name calls itself. Nothing proves it."`
	Scopes         []string `json:"scopes" jsonschema:"Scopes of the access token."`
	Resource       string   `json:"resource,omitempty" jsonschema:"MCP endpoint the access token was issued for."`
	TokenExpiresAt string   `json:"token_expires_at" jsonschema:"When the access token expires (RFC 3339, UTC). Apps renew it automatically."`
	Server         string   `json:"server,omitempty" jsonschema:"Public address of this server."`
}

func (s *service) whoami() tool {
	definition := define[identityResult]("whoami", "Who am I", reads,
		"Returns the signed-in user and the connection that this call uses: the user's ID, name and identity provider, "+
			"the app and its connection, the scopes and expiry of the access token, and whether the user is an administrator. "+
			"Use it when the user asks which account is connected, or before changing connections.")
	// By this mark ChatGPT finds the tool that names the connected account.
	definition.Meta = &mcp.Meta{AdditionalFields: map[string]any{"openai/profile": true}}
	return tool{
		Tool: definition,
		run: func(ctx context.Context, p principal.Principal, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			who := s.identify(p, s.client(ctx, p.ClientID))
			return mcp.NewToolResultStructured(who, who.text(p.User)), nil
		},
	}
}

func (s *service) identify(p principal.Principal, client storage.Client) identityResult {
	return identityResult{
		UserID:         p.User.ID,
		Provider:       clean(p.User.Issuer, maxURI),
		Login:          clean(p.User.Login, maxName),
		Name:           clean(p.User.Name, maxName),
		Email:          clean(p.User.Email, maxID),
		Admin:          p.Admin,
		ConnectionID:   p.GrantID,
		ClientID:       clean(p.ClientID, maxID),
		ClientName:     clean(client.Name, maxName),
		ClaimedName:    claim(client.Name, client.ClaimedName),
		Scopes:         scopes(p.Scope),
		Resource:       clean(p.Resource, maxURI),
		TokenExpiresAt: stamp(p.ExpiresAt),
		Server:         s.BaseURL,
	}
}

// client looks the app up, for its name. The rest of the answer is known without the
// database, so a failure costs the name and nothing else.
func (s *service) client(ctx context.Context, id string) storage.Client {
	client, err := s.Store.Client(ctx, id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		s.Logger.WarnContext(ctx, "client name unavailable", logging.ClientID, id, logging.Error, err)
	}
	return client
}

func (r identityResult) text(u storage.User) string {
	var l lines
	l.add("Signed in as %s through %s; user ID %s.", displayName(u), r.Provider, r.UserID)
	if r.Email != "" {
		l.add("Email: %s", r.Email)
	}
	l.add("App: %s", label(r.ClientName, r.ClaimedName, r.ClientID))
	l.add("Connection: %s", r.ConnectionID)
	l.add("Scopes: %s", or(strings.Join(r.Scopes, " "), "none"))
	l.add("The access token is valid until %s; the app renews it automatically.", r.TokenExpiresAt)
	if r.Admin {
		l.add("This user is an administrator of this server.")
	}
	return l.String()
}
