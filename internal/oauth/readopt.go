package oauth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
)

// ReadoptMode says which clients with an unknown client ID are registered again, with
// the user's consent. Some clients never register again: they keep opening the sign-in
// page with their stale client ID.
type ReadoptMode string

// The modes of readoption.
const (
	ReadoptOff   ReadoptMode = "off"
	ReadoptKnown ReadoptMode = "known" // on the person's machine, and the known vendors' hosted clients
	ReadoptOpen  ReadoptMode = "open"  // every one that could register
)

// ParseReadoptMode checks a mode.
func ParseReadoptMode(s string) (ReadoptMode, error) {
	mode := ReadoptMode(s)
	if !slices.Contains([]ReadoptMode{ReadoptOff, ReadoptKnown, ReadoptOpen}, mode) {
		return "", fmt.Errorf("unknown mode %q; want off, known or open", s)
	}
	return mode, nil
}

// Readoption says which clients with an unknown client ID are registered again.
type Readoption struct {
	Mode ReadoptMode // "" is off
	// Redirects are redirect URIs of the operator's own choice that are known like a
	// vendor's, exactly.
	Redirects []RedirectURI
}

// maxReadoptID is longer than any client ID that a server has been seen to give.
const maxReadoptID = 128

// Lets reports whether a client with this unknown ID may be registered again at all; its
// redirect URI decides then.
func (o Readoption) Lets(clientID string) bool {
	return (o.Mode == ReadoptKnown || o.Mode == ReadoptOpen) && clientID != "" && len(clientID) <= maxReadoptID &&
		consistsOf(clientID, isUnreserved) && !strings.HasPrefix(clientID, "usr_") &&
		clientID != metadata.PersonalClientID
}

// Readopt returns what a client with an unknown id is registered again as: a public
// client with the redirect URI that it uses, and with those that it may use as well
// if it is a known vendor's. It has no authentication method: the client may hold a
// secret that another server gave it, and continues sending that. False when it is not;
// so is an id that could be a document's address, a person's id, or one that no server
// would give.
func (o Readoption) Readopt(clientID string, redirectURI RedirectURI) (Registration, bool) {
	vendor, known := VendorOf(redirectURI)
	known = known || redirectURI.IsLoopback() || slices.ContainsFunc(o.Redirects, redirectURI.Equal)
	if !o.Lets(clientID) || redirectURI.text == "" || o.Mode == ReadoptKnown && !known {
		return Registration{}, false
	}
	reg := Registration{Client: metadata.Client{
		Name:       vendor.Name,
		GrantTypes: supportedGrantTypes(), ResponseTypes: supportedResponseTypes(),
		Scope: strings.Join(AdvertisedScopes(), " "),
	}}
	reg.addRedirect(redirectURI)
	reg.addRedirects(vendor, redirectURI)
	return reg, true
}

// Unread returns what a client is known as whose metadata document cannot be fetched:
// see UnreadRegistration. False when it is not: the redirect URI must lead to the
// person's own machine, where no one gains more by it than by a registration.
func (m ReadoptMode) Unread(redirectURI RedirectURI) (Registration, bool) {
	if m != ReadoptKnown && m != ReadoptOpen || !redirectURI.IsLoopback() {
		return Registration{}, false
	}
	return UnreadRegistration(redirectURI), true
}

// UnreadRegistration is a public client with one redirect URI and without a name:
// whatever else it is, its document says, which could not be read.
func UnreadRegistration(redirectURI RedirectURI) Registration {
	reg := Registration{Client: metadata.Client{
		GrantTypes: supportedGrantTypes(), ResponseTypes: supportedResponseTypes(), Scope: strings.Join(AdvertisedScopes(), " "),
		AuthMethod: AuthMethodNone, AuthMethods: []string{AuthMethodNone},
	}}
	reg.addRedirect(redirectURI)
	return reg
}
