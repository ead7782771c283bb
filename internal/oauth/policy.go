package oauth

import (
	"fmt"
	"slices"
	"strings"
)

// RegistrationMode says who may register a client.
type RegistrationMode string

// The modes of registration. In each one nothing happens without a person's
// consent.
const (
	RegistrationOpen      RegistrationMode = "open"      // everyone
	RegistrationAllowlist RegistrationMode = "allowlist" // whose answers go to this machine or to a listed place
	RegistrationClosed    RegistrationMode = "closed"    // no one: operators make clients
)

// RegistrationPolicy says where the redirect URIs of clients may lead that
// register themselves. The zero value is open.
type RegistrationPolicy struct {
	mode    RegistrationMode
	allowed []string
}

// NewRegistrationPolicy returns a policy. A place is a host of https URIs
// ("claude.ai", with a port unless it is 443: "mcp.example.com:8443") or a
// private-use scheme with its colon ("cursor:"). Places are exact: there are no
// wildcards. They matter with an allowlist only; loopback addresses, where a
// client runs on the person's own machine, are always on it.
func NewRegistrationPolicy(mode RegistrationMode, places []string) (RegistrationPolicy, error) {
	if mode == "" {
		mode = RegistrationOpen
	}
	if !slices.Contains([]RegistrationMode{RegistrationOpen, RegistrationAllowlist, RegistrationClosed}, mode) {
		return RegistrationPolicy{}, fmt.Errorf("unknown mode %q; want open, allowlist or closed", mode)
	}
	p := RegistrationPolicy{mode: mode}
	for _, place := range places {
		place = strings.ToLower(strings.TrimSpace(place))
		uri := "https://" + place + "/"
		if strings.HasSuffix(place, ":") {
			uri = place + "/"
		}
		u, err := ParseRedirectURI(uri)
		if err != nil || u.place() != strings.TrimSuffix(place, ":443") {
			return RegistrationPolicy{}, fmt.Errorf("%q is not a host or scheme; want a host such as claude.ai, or a scheme such as \"cursor:\"", place)
		}
		p.allowed = append(p.allowed, u.place())
	}
	return p, nil
}

// place is the part of a redirect URI that an allowlist names.
func (u RedirectURI) place() string {
	if !u.isWeb() {
		return u.scheme + ":"
	}
	host := strings.ToLower(u.host)
	if u.port == "" || u.port == "443" {
		return host
	}
	return host + ":" + u.port
}

// Closed reports whether no one may register.
func (p RegistrationPolicy) Closed() bool { return p.mode == RegistrationClosed }

// Check returns nil if a client with these redirect URIs may register, otherwise
// an *Error: one that is not allowed is one too many, because a client that asks
// for several does not say which it will use.
func (p RegistrationPolicy) Check(uris ...RedirectURI) error {
	switch p.mode {
	case RegistrationClosed:
		return NewError(AccessDenied, "dynamic registration is disabled; the operator of this server registers clients")
	case RegistrationAllowlist:
		if !slices.ContainsFunc(uris, func(u RedirectURI) bool { return !p.Allows(u) }) {
			return nil
		}
		return badRedirect("this server only accepts redirect URIs on loopback and those that its operator allows")
	case RegistrationOpen:
	}
	return nil
}

// Allows reports whether a client that is known by its metadata document may use a
// redirect URI: such a client cannot be told to leave out the others.
func (p RegistrationPolicy) Allows(u RedirectURI) bool {
	return p.mode != RegistrationAllowlist || u.IsLoopback() || slices.Contains(p.allowed, u.place())
}
