package storagetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var personalTokenCases = []testCase{
	{"PersonalToken/acts for its user", personalActs},
	{"PersonalToken/is listed and ends", personalEnds},
	{"PersonalToken/its grant has no refresh token", personalNoRefresh},
	{"PersonalToken/ends with the user's access", personalDisabled},
	{"PersonalToken/ends with a refusal", personalRefused},
	{"PersonalToken/needs a provider's token", personalUnconfirmed},
	{"PersonalToken/keeps the provider's token", personalKeepsToken},
	{"PersonalToken/as many as there may be", personalFull},
	{"PersonalToken/expires", personalExpires},
}

const personalLife = 90 * 24 * time.Hour

// personal is a token to be made for the owner of a family.
func (s *suite) personal(name, userID string) storage.NewPersonalToken {
	s.Helper()
	return storage.NewPersonalToken{
		PersonalToken: storage.PersonalToken{Name: name, ExpiresAt: after(personalLife)},
		GrantID:       "gr_" + name, UserID: userID, Token: storage.HashOf(name), Scope: "mcp notes.read",
		Resources: []string{"https://mcp.example.com/one/mcp", "https://mcp.example.com/two/mcp"},
	}
}

// userOf is the ID of a person, who signs in at a page.
func (s *suite) userOf(p storage.Person) string {
	s.Helper()
	got, err := s.BrowserSession(s.ctx(), s.open("session of "+p.Subject, p, start), start)
	s.ok(err)
	return got.User.ID
}

func personalActs(s *suite) {
	user := s.userOf(alice)
	s.ok(s.CreatePersonalToken(s.ctx(), s.personal("nightly", user), start))
	got, err := s.Access(s.ctx(), storage.HashOf("nightly"), start)
	s.ok(err)
	want := storage.Access{
		GrantID: "gr_nightly", ClientID: storage.PersonalClientID, User: got.User, Scope: "mcp notes.read",
		Resource: "https://mcp.example.com/one/mcp https://mcp.example.com/two/mcp", IssuedAt: start, ExpiresAt: after(personalLife), LastUsedAt: start,
	}
	if diff := cmp.Diff(want, got); diff != "" || got.User.ID != user || got.User.Login != alice.Login || !got.IsPersonal() {
		s.Errorf("user %+v (-want +got):\n%s", got.User, diff)
	}
	s.refused("another one", second(s.Access(s.ctx(), storage.HashOf("other"), start)), storage.ErrNotFound)
	s.refused("for no one", s.CreatePersonalToken(s.ctx(), s.personal("none", "usr_none"), start), storage.ErrNotFound)
	s.happened(storage.EventSessionOpened, storage.EventPersonalTokenMade)
}

func personalEnds(s *suite) {
	user := s.userOf(alice)
	s.ok(s.CreatePersonalToken(s.ctx(), s.personal("nightly", user), start))
	s.ok(s.CreatePersonalToken(s.ctx(), s.personal("hourly", user), start))
	grants, err := s.ListGrants(s.ctx(), user, "", 10, start)
	s.ok(err)
	if len(grants) != 2 || grants[1].Personal != s.personal("nightly", user).PersonalToken || grants[1].ClientName != "nightly" {
		s.Fatalf("listed: %+v", grants)
	}
	found, err := s.FindGrants(s.ctx(), storage.GrantFilter{ClientID: storage.PersonalClientID}, "", 10, start)
	s.ok(err)
	if len(found) != 2 || found[0].Grant.Personal.Name != "hourly" || found[0].User.Login != alice.Login {
		s.Errorf("found: %+v", found)
	}
	s.refused("by someone else", s.RevokeUserGrant(s.ctx(), "usr_other", "gr_nightly", start), storage.ErrNotFound)
	s.ok(s.RevokeUserGrant(s.ctx(), user, "gr_nightly", start))
	s.refused("ended", second(s.Access(s.ctx(), storage.HashOf("nightly"), start)), storage.ErrNotFound)
	s.ok(second(s.Access(s.ctx(), storage.HashOf("hourly"), start)))
}

// Nothing renews it, and a client cannot give it up.
func personalNoRefresh(s *suite) {
	user := s.userOf(alice)
	s.ok(s.CreatePersonalToken(s.ctx(), s.personal("nightly", user), start))
	for _, client := range []string{storage.PersonalClientID, "client"} {
		_, _, err := s.RefreshGrant(s.ctx(), storage.HashOf("nightly"), client, start)
		s.refused("as a refresh token of "+client, err, storage.ErrNotFound)
	}
	s.ok(s.RevokeToken(s.ctx(), storage.HashOf("nightly"), "client", start))
	s.ok(second(s.Access(s.ctx(), storage.HashOf("nightly"), start)))
}

