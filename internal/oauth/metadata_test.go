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

// only is the list of a server with one protected resource.
var only = oauth.Resources{oauth.NewResource(base, "/mcp")}

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
    "client_secret_basic",
    "private_key_jwt"
  ],
  "token_endpoint_auth_signing_alg_values_supported": [
    "RS256",
    "PS256",
    "ES256",
    "EdDSA"
  ],
  "revocation_endpoint_auth_methods_supported": [
    "none",
    "client_secret_post",
    "client_secret_basic",
    "private_key_jwt"
  ],
  "revocation_endpoint_auth_signing_alg_values_supported": [
    "RS256",
    "PS256",
    "ES256",
    "EdDSA"
  ],
  "introspection_endpoint_auth_methods_supported": [
    "client_secret_post",
    "client_secret_basic",
    "private_key_jwt"
  ],
  "introspection_endpoint_auth_signing_alg_values_supported": [
    "RS256",
    "PS256",
    "ES256",
    "EdDSA"
  ],
  "code_challenge_methods_supported": [
    "S256"
  ],
  "authorization_response_iss_parameter_supported": true,
  "protected_resources": [
    "https://mcp.example.com/mcp"
  ],
  "client_id_metadata_document_supported": true
}
`
	if diff := cmp.Diff(want, marshal(t, oauth.AuthorizationServerMetadata(base, only, true))); diff != "" {
		t.Errorf("AS-15, 8414-06: %s", diff)
	}
	if got := marshal(t, oauth.AuthorizationServerMetadata(base, only, false)); strings.Contains(got, "client_id_metadata") {
		t.Errorf("AS-15: not offered, but %s", got)
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
	if diff := cmp.Diff(want, marshal(t, oauth.Resource{URI: base + "/mcp", Name: "Example"}.Metadata(base))); diff != "" {
		t.Error(diff)
	}
	t.Run("9728-02 no empty name", func(t *testing.T) {
		t.Parallel()
		if got := marshal(t, only[0].Metadata(base)); strings.Contains(got, "resource_name") {
			t.Error(got)
		}
	})
}

func TestMetadataRequirements(t *testing.T) {
	t.Parallel()
	server, resource := oauth.AuthorizationServerMetadata(base, only, true), only[0].Metadata(base)
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
			reg, err := oauth.ParseRegistration([]byte(`{"redirect_uris":["https://a.example/cb"],"jwks_uri":"https://a.example/jwks","token_endpoint_auth_method":"` + method + `"}`))
			if err != nil || reg.AuthMethod != method {
				t.Errorf("%s: %q, %v", method, reg.AuthMethod, err)
			}
		}
	})
}
