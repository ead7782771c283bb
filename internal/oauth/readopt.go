package oauth

import (
	"fmt"
	"slices"
	"strings"
)

// ReadoptMode says which clients are registered anew, with a person's consent,
// when they come with a client id that the server does not know. Some never
// register again by themselves: they open the sign-in page with their old id for
// ever.
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
		return "", fmt.Errorf("%q is not known; want off, known or open", s)
	}
	return mode, nil
}

// maxReadoptID is longer than any client id that a server has been seen to give.
const maxReadoptID = 128

// Readopt returns what a client with an unknown id is registered anew as: a public
// client with the redirect URI that it uses, and with those that it may use as well
// if it is a known vendor's. It has no authentication method: the client may hold a
// secret that another server gave it, and goes on sending that. False when it is not;
// so is an id that could be a document's address, a person's id, or one that no server
// would give.
func (m ReadoptMode) Readopt(clientID, redirectURI string) (Registration, bool) {
	if clientID == "" || len(clientID) > maxReadoptID || !consistsOf(clientID, isUnreserved) || strings.HasPrefix(clientID, "usr_") ||
		ParseRedirectURI(redirectURI) != nil {
		return Registration{}, false
	}
	vendor, known := VendorOf(redirectURI)
	switch m {
	case ReadoptOpen:
	case ReadoptKnown:
		if !known && !IsLoopback(redirectURI) {
			return Registration{}, false
		}
	case ReadoptOff:
		return Registration{}, false
	default:
		return Registration{}, false
	}
	reg := Registration{
		RedirectURIs: []string{redirectURI}, ClientName: vendor.Name,
		GrantTypes: supportedGrantTypes(), ResponseTypes: supportedResponseTypes(),
		Scope: strings.Join(AdvertisedScopes(), " "),
	}
	for _, uri := range vendor.RedirectURIs {
		if uri != redirectURI && !strings.Contains(uri, "{") {
			reg.RedirectURIs = append(reg.RedirectURIs, uri)
		}
	}
	return reg, true
}
