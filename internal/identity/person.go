package identity

import (
	"fmt"
	"log/slog"
	"time"
)

// Person is who a provider says signed in.
//
// The identity is the pair (Issuer, Subject) and nothing else (OpenID Connect Core section
// 5.7): a login can be renamed and then registered by someone else, an email address can be
// anyone's. All other fields are profile, as current as the provider's last response.
type Person struct {
	Issuer  string // origin or issuer identifier of the provider, "local" for the local owner
	Subject string // the provider's stable, never reassigned id of the account

	// Login is the account name on pages; it may change. It looks like an email address only
	// if the provider vouches for that address.
	Login         string
	Name          string   // display name, possibly empty
	Email         string   // possibly empty; worth nothing unless EmailVerified
	EmailVerified bool     // the provider itself vouches for the address
	HostedDomain  string   // domain of the Google Workspace that the account belongs to; empty at other providers
	Orgs          []string // GitHub organizations, and teams as org/team
	Groups        []string // of an OpenID provider, without a leading slash
	GroupsUnknown bool     // the provider has groups and did not list them

	// AuthenticatedAt is when the provider authenticated the person themselves, which may be
	// long before this sign-in (auth_time, OpenID Connect Core 1.0 section 2). Zero if it did
	// not say; GitHub never does.
	AuthenticatedAt time.Time

	// Known are the facts that the provider was asked for, reported or not.
	Known []Fact

	// Withheld tells the user which permission the provider did not grant, so that addresses
	// or organizations are unknown; "" if nothing was withheld.
	Withheld string
}

// Label names the account to its owner: the login, or the email address if the login is
// only the provider's ID.
func (p Person) Label() string {
	if p.Email != "" && (p.Login == "" || p.Login == p.Subject) {
		return p.Email
	}
	return p.Login
}

// String names the account without the email address and the display name.
func (p Person) String() string {
	return fmt.Sprintf("%q (%s at %s)", p.Login, p.Subject, p.Issuer)
}

// Format writes String for every verb, so that %+v and %#v show no email either.
func (p Person) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, p.String()) }

// LogValue holds issuer, subject and login only.
func (p Person) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("issuer", p.Issuer),
		slog.String("subject", p.Subject),
		slog.String("login", p.Login),
	)
}
