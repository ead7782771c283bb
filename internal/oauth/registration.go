package oauth

import (
	"net/url"
	"slices"
	"strings"
)

// Limits of a registration. Texts that people or logs see are cut, so that a
// talkative client still gets in.
const (
	maxRedirectURIs = 20
	maxListLength   = 50
	maxText         = 200 // characters
)

// Registration is what a client registers (RFC 7591 §2), defaults filled in and
// what is not supported left out. Everything in it is the client's own claim.
type Registration struct {
	RedirectURIs            []string // exactly as sent, 1 to 20
	ClientName              string   // without control and formatting characters; may be ""
	ClientURI               string   // http or https; may be ""
	GrantTypes              []string
	ResponseTypes           []string
	Scope                   string // space-delimited
	TokenEndpointAuthMethod string
	// AuthMethods lists all methods of a metadata document, TokenEndpointAuthMethod
	// first; nil for a registration, which has one.
	AuthMethods []string
	// The keys of private_key_jwt (RFC 7523): JWKS is the key set as JSON, JWKSURI is
	// where it is to be fetched; one of them is "". SigningAlg is "" for any.
	JWKS, JWKSURI, SigningAlg string
	ApplicationType           string // "native", "web" or ""
	SoftwareID                string
	SoftwareVersion           string
}

// ParseRegistration reads a client registration request (RFC 7591 §3.1). It is
// tolerant where clients differ: members it does not know are ignored, null is
// an absent member, grant and response types that are not supported are left
// out, and so is a software statement, which §2.3 leaves to the server. It is
// strict about the JSON itself.
//
// The error is an *Error with the code invalid_redirect_uri or
// invalid_client_metadata.
func ParseRegistration(body []byte) (Registration, error) {
	m, err := parseMembers(body)
	if err != nil {
		return Registration{}, err
	}
	return m.registration()
}

func (m members) registration() (Registration, error) {
	reg := Registration{
		ClientName:      m.clientName(),
		ApplicationType: m.applicationType(),
		SoftwareID:      m.claim("software_id"),
		SoftwareVersion: m.claim("software_version"),
	}
	for _, read := range []func(*Registration) error{
		m.readRedirectURIs, m.readURLs, m.readTypes, m.readScope, m.readAuthMethod,
	} {
		if err := read(&reg); err != nil {
			return Registration{}, err
		}
	}
	return reg, nil
}

// NeedsSecret reports whether the client authenticates with a secret.
func (r Registration) NeedsSecret() bool {
	return r.TokenEndpointAuthMethod == AuthMethodClientSecretPost || r.TokenEndpointAuthMethod == AuthMethodClientSecretBasic
}

func (r Registration) hasKeys() bool { return r.JWKS != "" || r.JWKSURI != "" }

func badMetadata(description string) error {
	return NewError(InvalidClientMetadata, description)
}

func (m members) readRedirectURIs(reg *Registration) error {
	uris, err := m.texts("redirect_uris")
	if err != nil {
		return err
	}
	if len(uris) == 0 || len(uris) > maxRedirectURIs {
		return badRedirect("redirect_uris must hold 1 to 20 URIs")
	}
	for _, uri := range uris {
		if err := ParseRedirectURI(uri); err != nil {
			return err
		}
	}
	reg.RedirectURIs = uris
	return nil
}

// readURLs checks all URLs and keeps the one of the client's site. None is ever
// fetched but jwks_uri, where that is how the client authenticates.
func (m members) readURLs(reg *Registration) error {
	if m.has("jwks") && m.has("jwks_uri") {
		return badMetadata("jwks and jwks_uri exclude each other")
	}
	for _, name := range []string{"logo_uri", "tos_uri", "policy_uri", "jwks_uri", "client_uri"} {
		value, err := m.text(name)
		if err != nil {
			return err
		}
		if value != "" && !isWebURL(value) {
			return badMetadata(name + " must be an http or https URL of at most 2048 characters")
		}
		if name == "client_uri" {
			reg.ClientURI = value
		}
	}
	return nil
}

func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= maxURI && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

// readTypes reads grant and response types, which belong together (RFC 7591
// §2.1): what is left must be able to use the authorization code grant.
func (m members) readTypes(reg *Registration) error {
	var err error
	if reg.GrantTypes, err = m.supported("grant_types", supportedGrantTypes()); err != nil {
		return err
	}
	if reg.ResponseTypes, err = m.supported("response_types", supportedResponseTypes()); err != nil {
		return err
	}
	if reg.GrantTypes == nil {
		reg.GrantTypes = []string{GrantAuthorizationCode}
	}
	if reg.ResponseTypes == nil {
		reg.ResponseTypes = supportedResponseTypes()
	}
	if !slices.Contains(reg.GrantTypes, GrantAuthorizationCode) || !slices.Contains(reg.ResponseTypes, ResponseTypeCode) {
		return badMetadata("grant_types must include authorization_code and response_types must include code")
	}
	return nil
}

// supported returns the supported values of a list, each once; nil when the list
// is absent or empty, and an empty list when it holds nothing that is supported.
func (m members) supported(name string, all []string) ([]string, error) {
	values, err := m.texts(name)
	if err != nil || len(values) == 0 {
		return nil, err
	}
	list := []string{}
	for _, v := range values {
		if slices.Contains(all, v) && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list, nil
}

// readScope registers the known scopes. A client that names none of them may ask
// for any (RFC 7591 §2 leaves the default to the server).
func (m members) readScope(reg *Registration) error {
	scope, err := m.text("scope")
	if err != nil {
		return err
	}
	list := scopes.known(ParseScope(scope))
	if len(list) == 0 {
		list = AdvertisedScopes()
	}
	reg.Scope = strings.Join(list, " ")
	return nil
}

// readAuthMethod picks the client authentication method: the one the client
// names, or else the first supported one of those it says it can do.
func (m members) readAuthMethod(reg *Registration) error {
	method, err := m.text("token_endpoint_auth_method")
	if err != nil {
		return err
	}
	usable := supportedAuthMethods()
	if !m.has("jwks") && !m.has("jwks_uri") {
		usable = slices.DeleteFunc(usable, func(s string) bool { return s == AuthMethodPrivateKeyJWT })
	}
	possible, err := m.supported("token_endpoint_auth_methods_supported", usable)
	if err != nil {
		return err
	}
	switch {
	case slices.Contains(usable, method):
		reg.TokenEndpointAuthMethod = method
	case len(possible) > 0:
		reg.TokenEndpointAuthMethod = possible[0]
	case method == "" && possible == nil:
		reg.TokenEndpointAuthMethod = AuthMethodClientSecretBasic
	default:
		return badMetadata("token_endpoint_auth_method must be none, client_secret_post, client_secret_basic, " +
			"or private_key_jwt with jwks or jwks_uri")
	}
	if reg.TokenEndpointAuthMethod != AuthMethodPrivateKeyJWT {
		return nil
	}
	if err := m.readKeys(reg); err != nil {
		return err
	}
	if !reg.hasKeys() {
		return badMetadata("jwks_uri must be an https URL")
	}
	return nil
}

func (m members) applicationType() string {
	if t := m.claim("application_type"); t == "native" || t == "web" {
		return t
	}
	return ""
}
