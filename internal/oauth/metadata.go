package oauth

import "slices"

// Names of the grant and response types and of the client authentication methods
// that are supported (RFC 7591 §2).
const (
	GrantAuthorizationCode = "authorization_code"
	GrantRefreshToken      = "refresh_token"

	ResponseTypeCode = "code"

	AuthMethodNone              = "none"
	AuthMethodClientSecretPost  = "client_secret_post"
	AuthMethodClientSecretBasic = "client_secret_basic"
	AuthMethodPrivateKeyJWT     = "private_key_jwt"
)

// The endpoints' paths. Clients that find no metadata fall back to these.
const (
	authorizePath  = "/authorize"
	tokenPath      = "/token"
	registerPath   = "/register"
	revokePath     = "/revoke"
	introspectPath = "/introspect"
)

func supportedGrantTypes() []string { return []string{GrantAuthorizationCode, GrantRefreshToken} }

func supportedResponseTypes() []string { return []string{ResponseTypeCode} }

func supportedAuthMethods() []string {
	return append([]string{AuthMethodNone}, confidentialAuthMethods()...)
}

// confidentialAuthMethods are the methods that authenticate a client.
func confidentialAuthMethods() []string {
	return []string{AuthMethodClientSecretPost, AuthMethodClientSecretBasic, AuthMethodPrivateKeyJWT}
}

// ServerMetadata is the metadata document of the authorization server (RFC 8414
// §2). Clients choose by what it lists, so it lists what works and nothing else.
type ServerMetadata struct {
	Issuer                            string   `json:"issuer"`
	AuthorizationEndpoint             string   `json:"authorization_endpoint"`
	TokenEndpoint                     string   `json:"token_endpoint"`
	RegistrationEndpoint              string   `json:"registration_endpoint,omitempty"` // "" when clients may not register
	RevocationEndpoint                string   `json:"revocation_endpoint"`
	IntrospectionEndpoint             string   `json:"introspection_endpoint"`
	ScopesSupported                   []string `json:"scopes_supported"`
	ResponseTypesSupported            []string `json:"response_types_supported"`
	ResponseModesSupported            []string `json:"response_modes_supported"`
	GrantTypesSupported               []string `json:"grant_types_supported"`
	TokenEndpointAuthMethods          []string `json:"token_endpoint_auth_methods_supported"`
	TokenEndpointSigningAlgs          []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	RevocationEndpointAuthMethods     []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationEndpointSigningAlgs     []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	IntrospectionEndpointAuthMethods  []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionEndpointSigningAlgs  []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	CodeChallengeMethodsSupported     []string `json:"code_challenge_methods_supported"`
	AuthorizationResponseIssSupported bool     `json:"authorization_response_iss_parameter_supported"`
	ProtectedResources                []string `json:"protected_resources"`
	PolicyURI                         string   `json:"op_policy_uri,omitempty"` // "" when there is none
	TermsOfServiceURI                 string   `json:"op_tos_uri,omitempty"`
	// ClientIDMetadataDocuments is left out when they are not taken.
	ClientIDMetadataDocuments bool `json:"client_id_metadata_document_supported,omitempty"`
}

// AuthorizationServerMetadata returns the document of a base URL, which is the
// issuer: an origin without trailing slash. resources are those that it issues tokens
// for; documents reports whether client ID metadata documents are taken.
func AuthorizationServerMetadata(base string, resources Resources, documents bool) ServerMetadata {
	protected := make([]string, 0, len(resources))
	for _, r := range resources {
		protected = append(protected, r.URI)
	}
	return ServerMetadata{
		Issuer:                            base,
		AuthorizationEndpoint:             base + authorizePath,
		TokenEndpoint:                     base + tokenPath,
		RegistrationEndpoint:              base + registerPath,
		RevocationEndpoint:                base + revokePath,
		IntrospectionEndpoint:             base + introspectPath,
		ScopesSupported:                   AdvertisedScopes(),
		ResponseTypesSupported:            supportedResponseTypes(),
		ResponseModesSupported:            []string{"query"},
		GrantTypesSupported:               supportedGrantTypes(),
		TokenEndpointAuthMethods:          supportedAuthMethods(),
		TokenEndpointSigningAlgs:          supportedSigningAlgs(),
		RevocationEndpointAuthMethods:     supportedAuthMethods(),
		RevocationEndpointSigningAlgs:     supportedSigningAlgs(),
		IntrospectionEndpointAuthMethods:  confidentialAuthMethods(),
		IntrospectionEndpointSigningAlgs:  supportedSigningAlgs(),
		CodeChallengeMethodsSupported:     []string{ChallengeMethod},
		AuthorizationResponseIssSupported: true,
		ProtectedResources:                protected,
		ClientIDMetadataDocuments:         documents,
	}
}

// ResourceMetadata is the metadata document of a protected resource (RFC 9728
// §2).
type ResourceMetadata struct {
	Resource               string   `json:"resource"`
	AuthorizationServers   []string `json:"authorization_servers"`
	ScopesSupported        []string `json:"scopes_supported"`
	BearerMethodsSupported []string `json:"bearer_methods_supported"`
	ResourceName           string   `json:"resource_name,omitempty"`
}

// Metadata returns the document of the resource, whose tokens the given issuer issues.
// Without a name that is left out.
func (r Resource) Metadata(issuer string) ResourceMetadata {
	supported := slices.Clone(r.requiredScopes())
	for _, offered := range r.Offered {
		supported = append(supported, offered.Name)
	}
	return ResourceMetadata{
		Resource:               r.URI,
		AuthorizationServers:   []string{issuer},
		ScopesSupported:        supported,
		BearerMethodsSupported: []string{"header"},
		ResourceName:           r.Name,
	}
}
