package mcpserver

import (
	"context"
	"errors"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

type identityResult struct {
	UserID         string   `json:"user_id" jsonschema:"This server's id of the person."`
	Provider       string   `json:"provider" jsonschema:"Who signed the person in: issuer of the identity provider, or local."`
	Login          string   `json:"login,omitempty" jsonschema:"Account name at the provider; may change."`
	Name           string   `json:"name,omitempty" jsonschema:"Display name."`
	Email          string   `json:"email,omitempty" jsonschema:"E-mail address the provider told; not an identity."`
	Admin          bool     `json:"admin" jsonschema:"Whether the person may see and revoke everybody's connections."`
	ConnectionID   string   `json:"connection_id" jsonschema:"Connection this call came through, as in list_connections."`
	ClientID       string   `json:"client_id" jsonschema:"App this call came from."`
	ClientName     string   `json:"client_name,omitempty" jsonschema:"Name the app gave itself."`
	Scopes         []string `json:"scopes" jsonschema:"What the access token allows."`
	Resource       string   `json:"resource,omitempty" jsonschema:"MCP endpoint the access token was issued for."`
	TokenExpiresAt string   `json:"token_expires_at" jsonschema:"When the access token expires (RFC 3339, UTC). Apps renew it by themselves."`
	Server         string   `json:"server,omitempty" jsonschema:"Public address of this server."`
}

func (s *service) whoami() tool {
	definition := define[identityResult]("whoami", "Who am I", reads,
		"Tells who is signed in and through which connection this call came: the person's id, name and identity provider, "+
			"the app and its connection, what the access token allows and when it expires, and whether the person is an administrator. "+
			"Use it when somebody asks which account is connected, or before changing connections.")
	// By this mark ChatGPT finds the tool that names the connected account.
	definition.Meta = &mcp.Meta{AdditionalFields: map[string]any{"openai/profile": true}}
	return tool{
		Tool: definition,
		run: func(ctx context.Context, c Caller, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			who := s.identify(c, s.clientName(ctx, c.Access.ClientID))
			return mcp.NewToolResultStructured(who, who.text(c.Access.User)), nil
		},
	}
}

func (s *service) identify(c Caller, clientName string) identityResult {
	a := c.Access
	return identityResult{
		UserID:         a.User.ID,
		Provider:       clean(a.User.Issuer, maxURI),
		Login:          clean(a.User.Login, maxName),
		Name:           clean(a.User.Name, maxName),
		Email:          clean(a.User.Email, maxID),
		Admin:          c.Admin,
		ConnectionID:   a.GrantID,
		ClientID:       clean(a.ClientID, maxID),
		ClientName:     clientName,
		Scopes:         scopes(a.Scope),
		Resource:       clean(a.Resource, maxURI),
		TokenExpiresAt: stamp(a.ExpiresAt),
		Server:         s.BaseURL,
	}
}

// clientName looks the app's name up. The rest of the answer is known without
// the database, so a failure costs the name and nothing else.
func (s *service) clientName(ctx context.Context, id string) string {
	client, err := s.Store.Client(ctx, id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		s.log(ctx).Warn("no name of a client", "client_id", id, "error", err)
	}
	return clean(client.Name, maxName)
}

func (r identityResult) text(u storage.User) string {
	var l lines
	l.add("Signed in as %s through %s; user id %s.", displayName(u), r.Provider, r.UserID)
	if r.Email != "" {
		l.add("E-mail: %s", r.Email)
	}
	l.add("App: %s", label(r.ClientName, r.ClientID))
	l.add("Connection: %s", r.ConnectionID)
	l.add("Scopes: %s", or(strings.Join(r.Scopes, " "), "none"))
	l.add("Access token valid until %s; the app renews it by itself.", r.TokenExpiresAt)
	if r.Admin {
		l.add("This person is an administrator of this server.")
	}
	return l.String()
}
