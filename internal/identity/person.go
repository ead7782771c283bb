package identity

import (
	"fmt"
	"log/slog"
)

// Person is who a provider says signed in.
//
// The identity is the pair (Issuer, Subject) and nothing else (OpenID Connect
// Core section 5.7): a login can be renamed and then registered by somebody
// else, an e-mail address can be anybody's. All other fields are profile, as
// fresh as the provider's last answer.
type Person struct {
	Issuer  string // origin or issuer identifier of the provider, "local" for the local owner
	Subject string // the provider's stable, never reassigned id of the account

	Login         string // account name shown to people; may change
	Name          string // display name, possibly empty
	Email         string // possibly empty; worth nothing unless EmailVerified
	EmailVerified bool   // the provider itself vouches for the address
	Orgs          []string
}

// String names the account without the e-mail address and the display name.
func (p Person) String() string {
	return fmt.Sprintf("%q (%s at %s)", p.Login, p.Subject, p.Issuer)
}

// Format writes String for every verb, so that %+v and %#v show no e-mail either.
func (p Person) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, p.String()) }

// LogValue holds issuer, subject and login only.
func (p Person) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("issuer", p.Issuer),
		slog.String("subject", p.Subject),
		slog.String("login", p.Login),
	)
}
