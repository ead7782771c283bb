package storagetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var signInCases = []testCase{
	{"Authorization/every field", authorizationEveryField},
	{"Authorization/without state", authorizationWithoutState},
	{"Authorization/unknown", authorizationUnknown},
	{"Authorization/expiry", authorizationExpiry},
	{"Authorization/finished", authorizationFinished},
	{"StartAuthorization/exists", startAuthorizationExists},
}

func (k *kit) sameAuthorization(want storage.Authorization, now time.Time) {
	k.Helper()
	got, err := k.Authorization(k.ctx(), want.ID, now)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		k.Errorf("authorization: %v (-want +got):\n%s", err, diff)
	}
}

func authorizationEveryField(k *kit) {
	want := authorization("a", "client", start)
	k.ok(k.StartAuthorization(k.ctx(), want))
	k.ok(k.StartAuthorization(k.ctx(), authorization("b", "client", start)))
	k.sameAuthorization(want, start)
	got, err := k.AuthorizationByState(k.ctx(), want.StateHash, start)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		k.Errorf("by state: %v (-want +got):\n%s", err, diff)
	}
}

func authorizationWithoutState(k *kit) {
	k.ok(k.SetPassword(k.ctx(), alice, "hash", false, start))
	user, _, err := k.TryPassword(k.ctx(), alice, start)
	k.ok(err)
	for _, id := range []string{"a", "b"} { // two without a state do not collide
		want := authorization(id, "client", start)
		want.StateHash, want.UserID, want.Request.Verifier, want.Request.Nonce = "", user.ID, "", ""
		k.ok(k.StartAuthorization(k.ctx(), want))
		k.sameAuthorization(want, start)
	}
	_, err = k.AuthorizationByState(k.ctx(), "", start)
	k.refused("the empty state", err, storage.ErrNotFound)
}

func authorizationUnknown(k *kit) {
	a := authorization("a", "client", start)
	k.ok(k.StartAuthorization(k.ctx(), a))
	_, err := k.Authorization(k.ctx(), "b", start)
	k.refused("unknown id", err, storage.ErrNotFound)
	_, err = k.AuthorizationByState(k.ctx(), storage.HashOf("state b"), start)
	k.refused("unknown state", err, storage.ErrNotFound)
	_, err = k.AuthorizationByState(k.ctx(), a.Browser, start)
	k.refused("the browser's hash as the state", err, storage.ErrNotFound)
}

func authorizationExpiry(k *kit) {
	a := authorization("a", "client", start)
	k.ok(k.StartAuthorization(k.ctx(), a))
	calls := map[string]func(now time.Time) error{
		"by id":    func(now time.Time) error { _, err := k.Authorization(k.ctx(), "a", now); return err },
		"by state": func(now time.Time) error { _, err := k.AuthorizationByState(k.ctx(), a.StateHash, now); return err },
	}
	for name, call := range calls {
		k.refused(name+" in the last second", call(a.ExpiresAt.Add(-time.Second)), nil)
		k.refused(name+" when it expires", call(a.ExpiresAt), storage.ErrNotFound)
	}
	_, err := k.FinishAuthorization(k.ctx(), completion("a", alice, start), a.ExpiresAt)
	k.refused("finish when it expires", err, storage.ErrNotFound)
	_, err = k.DenyAuthorization(k.ctx(), "a", a.Browser, a.ExpiresAt)
	k.refused("deny when it expires", err, storage.ErrNotFound)
	_, err = k.FinishAuthorization(k.ctx(), completion("a", alice, start), a.ExpiresAt.Add(-time.Second))
	k.refused("finish in the last second", err, nil)
}

func authorizationFinished(k *kit) {
	want := authorization("a", "client", start)
	k.approve("a", "client", alice, start)
	want.Finished = true
	k.sameAuthorization(want, start)
	if _, err := k.AuthorizationByState(k.ctx(), want.StateHash, start); err != nil {
		k.Errorf("finished, by state: %v", err)
	}
}

