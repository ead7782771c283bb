//go:build clients

package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const redirectURI = "http://127.0.0.1:9/callback"

func TestMCPGoKeepsSignedIn(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			mcpGoKeepsSignedIn(t, engine.Options(t))
		})
	}
}

// mcpGoKeepsSignedIn kills the server and lets the access token expire.
func mcpGoKeepsSignedIn(t *testing.T, opts harness.Options) {
	t.Helper()
	opts.Env = append(opts.Env, "MCPKEEP_ACCESS_TOKEN_TTL="+shortTTL)
	p := harness.Start(t, opts)
	tokens := client.NewMemoryTokenStore()
	c := connectMCPGo(t, p, tokens)
	before := callWhoami(t, c)
	first := tokenOf(t, tokens)
	kill(t, p)
	awaitExpiry(t)
	if diff := cmp.Diff(before, callWhoami(t, c)); diff != "" {
		t.Errorf("whoami after kill -9 and refresh (-before +after):\n%s", diff)
	}
	second := tokenOf(t, tokens)
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Error("the client did not refresh")
	}
	assertSignedInOnce(t, p)
}

func tokenOf(t *testing.T, tokens transport.TokenStore) *client.Token {
	t.Helper()
	token, err := tokens.GetToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// connectMCPGo signs mcp-go's client in, as an application with it does.
func connectMCPGo(t *testing.T, p *harness.Process, tokens transport.TokenStore) *client.Client {
	t.Helper()
	c, err := client.NewOAuthStreamableHttpClient(p.URL+"/mcp", client.OAuthConfig{
		RedirectURI: redirectURI, TokenStore: tokens, PKCEEnabled: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	err = openMCPGo(t.Context(), c)
	var required *client.OAuthAuthorizationRequiredError
	if !errors.As(err, &required) {
		t.Fatalf("first connection: %v, want to be asked for authorization", err)
	}
	authorizeMCPGo(t, required.Handler)
	if err := openMCPGo(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func openMCPGo(ctx context.Context, c *client.Client) error {
	if err := c.Start(ctx); err != nil {
		return err
	}
	_, err := c.Initialize(ctx, mcp.InitializeRequest{Params: mcp.InitializeParams{
		ProtocolVersion: mcp.LATEST_PROTOCOL_VERSION, ClientInfo: mcp.Implementation{Name: "mcpkeep-test", Version: "1.0.0"},
	}})
	return err
}

// authorizeMCPGo registers and signs in with the library's OAuth handler.
func authorizeMCPGo(t *testing.T, handler *transport.OAuthHandler) {
	t.Helper()
	ctx := t.Context()
	if err := handler.RegisterClient(ctx, "mcp-go"); err != nil {
		t.Fatal(err)
	}
	verifier, err := client.GenerateCodeVerifier()
	if err != nil {
		t.Fatal(err)
	}
	state, err := client.GenerateState()
	if err != nil {
		t.Fatal(err)
	}
	target, err := handler.GetAuthorizationURL(ctx, state, client.GenerateCodeChallenge(verifier))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := harness.NewBrowser(nil).Visit(ctx, target)
	if err != nil {
		t.Fatal(err)
	}
	q := answer.Query()
	if err := handler.ProcessAuthorizationResponse(ctx, q.Get("code"), q.Get("state"), verifier); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
}

func callWhoami(t *testing.T, c *client.Client) whoami {
	t.Helper()
	result, err := c.CallTool(t.Context(), mcp.CallToolRequest{Params: mcp.CallToolParams{Name: "whoami"}})
	if err != nil {
		t.Fatal(err)
	}
	structured, err := json.Marshal(result.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	var who whoami
	if err := json.Unmarshal(structured, &who); err != nil || result.IsError {
		t.Fatalf("whoami: %v: %s", err, structured)
	}
	return who
}
