package oauth_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

const base = "https://mcp.example.com"

func marshal(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAuthorizationServerMetadata(t *testing.T) {
	t.Parallel()
	const want = `{
  "issuer": "https://mcp.example.com",
  "authorization_endpoint": "https://mcp.example.com/authorize",
  "token_endpoint": "https://mcp.example.com/token",
  "registration_endpoint": "https://mcp.example.com/register",
  "revocation_endpoint": "https://mcp.example.com/revoke",
  "introspection_endpoint": "https://mcp.example.com/introspect",
  "scopes_supported": [
    "mcp",
    "offline_access"
  ],
  "response_types_supported": [
    "code"
  ],
  "response_modes_supported": [
    "query"
  ],
  "grant_types_supported": [
    "authorization_code",
    "refresh_token"
  ],
  "token_endpoint_auth_methods_supported": [
    "none",
    "client_secret_post",
    "client_secret_basic"
  ],
  "revocation_endpoint_auth_methods_supported": [
    "none",
    "client_secret_post",
    "client_secret_basic"
  ],
  "introspection_endpoint_auth_methods_supported": [
    "client_secret_post",
    "client_secret_basic"
  ],
  "code_challenge_methods_supported": [
    "S256"
  ],
  "authorization_response_iss_parameter_supported": true,
  "protected_resources": [
    "https://mcp.example.com/mcp"
  ]
}
`
	if diff := cmp.Diff(want, marshal(t, oauth.AuthorizationServerMetadata(base))); diff != "" {
		t.Error(diff)
	}
}

func TestProtectedResourceMetadata(t *testing.T) {
	t.Parallel()
	const want = `{
  "resource": "https://mcp.example.com/mcp",
  "authorization_servers": [
    "https://mcp.example.com"
  ],
  "scopes_supported": [
    "mcp"
  ],
  "bearer_methods_supported": [
    "header"
  ],
  "resource_name": "Example"
}
`
	if diff := cmp.Diff(want, marshal(t, oauth.ProtectedResourceMetadata(base, "Example"))); diff != "" {
		t.Error(diff)
	}
	t.Run("9728-02 no empty name", func(t *testing.T) {
		t.Parallel()
		if got := marshal(t, oauth.ProtectedResourceMetadata(base, "")); strings.Contains(got, "resource_name") {
			t.Error(got)
		}
	})
}

func TestMetadataRequirements(t *testing.T) {
	t.Parallel()
	server, resource := oauth.AuthorizationServerMetadata(base), oauth.ProtectedResourceMetadata(base, "")
	t.Run("AS-04 issuer equals authorization_servers", func(t *testing.T) {
		t.Parallel()
		if diff := cmp.Diff([]string{server.Issuer}, resource.AuthorizationServers); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("8414-10 protected_resources equals resource", func(t *testing.T) {
		t.Parallel()
		if diff := cmp.Diff([]string{resource.Resource}, server.ProtectedResources); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("E3 endpoints are the issuer's", func(t *testing.T) {
		t.Parallel()
		for _, endpoint := range []string{
			server.AuthorizationEndpoint, server.TokenEndpoint, server.RegistrationEndpoint, server.RevocationEndpoint,
			server.IntrospectionEndpoint,
		} {
			if !strings.HasPrefix(endpoint, base+"/") {
				t.Error(endpoint)
			}
		}
	})
	t.Run("what is listed can be registered", func(t *testing.T) {
		t.Parallel()
		for _, method := range server.TokenEndpointAuthMethods {
			reg, err := oauth.ParseRegistration([]byte(`{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"` + method + `"}`))
			if err != nil || reg.TokenEndpointAuthMethod != method {
				t.Errorf("%s: %q, %v", method, reg.TokenEndpointAuthMethod, err)
			}
		}
	})
}