func startAuthorizationExists(k *kit) {
	first := authorization("a", "client", start)
	sameID, sameState := authorization("a", "other", start), authorization("b", "other", start)
	sameID.StateHash = storage.HashOf("fresh")
	sameState.StateHash = first.StateHash
	k.ok(k.StartAuthorization(k.ctx(), first))
	k.refused("same id", k.StartAuthorization(k.ctx(), sameID), storage.ErrExists)
	k.refused("same state", k.StartAuthorization(k.ctx(), sameState), storage.ErrExists)
	k.sameAuthorization(first, start)
}

var finishCases = []testCase{
	{"FinishAuthorization/request", finishReturnsRequest},
	{"FinishAuthorization/known user", finishKnownUser},
	{"FinishAuthorization/same person", finishSamePerson},
	{"FinishAuthorization/new person race", finishNewPersonRace},
	{"FinishAuthorization/race", finishRace},
	{"FinishAuthorization/race with denial", finishRaceWithDenial},
	{"FinishAuthorization/wrong browser", finishWrongBrowser},
	{"FinishAuthorization/unknown", finishUnknown},
	{"DenyAuthorization/once", denyOnce},
}

func finishReturnsRequest(k *kit) {
	a := authorization("a", "client", start)
	k.ok(k.StartAuthorization(k.ctx(), a))
	got, err := k.FinishAuthorization(k.ctx(), completion("a", alice, start), start)
	if diff := cmp.Diff(a.Request, got); diff != "" || err != nil {
		k.Errorf("request: %v (-want +got):\n%s", err, diff)
	}
}

// A sign-in that knows its user ignores the person of the completion.
func finishKnownUser(k *kit) {
	k.ok(k.SetPassword(k.ctx(), alice, "hash", false, start))
	user, _, err := k.TryPassword(k.ctx(), alice, start)
	k.ok(err)
	a := authorization("a", "client", start)
	a.UserID = user.ID
	k.ok(k.StartAuthorization(k.ctx(), a))
	_, err = k.FinishAuthorization(k.ctx(), completion("a", bob, start), start)
	k.ok(err)
	f := family{client: "client", grant: "grt_a", code: "code a"}
	issued, err := k.ExchangeCode(k.ctx(), f.exchange(start), start)
	k.ok(err)
	access, err := k.Access(k.ctx(), storage.HashOf(issued.Tokens.Access.Value), start)
	if diff := cmp.Diff(user, access.User); diff != "" || err != nil {
		k.Errorf("user: %v (-want +got):\n%s", err, diff)
	}
}

// A person who signs in again is the same user, with the newest profile.
func finishSamePerson(k *kit) {
	first := k.connect("a", "client", alice, start)
	renamed := alice
	renamed.Login, renamed.Name, renamed.Email = "alicia", "", "alicia@example.com"
	second := k.connect("b", "client", renamed, after(time.Second))
	id := k.userID(first, start)
	for _, f := range []family{first, second} {
		access, err := k.Access(k.ctx(), f.access(), start)
		if diff := cmp.Diff(storage.User{ID: id, Person: renamed}, access.User); diff != "" || err != nil {
			k.Errorf("user of %s: %v (-want +got):\n%s", f.grant, err, diff)
		}
	}
	// The same subject at another issuer is somebody else.
	elsewhere := alice
	elsewhere.Issuer = "https://accounts.google.com"
	if other := k.userID(k.connect("c", "client", elsewhere, start), start); other == id {
		k.Error("two issuers' people are one user")
	}
}

func finishNewPersonRace(k *kit) {
	const people = 8
	ids := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, id := range ids {
		k.ok(k.StartAuthorization(k.ctx(), authorization(id, "client", start)))
	}
	errs := race(people, func(i int) error {
		_, err := k.FinishAuthorization(k.ctx(), completion(ids[i], alice, start), start)
		return err
	})
	k.ok(errors.Join(errs...))
	if stats, err := k.Stats(k.ctx(), start); stats.Users != 1 || err != nil {
		k.Errorf("%d users, %v, want one person", stats.Users, err)
	}
}

