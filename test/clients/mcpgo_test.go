//go:build clients

package clients_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// mcpGo is mcp-go's client, as an application with it uses it.
type mcpGo struct {
	*person
	t      *testing.T
	server string
	config client.OAuthConfig
	client *client.Client
}

func startMCPGo(t *testing.T, s setup) driver {
	t.Helper()
	m := &mcpGo{person: newPerson(t), t: t, server: s.Server, config: client.OAuthConfig{
		ClientID: cmp.Or(s.ClientID, s.DocumentURL), ClientSecret: s.ClientSecret, RedirectURI: s.RedirectURI,
		TokenStore: client.NewMemoryTokenStore(), PKCEEnabled: true,
	}}
	t.Cleanup(m.close)
	return m
}

func (m *mcpGo) close() {
	if m.client != nil {
		_ = m.client.Close()
	}
}

func (m *mcpGo) connect() error {
	m.close()
	var err error
	if m.client, err = client.NewOAuthStreamableHttpClient(m.server, m.config); err != nil {
		return err
	}
	return m.signedIn(func() error {
		if err := m.client.Start(m.ctx); err != nil {
			return err
		}
		_, err := m.client.Initialize(m.ctx, mcp.InitializeRequest{Params: mcp.InitializeParams{
			ProtocolVersion: mcp.LATEST_PROTOCOL_VERSION, ClientInfo: mcp.Implementation{Name: "mcpkeep-test", Version: "1.0.0"},
		}})
		return err
	})
}

// signedIn does something, after signing in when the library says that this is
// needed.
func (m *mcpGo) signedIn(action func() error) error {
	err := action()
	var required *client.OAuthAuthorizationRequiredError
	if !errors.As(err, &required) {
		return err
	}
	if err := m.authorize(required.Handler); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	return action()
}

// authorize registers and signs in with the library's OAuth handler.
func (m *mcpGo) authorize(handler *transport.OAuthHandler) error {
	if handler.GetClientID() == "" {
		if err := handler.RegisterClient(m.ctx, "mcp-go"); err != nil {
			return err
		}
		m.config.ClientID = handler.GetClientID() // kept for the next connection, as an application does
	}
	verifier, err := client.GenerateCodeVerifier()
	if err != nil {
		return err
	}
	state, err := client.GenerateState()
	if err != nil {
		return err
	}
	target, err := handler.GetAuthorizationURL(m.ctx, state, client.GenerateCodeChallenge(verifier))
	if err != nil {
		return err
	}
	answer, err := m.visit(target)
	if err != nil {
		return err
	}
	q := answer.Query()
	return handler.ProcessAuthorizationResponse(m.ctx, q.Get("code"), q.Get("state"), verifier)
}

func (m *mcpGo) call(tool string, args map[string]any) (result, error) {
	var answer *mcp.CallToolResult
	err := m.signedIn(func() error {
		var err error
		answer, err = m.client.CallTool(m.ctx, mcp.CallToolRequest{Params: mcp.CallToolParams{Name: tool, Arguments: args}})
		return err
	})
	if err != nil {
		return result{}, err
	}
	structured, err := json.Marshal(answer.StructuredContent)
	if err != nil {
		return result{}, err
	}
	content, err := json.Marshal(answer.Content)
	return result{IsError: answer.IsError, Structured: structured, Content: content}, err
}

func (m *mcpGo) askFor(scope string) error {
	m.config.Scopes = strings.Fields(scope)
	m.config.TokenStore = client.NewMemoryTokenStore()
	return nil
}

func (m *mcpGo) version() (string, error) {
	return harness.ModuleVersion(m.t, "github.com/mark3labs/mcp-go"), nil
}
