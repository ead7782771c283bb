package storagetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var peopleCases = []testCase{
	{"FindGrants/filter", findGrantsFilter},
	{"FindGrants/pages", findGrantsPages},
	{"RevokeGrants/of a person or a client", revokeGrantsFilter},
	{"RevokeGrants/some at once", revokeGrantsLimit},
	{"RevokeGrants/never all", revokeGrantsNeverAll},
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

// found lists the ids of grants, two at once.
func (k *kit) found(f storage.GrantFilter, now time.Time) []string {
	k.Helper()
	var ids []string
	var from string
	for {
		page, err := k.FindGrants(k.ctx(), f, from, 2, now)
		k.ok(err)
		if len(page) == 0 {
			return ids
		}
		for _, g := range page {
			from = g.Grant.ID
			ids = append(ids, from)
		}
	}
}

func findGrantsFilter(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("one")))
	a, b := k.connect("a", "one", alice, start), k.connect("b", "two", alice, start)
	c := k.connect("c", "one", bob, start)
	k.ok(k.RevokeGrant(k.ctx(), k.connect("d", "one", bob, start).grant, start))
	k.approve("e", "one", bob, start) // its code is not redeemed
	user := k.userID(a, start)
	k.sameList("all", k.found(storage.GrantFilter{}, start), a.grant, b.grant, c.grant)
	k.sameList("of a person", k.found(storage.GrantFilter{UserID: user}, start), a.grant, b.grant)
	k.sameList("of a client", k.found(storage.GrantFilter{ClientID: "one"}, start), a.grant, c.grant)
	k.sameList("of both", k.found(storage.GrantFilter{UserID: user, ClientID: "one"}, start), a.grant)
	k.sameList("one", k.found(storage.GrantFilter{ID: c.grant}, start), c.grant)
	k.sameList("of nobody", k.found(storage.GrantFilter{UserID: "usr_unknown"}, start))
	k.sameList("expired", k.found(storage.GrantFilter{}, after(refreshLife)))
	got, err := k.FindGrants(k.ctx(), storage.GrantFilter{ID: a.grant}, "", 10, start)
	want := []storage.GrantSummary{{
		User: storage.User{ID: user, Person: alice},
		Grant: storage.Grant{
			ID: a.grant, UserID: user, ClientID: "one", ClientName: "Client one", Scope: fullScope, Resource: resource,
			CreatedAt: start, LastUsedAt: start,
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		k.Errorf("summary: %v (-want +got):\n%s", err, diff)
	}
}

func findGrantsPages(k *kit) {
	var want []string
	for i := range 5 {
		want = append(want, k.connect(fmt.Sprint(i), "client", alice, start).grant)
	}
	k.sameList("all", k.found(storage.GrantFilter{}, start), want...)
}

// revokeGrants revokes without a limit that matters.
func (k *kit) revokeGrants(want int64, f storage.GrantFilter) {
	k.Helper()
	if n, err := k.RevokeGrants(k.ctx(), f, 100, start); n != want || err != nil {
		k.Errorf("revoked %d by %+v, %v, want %d", n, f, err, want)
	}
}

func revokeGrantsFilter(k *kit) {
	a, b := k.connect("a", "one", alice, start), k.connect("b", "two", alice, start)
	c, d := k.connect("c", "one", bob, start), k.connect("d", "two", bob, start)
	pending := k.approve("e", "one", bob, start)
	her, him := k.userID(a, start), k.userID(c, start)
	before := len(k.types())
	k.revokeGrants(0, storage.GrantFilter{UserID: "usr_unknown"})
	k.revokeGrants(1, storage.GrantFilter{UserID: her, ClientID: "one"})
	k.dead(start, a)
	k.alive(start, b, c, d)
	k.revokeGrants(2, storage.GrantFilter{ClientID: "one"})
	k.dead(start, a, c)
	_, err := k.ExchangeCode(k.ctx(), pending.exchange(start), start)
	k.refused("the code of a revoked grant", err, storage.ErrNotFound)
	k.alive(start, b, d)
	k.revokeGrants(1, storage.GrantFilter{UserID: him})
	k.dead(start, d)
	k.alive(start, b)
	k.revokeGrants(0, storage.GrantFilter{UserID: him})
	events, err := k.NewestEvents(k.ctx(), storage.EventFilter{}, 100)
	k.ok(err)
	for _, e := range events[len(events)-4:] {
		if e.Type != storage.EventGrantRevoked || e.GrantID == "" || e.UserID == "" || e.ClientID == "" {
			k.Errorf("event %+v", e)
		}
	}
	if got := len(k.types()) - before; got != 4 {
		k.Errorf("%d events, want one for each grant", got)
	}
}

func revokeGrantsLimit(k *kit) {
	f := k.connect("0", "client", alice, start)
	for i := range 4 {
		k.connect(fmt.Sprint(i+1), "client", alice, start)
	}
	filters := []storage.GrantFilter{{ClientID: "client"}, {UserID: k.userID(f, start)}, {ClientID: "client"}, {ClientID: "client"}}
	for i, want := range []int64{2, 2, 1, 0} {
		if n, err := k.RevokeGrants(k.ctx(), filters[i], 2, start); n != want || err != nil {
			k.Errorf("revoked %d, %v, want %d", n, err, want)
		}
	}
}

func revokeGrantsNeverAll(k *kit) {
	f := k.connect("a", "client", alice, start)
	for _, filter := range []storage.GrantFilter{{}, {ID: f.grant}} {
		if n, err := k.RevokeGrants(k.ctx(), filter, 100, start); err == nil || n != 0 {
			k.Errorf("filter %+v: revoked %d without an error", filter, n)
		}
	}
	k.alive(start, f)
}

func listUsersEveryField(k *kit) {
	a := k.connect("a", "client", alice, start)
	b := k.connect("b", "client", bob, start)
	k.connect("c", "client", alice, after(time.Hour))
	k.ok(k.RevokeGrant(k.ctx(), a.grant, after(time.Hour)))
	k.connect("d", "client", alice, after(time.Hour))
	k.ok(second(k.DisableUser(k.ctx(), k.userID(b, start), after(2*time.Hour))))
	list, err := k.ListUsers(k.ctx(), storage.UserFilter{}, "", 10, after(2*time.Hour))
	k.ok(err)
	got := map[string]storage.UserSummary{}
	for _, u := range list {
		if u.User.ID == "" {
			k.Error("a person without an id")
		}
		u.User.ID = ""
		got[u.User.Subject] = u
	}
	want := map[string]storage.UserSummary{
		alice.Subject: {User: storage.User{Person: alice}, CreatedAt: start, LastSignInAt: after(time.Hour), Grants: 2},
		bob.Subject:   {User: storage.User{Person: bob}, CreatedAt: start, LastSignInAt: start, DisabledAt: after(2 * time.Hour)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		k.Errorf("people (-want +got):\n%s", diff)
	}
}

// second is the error of a call that returns a value too.
func second[T any](_ T, err error) error { return err }

func listUsersPages(k *kit) {
	people := map[string]bool{}
	for i := range 5 {
		p := storage.Person{Issuer: fmt.Sprintf("issuer%d", i%2), Subject: fmt.Sprint(i), Login: "same"}
		people[k.userID(k.connect(p.Subject, "client", p, start), start)] = true
	}
	seen := map[string]bool{}
	var last storage.User
	for {
		page, err := k.ListUsers(k.ctx(), storage.UserFilter{}, last.ID, 2, start)
		k.ok(err)
		if len(page) == 0 {
			break
		}
		for _, u := range page {
			if u.User.ID <= last.ID || len(page) > 2 {
				k.Fatalf("%s after %s in a page of %d", u.User.ID, last.ID, len(page))
			}
			last = u.User
			seen[last.ID] = true
		}
	}
	if diff := cmp.Diff(people, seen); diff != "" {
		k.Errorf("ids (-want +got):\n%s", diff)
	}
	for want, f := range map[int]storage.UserFilter{
		1: {ID: last.ID}, 3: {Issuer: "issuer0"}, 0: {Issuer: "issuer0", Subject: "1"},
	} {
		if got, err := k.ListUsers(k.ctx(), f, "", 10, start); len(got) != want || err != nil {
			k.Errorf("%+v: %d people, %v, want %d", f, len(got), err, want)
		}
	}
}

// disable disables the person of a family.
func (k *kit) disable(f family, now time.Time) {
	k.Helper()
	k.ok(second(k.DisableUser(k.ctx(), k.userID(f, now), now)))
}

func disableUserEnds(k *kit) {
	a, b := k.connect("a", "client", alice, start), k.rotate(k.connect("b", "other", alice, start), start)
	pending, his := k.approve("c", "client", alice, start), k.connect("d", "client", bob, start)
	user, before := k.userID(a, start), k.types()
	if n, err := k.DisableUser(k.ctx(), user, start); n != 3 || err != nil {
		k.Errorf("revoked %d, %v, want 3", n, err)
	}
	k.dead(start, a, b)
	_, err := k.ExchangeCode(k.ctx(), pending.exchange(start), start)
	k.refused("code", err, storage.ErrNotFound)
	k.alive(start, his)
	k.happened(append(before, storage.EventUserDisabled)...)
	events, err := k.NewestEvents(k.ctx(), storage.EventFilter{UserID: user}, 1)
	k.ok(err)
	if len(events) != 1 || events[0].Detail != "3 grants revoked" {
		k.Errorf("events %+v", events)
	}
}

func disableUserTwice(k *kit) {
	f := k.connect("a", "client", alice, start)
	user, his := k.userID(f, start), k.userID(k.connect("b", "client", bob, start), start)
	k.refused("enable who is not disabled", k.EnableUser(k.ctx(), user, start), storage.ErrNotFound)
	for _, id := range []string{"usr_unknown", ""} {
		k.refused("unknown", second(k.DisableUser(k.ctx(), id, start)), storage.ErrNotFound)
		k.refused("unknown", k.EnableUser(k.ctx(), id, start), storage.ErrNotFound)
	}
	k.alive(start, f)
	k.disable(f, start)
	before := k.types()
	k.refused("again", second(k.DisableUser(k.ctx(), user, after(time.Hour))), storage.ErrNotFound)
	k.happened(before...)
	list, err := k.ListUsers(k.ctx(), storage.UserFilter{ID: user}, "", 1, start)
	if len(list) != 1 || !list[0].DisabledAt.Equal(start) || err != nil {
		k.Errorf("%+v, %v", list, err)
	}
	k.ok(second(k.DisableUser(k.ctx(), his, start)))
}

// A refused sign-in is finished: nothing is granted, and nobody can go on with it.
func disableUserSignIn(k *kit) {
	k.disable(k.connect("a", "client", alice, start), start)
	renamed := alice
	renamed.Login = "somebody else"
	a := authorization("b", "client", start)
	k.ok(k.StartAuthorization(k.ctx(), a))
	before := k.types()
	req, err := k.FinishAuthorization(k.ctx(), completion("b", renamed, start), after(time.Minute))
	k.refused("sign-in", err, storage.ErrDisabled)
	if diff := cmp.Diff(a.Request, req); diff != "" {
		k.Errorf("request (-want +got):\n%s", diff)
	}
	k.happened(append(before, storage.EventSignInRefused)...)
	f := family{client: "client", grant: "grt_b", code: "code b"}
	_, err = k.ExchangeCode(k.ctx(), f.exchange(start), start)
	k.refused("code of a refused sign-in", err, storage.ErrNotFound)
	_, err = k.FinishAuthorization(k.ctx(), completion("b", bob, start), start)
	k.refused("the same sign-in, by somebody else", err, storage.ErrSpent)
	list, err := k.ListUsers(k.ctx(), storage.UserFilter{}, "", 10, start)
	k.ok(err)
	if len(list) != 1 || list[0].User.Person != alice || !list[0].LastSignInAt.Equal(start) {
		k.Errorf("people: %+v, want them as they were", list)
	}
	k.sameStats(storage.Stats{Users: 1}, start)
}

func disableUserPassword(k *kit) {
	k.ok(k.SetPassword(k.ctx(), owner, "hash", false, start))
	user, _, err := k.TryPassword(k.ctx(), owner, start)
	k.ok(err)
	k.ok(second(k.DisableUser(k.ctx(), user.ID, start)))
	a := authorization("a", "client", start)
	a.UserID = user.ID
	k.ok(k.StartAuthorization(k.ctx(), a))
	_, err = k.FinishAuthorization(k.ctx(), completion("a", bob, start), start)
	k.refused("sign-in", err, storage.ErrDisabled)
	k.ok(k.SetPassword(k.ctx(), owner, "new hash", true, start)) // as a start with a new password does
	k.ok(k.EnableUser(k.ctx(), user.ID, start))
	a.ID, a.StateHash = "b", storage.HashOf("state b")
	k.ok(k.StartAuthorization(k.ctx(), a))
	c := completion("b", bob, start)
	c.Browser = a.Browser
	_, err = k.FinishAuthorization(k.ctx(), c, start)
	k.refused("sign-in after enabling", err, nil)
}

// Whatever comes first: when somebody is disabled, none of their sign-ins has left
// anything that works.
func disableUserRace(k *kit) {
	for round := range 4 {
		person := alice
		person.Subject = fmt.Sprint(round)
		k.disableRaces(fmt.Sprint(round), person)
	}
	k.sameStats(storage.Stats{Users: 4}, start)
}

func (k *kit) disableRaces(prefix string, person storage.Person) {
	k.Helper()
	first := k.connect(prefix+"first", "client", person, start)
	user := k.userID(first, start)
	families := make([]family, racers)
	for i := range families {
		id := fmt.Sprintf("%sr%d", prefix, i)
		k.ok(k.StartAuthorization(k.ctx(), authorization(id, "client", start)))
		families[i] = family{client: "client", grant: "grt_" + id, code: "code " + id}
	}
	errs := race(racers, func(i int) error {
		if i == racers/2 {
			return second(k.DisableUser(k.ctx(), user, start))
		}
		id := families[i].grant[len("grt_"):]
		if _, err := k.FinishAuthorization(k.ctx(), completion(id, person, start), start); err != nil {
			return err
		}
		x := families[i].exchange(start)
		families[i].tokens = x.Next
		return second(k.ExchangeCode(k.ctx(), x, start))
	})
	k.ok(errs[racers/2])
	for i, err := range errs {
		if err != nil && !errors.Is(err, storage.ErrDisabled) && !errors.Is(err, storage.ErrNotFound) {
			k.Errorf("a sign-in: %v", err)
		}
		if families[i].tokens.Access.Value != "" {
			k.dead(start, families[i])
		}
		err := second(k.ExchangeCode(k.ctx(), families[i].exchange(start), start))
		if !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrSpent) {
			k.Errorf("the code of %s: %v", families[i].grant, err)
		}
	}
	k.dead(start, first)
}

// Refreshes and provider checks lock the same rows.
func disableUserRefreshRace(k *kit) {
	for round := range 8 {
		person := alice
		person.Subject = fmt.Sprint(round)
		families := make([]family, 4)
		for i := range families {
			families[i] = k.connect(fmt.Sprintf("r%d-%d", round, i), "client", person, start)
		}
		user, holder := k.userID(families[0], start), k.provider(families[0], start).GrantID
		errs := race(3*len(families), func(i int) error {
			f := families[i%len(families)]
			switch {
			case i == 0:
				return second(k.DisableUser(k.ctx(), user, start))
			case i < len(families):
				c := storage.ProviderCheck{UserID: user, GrantID: holder, ID: fmt.Sprint("check ", i), Until: after(checkLife)}
				if err := k.StartProviderCheck(k.ctx(), c, start); err != nil {
					return storage.ErrNotFound // another one is under way
				}
				return k.FinishProviderCheck(k.ctx(), c, storage.ProviderAnswer{Person: &person, Token: []byte("token")}, start)
			}
			return second(k.RotateRefreshToken(k.ctx(), f.rotation(start), start))
		})
		k.ok(errs[0])
		for _, err := range errs[1:] {
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				k.Errorf("round %d: %v", round, err)
			}
		}
		k.dead(start, families...)
	}
}

func disableUserOnce(k *kit) {
	user := k.userID(k.connect("a", "client", alice, start), start)
	k.oneWins(race(racers, func(int) error { return second(k.DisableUser(k.ctx(), user, start)) }), storage.ErrNotFound)
	k.oneWins(race(racers, func(int) error { return k.EnableUser(k.ctx(), user, start) }), storage.ErrNotFound)
}

func enableUser(k *kit) {
	f := k.connect("a", "client", alice, start)
	user := k.userID(f, start)
	k.disable(f, start)
	before := k.types()
	k.ok(k.EnableUser(k.ctx(), user, start))
	k.happened(append(before, storage.EventUserEnabled)...)
	k.dead(start, f)
	again := k.connect("b", "client", alice, start)
	k.alive(start, again)
	if got := k.userID(again, start); got != user {
		k.Errorf("a new person: %s, want %s", got, user)
	}
}
