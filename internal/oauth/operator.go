package oauth

import "encoding/json"

// Described is a client as an operator describes it.
type Described struct {
	Name         string
	RedirectURIs []string
	AuthMethod   string // at the token endpoint (RFC 7591 section 2)
	// The public keys of private_key_jwt: a JSON Web Key Set, or its URL.
	JWKS    []byte
	JWKSURI string
}

// Registration checks the description by the rules of dynamic registration. What is wrong is an
// *Error.
func (d Described) Registration() (Registration, error) {
	metadata := map[string]any{
		"client_name": d.Name, "redirect_uris": d.RedirectURIs, "token_endpoint_auth_method": d.AuthMethod,
		"grant_types": []string{GrantAuthorizationCode, GrantRefreshToken},
	}
	switch hasKeys := len(d.JWKS) > 0 || d.JWKSURI != ""; {
	case len(d.RedirectURIs) == 0:
		return Registration{}, NewError(InvalidRedirectURI, "it needs at least one redirect URI")
	case hasKeys && d.AuthMethod != AuthMethodPrivateKeyJWT:
		return Registration{}, NewError(InvalidClientMetadata, "keys require the authentication method private_key_jwt")
	case len(d.JWKS) > 0 && !json.Valid(d.JWKS):
		return Registration{}, NewError(InvalidClientMetadata, "the key set is not JSON")
	case len(d.JWKS) > 0:
		metadata["jwks"] = json.RawMessage(d.JWKS)
	}
	if d.JWKSURI != "" {
		metadata["jwks_uri"] = d.JWKSURI
	}
	body, err := json.Marshal(metadata)
	if err != nil {
		return Registration{}, err
	}
	return ParseRegistration(body)
}
