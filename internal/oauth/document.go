package oauth

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
)

// IsMetadataURL reports whether a client ID is the URL of a client ID metadata
// document (draft-ietf-oauth-client-id-metadata-document §3): https, with a path,
// without user information, fragment and dot segments, and in a form that all
// parsers read alike. Client ids are compared as strings.
func IsMetadataURL(clientID string) bool {
	if !strings.HasPrefix(clientID, "https://") {
		return false
	}
	u, err := ParseRedirectURI(clientID)
	return err == nil && len(u.path) > 1
}

// isKeyURL reports whether keys may be fetched from a URL.
func isKeyURL(s string) bool {
	u, err := ParseRedirectURI(s)
	return err == nil && u.scheme == "https"
}

// MetadataHost is the host of a client ID that is the URL of a metadata document,
// in lower case: its owner published the document. It is "" for any other id.
func MetadataHost(clientID string) string {
	if !IsMetadataURL(clientID) {
		return ""
	}
	u, err := ParseRedirectURI(clientID)
	if err != nil {
		return ""
	}
	return u.Host()
}

// ParseMetadataDocument reads a client ID metadata document that was fetched from
// the URL that is the client ID. It is stricter than a registration in what makes a
// client trustworthy, and more tolerant in the rest, since no one is there to
// correct it: redirect URIs that could not be registered are left out, and so are
// methods and types that are not supported.
//
// The error is an *Error with the code invalid_redirect_uri or
// invalid_client_metadata.
func ParseMetadataDocument(clientID string, body []byte) (Registration, error) {
	m, err := parseMembers(body)
	if err != nil {
		return Registration{}, err
	}
	if err := m.checkDocument(clientID); err != nil {
		return Registration{}, err
	}
	reg := m.claims()
	reg.URI = m.webURL("client_uri")
	if reg.Name == "" {
		return Registration{}, badMetadata("client_name is missing")
	}
	for _, read := range []func(*Registration) error{
		m.readDocumentRedirects, m.readTypes, m.readScope, m.readDocumentMethods,
	} {
		if err := read(&reg); err != nil {
			return Registration{}, err
		}
	}
	return reg, nil
}

// checkDocument checks that a document is its URL's own, and that it holds no
// secret: everyone can read it.
func (m members) checkDocument(clientID string) error {
	id, err := m.text("client_id")
	if err != nil {
		return err
	}
	if id != clientID {
		return badMetadata("client_id must exactly match the document URL")
	}
	method, err := m.text("token_endpoint_auth_method")
	if err != nil {
		return err
	}
	if m.has("client_secret") || m.has("client_secret_expires_at") || strings.HasPrefix(method, "client_secret_") {
		return badMetadata("a client with a metadata document cannot have a secret")
	}
	return nil
}

// webURL is a URL for information, or "" when it is absent or unusable.
func (m members) webURL(name string) string {
	value, err := m.text(name)
	if err != nil || !isWebURL(value) {
		return ""
	}
	return value
}

func (m members) readDocumentRedirects(reg *Registration) error {
	uris, err := m.texts("redirect_uris")
	if err != nil {
		return err
	}
	for _, uri := range uris[:min(len(uris), maxRedirectURIs)] {
		if u, err := ParseRedirectURI(uri); err == nil {
			reg.addRedirect(u)
		}
	}
	if len(reg.RedirectURIs) == 0 {
		return badRedirect("redirect_uris contains no valid redirect URI")
	}
	return nil
}

// readDocumentMethods reads both members that name authentication methods: any that
// is in either and supported may be used. A client that names none is public.
func (m members) readDocumentMethods(reg *Registration) error {
	method, err := m.text("token_endpoint_auth_method")
	if err != nil {
		return err
	}
	named, err := m.texts("token_endpoint_auth_methods_supported")
	if err != nil {
		return err
	}
	if method != "" {
		named = append([]string{method}, named...)
	}
	if named == nil {
		named = []string{AuthMethodNone}
	}
	if slices.Contains(named, AuthMethodPrivateKeyJWT) {
		if err := m.readKeys(reg); err != nil {
			return err
		}
	}
	for _, possible := range []string{AuthMethodPrivateKeyJWT, AuthMethodNone} {
		if slices.Contains(named, possible) && (possible == AuthMethodNone || reg.HasKeys()) {
			reg.AuthMethods = append(reg.AuthMethods, possible)
		}
	}
	if len(reg.AuthMethods) == 0 {
		return badMetadata("token_endpoint_auth_method must be none, or private_key_jwt with jwks or jwks_uri")
	}
	reg.AuthMethod = reg.AuthMethods[0]
	return nil
}

// readKeys reads where the client's keys are: in the document, or at a URL.
func (m members) readKeys(reg *Registration) error {
	if m.has("jwks") && m.has("jwks_uri") {
		return badMetadata("jwks and jwks_uri are mutually exclusive")
	}
	var err error
	if reg.JWKSURI, err = m.text("jwks_uri"); err != nil {
		return err
	}
	if reg.JWKSURI != "" && !isKeyURL(reg.JWKSURI) {
		return badMetadata("jwks_uri must be an https URL")
	}
	if m.has("jwks") {
		if _, err := ParseKeySet(m["jwks"]); err != nil {
			return err
		}
		reg.JWKS = compact(m["jwks"])
	}
	reg.SigningAlg, err = m.text("token_endpoint_auth_signing_alg")
	if err == nil && reg.SigningAlg != "" && !slices.Contains(supportedSigningAlgs(), reg.SigningAlg) {
		err = badMetadata("token_endpoint_auth_signing_alg must be RS256, PS256, ES256 or EdDSA")
	}
	return err
}

// compact returns valid JSON without white space.
func compact(raw json.RawMessage) metadata.JSON {
	short, err := json.Marshal(raw)
	if err != nil {
		return metadata.JSON(raw)
	}
	return metadata.JSON(short)
}
