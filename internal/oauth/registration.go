package oauth

import (
	"net/url"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
)

// Limits of a registration. Texts that people or logs see are cut, so that a
// talkative client still gets in.
const (
	maxRedirectURIs = 20
	maxListLength   = 50
	maxText         = 200 // characters
)

// Registration is what a client registers (RFC 7591 §2), defaults filled in and
// what is not supported left out: 1 to 20 redirect URIs, and names without control
// and formatting characters. Everything in it is the client's own claim.
type Registration struct {
	metadata.Client

	Redirects []RedirectURI // RedirectURIs, parsed
}

func (r *Registration) addRedirect(u RedirectURI) {
	r.Redirects, r.RedirectURIs = append(r.Redirects, u), append(r.RedirectURIs, u.String())
}

// KeepRedirects removes the redirect URIs for which keep is false.
func (r *Registration) KeepRedirects(keep func(RedirectURI) bool) {
	all := r.Redirects
	r.Redirects, r.RedirectURIs = nil, nil
	for _, u := range all {
		if keep(u) {
			r.addRedirect(u)
		}
	}
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
	reg := m.claims()
	for _, read := range []func(*Registration) error{
		m.readRedirectURIs, m.readURLs, m.readTypes, m.readScope, m.readAuthMethod,
	} {
		if err := read(&reg); err != nil {
			return Registration{}, err
		}
	}
	return reg, nil
}

// claims returns what is for information only.
func (m members) claims() Registration {
	return Registration{Client: metadata.Client{
		Name:            m.clientName(),
		ApplicationType: m.applicationType(),
		SoftwareID:      m.claim("software_id"),
		SoftwareVersion: m.claim("software_version"),
	}}
}

// NeedsSecret reports whether the client authenticates with a secret.
func (r Registration) NeedsSecret() bool {
	return r.AuthMethod == AuthMethodClientSecretPost || r.AuthMethod == AuthMethodClientSecretBasic
}

func badMetadata(description string) error {
	return NewError(InvalidClientMetadata, description)
}

func (m members) readRedirectURIs(reg *Registration) error {
	uris, err := m.texts("redirect_uris")
	if err != nil {
		return err
	}
	switch {
	case len(uris) == 0:
		return badRedirect("redirect_uris is empty, so the app has nowhere to receive the sign-in. " +
			"Start the app's own sign-in for this server, for example /mcp auth in Gemini CLI; if that fails, update the app or remove the server from it and add it again")
	case len(uris) > maxRedirectURIs:
		return badRedirect("redirect_uris must contain at most 20 URIs")
	}
	for _, uri := range uris {
		u, err := ParseRedirectURI(uri)
		if err != nil {
			return err
		}
		reg.addRedirect(u)
	}
	return nil
}

// readURLs keeps the URL of the client's site. Those that are for information only are
// dropped when they are unusable, as are logo_uri, tos_uri and policy_uri, which no one
// is shown. None is ever fetched but jwks_uri, where that is how the client authenticates.
func (m members) readURLs(reg *Registration) error {
	if m.has("jwks") && m.has("jwks_uri") {
		return badMetadata("jwks and jwks_uri are mutually exclusive")
	}
	keys, err := m.text("jwks_uri")
	if err != nil {
		return err
	}
	if keys != "" && !isWebURL(keys) {
		return badMetadata("jwks_uri must be an http or https URL of at most 2048 characters")
	}
	reg.URI = m.webURL("client_uri")
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

// readScope registers the known scopes. A client that names none that opens the server
// registers the advertised ones (RFC 7591 §2 leaves the default to the server).
func (m members) readScope(reg *Registration) error {
	scope, err := m.text("scope")
	if err != nil {
		return err
	}
	list := scopes.known(ParseScope(scope))
	if !opens(list) {
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
		reg.AuthMethod = method
	case len(possible) > 0:
		reg.AuthMethod = possible[0]
	case method == "" && possible == nil:
		reg.AuthMethod = AuthMethodClientSecretBasic
	default:
		return badMetadata("token_endpoint_auth_method must be none, client_secret_post, client_secret_basic, " +
			"or private_key_jwt with jwks or jwks_uri")
	}
	if reg.AuthMethod != AuthMethodPrivateKeyJWT {
		return nil
	}
	if err := m.readKeys(reg); err != nil {
		return err
	}
	if !reg.HasKeys() {
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
