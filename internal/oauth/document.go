package oauth

import (
	"encoding/json"
	"slices"
	"strings"
)

// IsMetadataURL reports whether a client id is the URL of a client ID metadata
// document (draft-ietf-oauth-client-id-metadata-document §3): https, with a path,
// without user information, fragment and dot segments, and in a form that all
// parsers read alike. Client ids are compared as strings.
func IsMetadataURL(clientID string) bool {
	if !strings.HasPrefix(clientID, "https://") {
		return false
	}
	u, err := parseRedirectURI(clientID)
	return err == nil && len(u.path) > 1
}

// isKeyURL reports whether keys may be fetched from a URL.
func isKeyURL(s string) bool {
	u, err := parseRedirectURI(s)
	return err == nil && u.scheme == "https"
}

// MetadataHost is the host of a client id that is the URL of a metadata document,
// in lower case: whoever holds it made the document. It is "" for any other id.
func MetadataHost(clientID string) string {
	if !IsMetadataURL(clientID) {
		return ""
	}
	return RedirectHost(clientID)
}

// ParseMetadataDocument reads a client ID metadata document that was fetched from
// the URL that is the client id. It is stricter than a registration in what makes a
// client trustworthy, and more tolerant in the rest, since nobody is there to
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
	reg := Registration{
		ClientName: m.clientName(), ClientURI: m.documentURL("client_uri"), ApplicationType: m.applicationType(),
		SoftwareID: m.claim("software_id"), SoftwareVersion: m.claim("software_version"),
	}
	if reg.ClientName == "" {
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
// secret: everybody can read it.
func (m members) checkDocument(clientID string) error {
	id, err := m.text("client_id")
	if err != nil {
		return err
	}
	if id != clientID {
		return badMetadata("client_id must be the URL of the document, character by character")
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

// documentURL is a URL for information, or "".
func (m members) documentURL(name string) string {
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
		if ParseRedirectURI(uri) == nil {
			reg.RedirectURIs = append(reg.RedirectURIs, uri)
		}
	}
	if len(reg.RedirectURIs) == 0 {
		return badRedirect("redirect_uris holds no URI that could be registered")
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
		if slices.Contains(named, possible) && (possible == AuthMethodNone || reg.hasKeys()) {
			reg.AuthMethods = append(reg.AuthMethods, possible)
		}
	}
	if len(reg.AuthMethods) == 0 {
		return badMetadata("token_endpoint_auth_method must be none, or private_key_jwt with jwks or jwks_uri")
	}
	reg.TokenEndpointAuthMethod = reg.AuthMethods[0]
	return nil
}

// readKeys reads where the client's keys are: in the document, or at a URL.
func (m members) readKeys(reg *Registration) error {
	if m.has("jwks") && m.has("jwks_uri") {
		return badMetadata("jwks and jwks_uri exclude each other")
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

// compact is valid JSON without white space.
func compact(raw json.RawMessage) string {
	short, err := json.Marshal(raw)
	if err != nil {
		return string(raw)
	}
	return string(short)
}
