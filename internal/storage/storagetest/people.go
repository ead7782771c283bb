package storagetest

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var peopleCases = []testCase{
	{"FindGrants/filter", findGrantsFilter},
	{"FindGrants/pages", findGrantsPages},
	{"RevokeGrants/of a person or a client", revokeGrantsFilter},
	{"RevokeGrants/in pages", revokeGrantsLimit},
	{"RevokeGrants/never all", revokeGrantsNeverAll},
	{"RevokeGrants/since a time", revokeGrantsSince},
	{"ListUsers/every field", listUsersEveryField},
	{"ListUsers/pages and filter", listUsersPages},
	{"DisableUser/ends everything", disableUserEnds},
	{"DisableUser/unknown or again", disableUserTwice},
	{"DisableUser/no sign-in", disableUserSignIn},
	{"DisableUser/no sign-in by password", disableUserPassword},
	{"DisableUser/race with sign-ins", disableUserRace},
	{"DisableUser/race with refreshes", disableUserRefreshRace},
	{"DisableUser/race with itself", disableUserOnce},
	{"EnableUser/signs in again", enableUser},
}

func listUsersEveryField(s *suite) {
	a := s.connect("a", "client", alice, start)
	b := s.connect("b", "client", bob, start)
	s.connect("c", "client", alice, after(time.Hour))
	s.ok(s.RevokeGrant(s.ctx(), a.grant, after(time.Hour)))
	s.connect("d", "client", alice, after(time.Hour))
	s.ok(second(s.DisableUser(s.ctx(), s.userID(b, start), after(2*time.Hour))))
	list, err := s.ListUsers(s.ctx(), storage.UserFilter{}, "", 10, after(2*time.Hour))
	s.ok(err)
	got := map[string]storage.UserSummary{}
	for _, u := range list {
		if u.User.ID == "" {
			s.Error("a person without an id")
		}
		u.User.ID = ""
		got[u.User.Subject] = u
	}
	want := map[string]storage.UserSummary{
		alice.Subject: {User: storage.User{Person: alice}, CreatedAt: start, LastSignInAt: after(time.Hour), Grants: 2},
		bob.Subject:   {User: storage.User{Person: bob}, CreatedAt: start, LastSignInAt: start, DisabledAt: after(2 * time.Hour)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("people (-want +got):\n%s", diff)
	}
}

// second is the error of a call that returns a value too.
func second[T any](_ T, err error) error { return err }

func listUsersPages(s *suite) {
	people := map[string]bool{}
	for i := range 5 {
		p := storage.Person{Issuer: fmt.Sprintf("issuer%d", i%2), Subject: fmt.Sprint(i), Login: "same"}
		people[s.userID(s.connect(p.Subject, "client", p, start), start)] = true
	}
	seen := map[string]bool{}
	var last storage.User
	for {
		page, err := s.ListUsers(s.ctx(), storage.UserFilter{}, last.ID, 2, start)
		s.ok(err)
		if len(page) == 0 {
			break
		}
		for _, u := range page {
			if u.User.ID <= last.ID || len(page) > 2 {
				s.Fatalf("%s after %s in a page of %d", u.User.ID, last.ID, len(page))
			}
			last = u.User
			seen[last.ID] = true
		}
	}
	if diff := cmp.Diff(people, seen); diff != "" {
		s.Errorf("ids (-want +got):\n%s", diff)
	}
	for want, f := range map[int]storage.UserFilter{
		1: {ID: last.ID}, 3: {Issuer: "issuer0"}, 0: {Issuer: "issuer0", Subject: "1"},
	} {
		if got, err := s.ListUsers(s.ctx(), f, "", 10, start); len(got) != want || err != nil {
			s.Errorf("%+v: %d people, %v, want %d", f, len(got), err, want)
		}
	}
}