func personalDisabled(s *suite) {
	user := s.userOf(alice)
	s.ok(s.CreatePersonalToken(s.ctx(), s.personal("nightly", user), start))
	if n, err := s.DisableUser(s.ctx(), user, start); n != 1 || err != nil {
		s.Errorf("%d grants ended, %v", n, err)
	}
	s.refused("of a disabled user", second(s.Access(s.ctx(), storage.HashOf("nightly"), start)), storage.ErrNotFound)
	s.refused("a new one", s.CreatePersonalToken(s.ctx(), s.personal("hourly", user), start), storage.ErrDisabled)
	s.ok(s.EnableUser(s.ctx(), user, start))
	s.refused("of an enabled user", second(s.Access(s.ctx(), storage.HashOf("nightly"), start)), storage.ErrNotFound)
}

func personalRefused(s *suite) {
	f := s.connect("a", "client", alice, start)
	user := s.userID(f, start)
	s.ok(s.CreatePersonalToken(s.ctx(), s.personal("nightly", user), start))
	c := s.startCheck(f, start, "check")
	s.ok(s.FinishProviderCheck(s.ctx(), c, storage.ProviderAnswer{Refused: true}, start))
	s.refused("of a refused user", second(s.Access(s.ctx(), storage.HashOf("nightly"), start)), storage.ErrNotFound)
}

func personalUnconfirmed(s *suite) {
	t := s.personal("nightly", s.userOf(alice))
	t.NeedsProvider = true
	s.refused("without a token", s.CreatePersonalToken(s.ctx(), t, start), storage.ErrUnconfirmed)
	spare, err := s.OpenBrowserSession(s.ctx(), storage.NewBrowserSession{
		ID: storage.HashOf("b"), Person: alice, ProviderToken: []byte("token"), KeepToken: true,
	}, start)
	if spare || err != nil {
		s.Errorf("spare %t, %v", spare, err)
	}
	if grants, err := s.ListGrants(s.ctx(), t.UserID, "", 10, start); len(grants) > 0 || err != nil {
		s.Errorf("a connection of no app: %+v, %v", grants, err)
	}
	s.ok(s.CreatePersonalToken(s.ctx(), t, start))
	grant, _, err := s.LiveGrant(s.ctx(), t.GrantID, start)
	s.ok(err)
	if string(grant.Provider.Token) != "token" {
		s.Errorf("the provider is asked with %q", grant.Provider.Token)
	}
}

// The provider's token stays for as long as a personal token lives, and for an hour without.
func personalKeepsToken(s *suite) {
	hold := func(p storage.Person, token string) string {
		s.Helper()
		id := storage.HashOf(token)
		s.ok(second(s.OpenBrowserSession(s.ctx(), storage.NewBrowserSession{ID: id, Person: p, ProviderToken: []byte(token), KeepToken: true}, start)))
		got, err := s.BrowserSession(s.ctx(), id, start)
		s.ok(err)
		return got.User.ID
	}
	user := hold(alice, "of alice")
	hold(bob, "of bob")
	s.ok(s.CreatePersonalToken(s.ctx(), s.personal("nightly", user), start))
	s.taken("within the hour", after(59*time.Minute))
	s.taken("no token was made", after(61*time.Minute), "of bob")
	s.taken("it lives", after(personalLife-time.Second))
	s.taken("it has ended", after(personalLife+time.Second), "of alice")
}

func personalFull(s *suite) {
	user := s.userOf(alice)
	errs := race(storage.MaxPersonalTokens+6, func(i int) error {
		return s.CreatePersonalToken(s.ctx(), s.personal(fmt.Sprint("token ", i), user), start)
	})
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if !errors.Is(err, storage.ErrFull) {
			s.Errorf("unexpected: %v", err)
		}
	}
	if made != storage.MaxPersonalTokens {
		s.Errorf("%d were made", made)
	}
	s.ok(s.CreatePersonalToken(s.ctx(), s.personal("of another user", s.userOf(bob)), start))
	s.ok(s.CreatePersonalToken(s.ctx(), s.personal("later", user), after(personalLife)))
}

func personalExpires(s *suite) {
	user := s.userOf(alice)
	s.ok(s.CreatePersonalToken(s.ctx(), s.personal("nightly", user), start))
	last, over := after(personalLife-time.Second), after(personalLife)
	s.ok(second(s.Access(s.ctx(), storage.HashOf("nightly"), last)))
	s.refused("expired", second(s.Access(s.ctx(), storage.HashOf("nightly"), over)), storage.ErrNotFound)
	if grants, err := s.ListGrants(s.ctx(), user, "", 10, over); len(grants) > 0 || err != nil {
		s.Errorf("listed: %+v, %v", grants, err)
	}
	for range 2 {
		s.taken("it has ended", over)
		s.ok(second(s.DeleteExpired(s.ctx(), over, storage.Retention{}, 100)))
	}
	s.refused("its grant", func() error { _, _, err := s.LiveGrant(s.ctx(), "gr_nightly", over); return err }(), storage.ErrNotFound)
}
