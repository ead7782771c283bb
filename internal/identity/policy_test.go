package identity_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

func person(login string, orgs ...string) identity.Person {
	return identity.Person{Issuer: "https://github.com", Subject: "1", Login: login, Orgs: orgs}
}

func TestPolicyCheck(t *testing.T) {
	t.Parallel()
	anyone := identity.Policy{AllowAnyone: true}
	users := identity.Policy{Users: []string{"kate", "Octo-Cat"}}
	orgs := identity.Policy{Orgs: []string{"skunkworks"}}
	both := identity.Policy{Users: []string{"kate"}, Orgs: []string{"skunkworks"}}
	tests := map[string]struct {
		policy identity.Policy
		person identity.Person
		reason string // empty: allowed
	}{
		"no one by default":      {identity.Policy{}, person("kate"), "no one"},
		"admin is not a user":    {identity.Policy{Admins: []string{"kate"}}, person("kate"), "no one"},
		"anyone":                 {anyone, person("anyone"), ""},
		"anyone without subject": {anyone, identity.Person{Issuer: "i", Login: "kate"}, "did not identify the account"},
		"anyone without issuer":  {anyone, identity.Person{Subject: "1", Login: "kate"}, "did not identify the account"},
		"listed":                 {users, person("kate"), ""},
		"other case":             {users, person("KATE"), ""},
		"other case in the list": {users, person("octo-cat"), ""},
		"not listed":             {users, person("mallory"), "list of users"},
		"prefix":                 {users, person("kat"), "list of users"},
		"longer":                 {users, person("kate2"), "list of users"},
		"Kelvin sign":            {users, person("\u212Aate"), "list of users"},
		"Cyrillic a":             {users, person("k\u0430te"), "list of users"},
		"fullwidth k":            {users, person("\uFF4Bate"), "list of users"},
		"zero-width space":       {users, person("kate\u200B"), "list of users"},
		"combining accent":       {users, person("kate\u0301"), "list of users"},
		"space":                  {users, person("kate "), "list of users"},
		"NUL":                    {users, person("kate\x00"), "list of users"},
		"bit 5 is not case":      {identity.Policy{Users: []string{"a@b"}}, person("a`b"), "list of users"},
		"bracket and brace":      {identity.Policy{Users: []string{"a[b"}}, person("a{b"), "list of users"},
		"empty login":            {identity.Policy{Users: []string{""}}, person(""), "list of users"},
		"member":                 {orgs, person("x", "other", "SkunkWorks"), ""},
		"long s":                 {orgs, person("x", "\u017Fkunkworks"), "member"},
		"Kelvin sign in an org":  {orgs, person("x", "s\u212Aunkworks"), "member"},
		"not a member":           {orgs, person("x", "other"), "member"},
		"no memberships":         {orgs, person("x"), "member"},
		"login is not an org":    {orgs, person("skunkworks"), "member"},
		"org is not a login":     {users, person("x", "kate"), "list of users"},
		"empty org":              {identity.Policy{Orgs: []string{""}}, person("x", ""), "member"},
		"either: user":           {both, person("kate"), ""},
		"either: member":         {both, person("x", "skunkworks"), ""},
		"neither":                {both, person("x", "other"), "neither"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.policy.Check(tt.person)
			if tt.reason == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			refusal := new(identity.RefusedError)
			if !errors.As(err, &refusal) || refusal.Login != tt.person.Login {
				t.Fatalf("got %v", err)
			}
			wantError(t, err, identity.ErrRefused, tt.reason)
		})
	}
}

// TestPolicyRefusalText: the text is shown to the person, so it names the account
// harmlessly and no one else's.
func TestPolicyRefusalText(t *testing.T) {
	t.Parallel()
	policy := identity.Policy{Users: []string{"kate"}, Orgs: []string{"skunkworks"}, Admins: []string{"root"}}
	err := policy.Check(person("mallory\u202Eetak\n<script>"))
	for _, absent := range []string{"\n", "\u202E", "kate", "skunkworks", "root"} {
		if strings.Contains(err.Error(), absent) {
			t.Errorf("%q holds %q", err, absent)
		}
	}
	if !strings.Contains(err.Error(), "mallory") {
		t.Errorf("%q does not say which account", err)
	}
}

func TestPolicyIsAdmin(t *testing.T) {
	t.Parallel()
	policy := identity.Policy{AllowAnyone: true, Users: []string{"mallory"}, Admins: []string{"Kate", ""}}
	for login, want := range map[string]bool{"kate": true, "KATE": true, "\u212Aate": false, "mallory": false, "": false} {
		if got := policy.IsAdmin(person(login)); got != want {
			t.Errorf("IsAdmin(%q) is %v", login, got)
		}
	}
	if policy.IsAdmin(identity.Person{Login: "kate"}) {
		t.Error("a person without identity is an administrator")
	}
	if (identity.Policy{AllowAnyone: true}).IsAdmin(person("kate")) {
		t.Error("someone is an administrator by default")
	}
}

func TestPolicyNeedsOrgs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		policy identity.Policy
		want   bool
	}{
		{identity.Policy{}, false},
		{identity.Policy{Users: []string{"kate"}}, false},
		{identity.Policy{Orgs: []string{"skunkworks"}}, true},
		{identity.Policy{Orgs: []string{"skunkworks"}, AllowAnyone: true}, false},
	} {
		if got := tt.policy.NeedsOrgs(); got != tt.want {
			t.Errorf("%+v: %v", tt.policy, got)
		}
	}
}

func TestCallbackError(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]error{
		"access_denied": identity.ErrRefused, "login_required": identity.ErrRefused,
		"server_error": identity.ErrUnavailable, "temporarily_unavailable": identity.ErrUnavailable,
		"redirect_uri_mismatch": identity.ErrMisconfigured, "application_suspended": identity.ErrMisconfigured,
		"invalid_scope": identity.ErrMisconfigured, "": identity.ErrMisconfigured,
		"\x1b[2J" + strings.Repeat("x", 5000): identity.ErrMisconfigured,
	} {
		err := identity.CallbackError(code)
		wantError(t, err, want, "")
		if len(err.Error()) > 400 || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%d bytes: %q", len(err.Error()), err)
		}
	}
}

func TestUnavailableErrorKeepsItsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	err := error(&identity.UnavailableError{Reason: "GitHub is not responding", Cause: cause})
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	wantError(t, fmt.Errorf("wrapped: %w", err), identity.ErrUnavailable, "connection refused")
}