func finishRace(k *kit) {
	k.ok(k.StartAuthorization(k.ctx(), authorization("a", "client", start)))
	codes := make([]family, racers)
	errs := race(racers, func(i int) error {
		c := completion("a", alice, start)
		codes[i] = family{client: "client", grant: c.GrantID, code: fmt.Sprintf("code of racer %d", i)}
		c.GrantID, c.Code = fmt.Sprintf("grt_racer%d", i), storage.HashOf(codes[i].code)
		_, err := k.FinishAuthorization(k.ctx(), c, start)
		return err
	})
	k.oneWins(errs, storage.ErrSpent)
	for i, err := range errs {
		want := storage.ErrNotFound
		if err == nil {
			want = nil
		}
		_, exchanged := k.ExchangeCode(k.ctx(), codes[i].exchange(start), start)
		k.refused("the racer's code", exchanged, want)
	}
}

func finishRaceWithDenial(k *kit) {
	a := authorization("a", "client", start)
	k.ok(k.StartAuthorization(k.ctx(), a))
	errs := race(2, func(i int) error {
		if i == 0 {
			_, err := k.DenyAuthorization(k.ctx(), "a", a.Browser, start)
			return err
		}
		_, err := k.FinishAuthorization(k.ctx(), completion("a", alice, start), start)
		return err
	})
	k.oneWins(errs, storage.ErrSpent)
	f := family{client: "client", grant: "grt_a", code: "code a"}
	_, err := k.ExchangeCode(k.ctx(), f.exchange(start), start)
	if denied := errs[0] == nil; denied != errors.Is(err, storage.ErrNotFound) {
		k.Errorf("denied: %t, and the code: %v", denied, err)
	}
}

func finishWrongBrowser(k *kit) {
	a := authorization("a", "client", start)
	k.ok(k.StartAuthorization(k.ctx(), a))
	c := completion("a", alice, start)
	for _, browser := range []storage.Hash{"", storage.HashOf("browser b"), a.StateHash} {
		c.Browser = browser
		_, err := k.FinishAuthorization(k.ctx(), c, start)
		k.refused("finish in another browser", err, storage.ErrNotFound)
		_, err = k.DenyAuthorization(k.ctx(), "a", browser, start)
		k.refused("deny in another browser", err, storage.ErrNotFound)
		_, err = k.RefuseAuthorization(k.ctx(), "a", browser, start)
		k.refused("refuse in another browser", err, storage.ErrNotFound)
	}
	k.sameAuthorization(a, start)
	if stats, err := k.Stats(k.ctx(), start); stats.Users != 0 || err != nil {
		k.Errorf("%d users, %v, want nobody recorded", stats.Users, err)
	}
	_, err := k.FinishAuthorization(k.ctx(), completion("a", alice, start), start)
	k.refused("the right browser", err, nil)
	_, err = k.FinishAuthorization(k.ctx(), c, start)
	k.refused("another browser, afterwards", err, storage.ErrNotFound)
}

func finishUnknown(k *kit) {
	_, err := k.FinishAuthorization(k.ctx(), completion("a", alice, start), start)
	k.refused("finish", err, storage.ErrNotFound)
	_, err = k.DenyAuthorization(k.ctx(), "a", storage.HashOf("browser a"), start)
	k.refused("deny", err, storage.ErrNotFound)
	if stats, err := k.Stats(k.ctx(), start); stats.Users != 0 || err != nil {
		k.Errorf("%d users, %v, want nobody recorded", stats.Users, err)
	}
}

func denyOnce(k *kit) {
	a := authorization("a", "client", start)
	k.ok(k.StartAuthorization(k.ctx(), a))
	got, err := k.DenyAuthorization(k.ctx(), "a", a.Browser, start)
	if diff := cmp.Diff(a.Request, got); diff != "" || err != nil {
		k.Errorf("request: %v (-want +got):\n%s", err, diff)
	}
	_, err = k.DenyAuthorization(k.ctx(), "a", a.Browser, start)
	k.refused("deny again", err, storage.ErrSpent)
	_, err = k.RefuseAuthorization(k.ctx(), "a", a.Browser, start)
	k.refused("refuse after denial", err, storage.ErrSpent)
	_, err = k.FinishAuthorization(k.ctx(), completion("a", alice, start), start)
	k.refused("finish after denial", err, storage.ErrSpent)
	stats, err := k.Stats(k.ctx(), start)
	if diff := cmp.Diff(storage.Stats{}, stats); diff != "" || err != nil {
		k.Errorf("a denial left something: %v (-want +got):\n%s", err, diff)
	}
}
