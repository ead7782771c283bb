package mcpkeep

import (
	"context"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// Person is the user that a request acts for, as identified by its access token. Compare
// ID, or the pair of Issuer and Subject: logins and addresses may change hands.
type Person struct {
	ID       string   // mcpkeep's own id of the person
	Issuer   string   // of the provider that signed the person in, such as "https://github.com"
	Subject  string   // the provider's id of the account
	Login    string   // may be ""
	Name     string   // may be ""
	Email    string   // verified by the provider; may be ""
	Groups   []string // at an OpenID provider that was asked for them; may be nil
	Admin    bool     // one of Config.Admins
	ClientID string   // the app that acts for the person
	Scopes   []string // that the access token has
}

// PersonFrom returns the caller of a request that went through [Keep.Handler], from the
// context of the HTTP request or of the tool call. It reports false in any other context.
func PersonFrom(ctx context.Context) (Person, bool) {
	p, ok := principal.FromContext(ctx)
	if !ok {
		return Person{}, false
	}
	return Person{
		ID: p.User.ID, Issuer: p.User.Issuer, Subject: p.User.Subject, Login: p.User.Login, Name: p.User.Name,
		Email: p.User.Email, Groups: p.User.Groups, Admin: p.Admin, ClientID: p.ClientID, Scopes: strings.Fields(p.Scope),
	}, true
}
