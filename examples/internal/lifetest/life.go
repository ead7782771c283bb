package lifetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

// Password is what the person in the browser knows.
const Password = "correct horse battery staple"

// Run takes a client through its life at an endpoint whose tool greet names the caller.
// issuer is mcpkeep's base URL.
func Run(t *testing.T, endpoint, issuer string) {
	t.Helper()
	tokens := client.NewMemoryTokenStore()
	c, err := client.NewOAuthStreamableHttpClient(endpoint, client.OAuthConfig{
		RedirectURI: "http://127.0.0.1:33418/callback", TokenStore: tokens, PKCEEnabled: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	err = connect(t.Context(), c)
	var required *client.OAuthAuthorizationRequiredError
	if !errors.As(err, &required) {
		t.Fatalf("without a token: %v, want to be asked to sign in", err)
	}
	if err := signIn(t.Context(), required.Handler); err != nil {
		t.Fatalf("sign in: %v", err)
	}
	if err := connect(t.Context(), c); err != nil {
		t.Fatalf("connect: %v", err)
	}
	greeted(t, c)

	first, err := tokens.GetToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := required.Handler.RefreshToken(t.Context(), first.RefreshToken)
	if err != nil || second.AccessToken == first.AccessToken {
		t.Fatalf("refresh: %v", err)
	}
	if err := tokens.SaveToken(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	greeted(t, c)

	revoke(t, issuer, required.Handler.GetClientID(), second.RefreshToken)
	for _, token := range []string{first.AccessToken, second.AccessToken} {
		if status := call(t, endpoint, token); status != http.StatusUnauthorized {
			t.Errorf("revoked: status %d, want 401", status)
		}
	}
}

func connect(ctx context.Context, c *client.Client) error {
	if err := c.Start(ctx); err != nil {
		return err
	}
	_, err := c.Initialize(ctx, mcp.InitializeRequest{Params: mcp.InitializeParams{
		ProtocolVersion: mcp.LATEST_PROTOCOL_VERSION, ClientInfo: mcp.Implementation{Name: "example", Version: "1.0.0"},
	}})
	return err
}

// signIn registers, has the person approve, and redeems the code.
func signIn(ctx context.Context, h *transport.OAuthHandler) error {
	if err := h.RegisterClient(ctx, "Example"); err != nil {
		return err
	}
	verifier, err := client.GenerateCodeVerifier()
	if err != nil {
		return err
	}
	state, err := client.GenerateState()
	if err != nil {
		return err
	}
	target, err := h.GetAuthorizationURL(ctx, state, client.GenerateCodeChallenge(verifier))
	if err != nil {
		return err
	}
	answer, err := visit(ctx, target)
	if err != nil {
		return err
	}
	return h.ProcessAuthorizationResponse(ctx, answer.Query().Get("code"), answer.Query().Get("state"), verifier)
}

func greeted(t *testing.T, c *client.Client) {
	t.Helper()
	result, err := c.CallTool(t.Context(), mcp.CallToolRequest{Params: mcp.CallToolParams{Name: "greet"}})
	if err != nil || result.IsError || !strings.Contains(fmt.Sprint(result.Content), "Hello, usr_") {
		t.Fatalf("greet: %+v, %v", result, err)
	}
}

// revoke ends the session (RFC 7009).
func revoke(t *testing.T, issuer, clientID, token string) {
	t.Helper()
	form := url.Values{"token": {token}, "client_id": {clientID}}
	status := do(t, http.MethodPost, issuer+"/revoke", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if status != http.StatusOK {
		t.Fatalf("revoke: status %d", status)
	}
}
