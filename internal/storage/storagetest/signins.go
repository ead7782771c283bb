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
	{"StartAuthorization/many of one browser", startAuthorizationMany},
	{"CarriedAuthorization/restored", carriedAuthorization},
}

// startAuthorizationMany: of one browser's sign-ins the newest stay, and others' too.
func startAuthorizationMany(s *suite) {
	const kept, many = 10, 15
	s.ok(s.StartAuthorization(s.ctx(), authorization("other", "client", start)))
	for i := range many {
		a := authorization(fmt.Sprint("a", i), "client", after(time.Duration(i)*time.Second))
		a.Browser = storage.HashOf("the same")
		s.ok(s.StartAuthorization(s.ctx(), a))
	}
	for i := range many {
		_, err := s.Authorization(s.ctx(), fmt.Sprint("a", i), start)
		if stays := i >= many-kept; (err == nil) != stays {
			s.Errorf("sign-in %d: %v, stays: %v", i, err, stays)
		}
	}
	_, err := s.Authorization(s.ctx(), "other", start)
	s.ok(err)
}

// carriedAuthorization: what a browser carries brings the sign-in back as it was.
func carriedAuthorization(s *suite) {
	want := authorization("a", "client", start)
	carried, err := s.CarryAuthorization(want)
	s.ok(err)
	for what, tt := range map[string]struct {
		state   string
		carried string
		now     time.Time
	}{
		"another state": {"state b", carried, start}, "damaged": {"state a", carried[:len(carried)-4], start},
		"nothing": {"state a", "", start}, "expired": {"state a", carried, after(signInLife)},
	} {
		_, err := s.CarriedAuthorization(storage.HashOf(tt.state), tt.carried, tt.now)
		s.refused(what, err, storage.ErrNotFound)
	}
	got, err := s.CarriedAuthorization(want.StateHash, carried, after(signInLife-time.Second))
	s.ok(err)
	s.ok(s.RestoreAuthorization(s.ctx(), got))
	s.sameAuthorization(want, start)
	s.refused("again", s.RestoreAuthorization(s.ctx(), got), storage.ErrExists)
	_, err = s.FinishAuthorization(s.ctx(), completion("a", alice, start), start)
	s.ok(err)
}

func (s *suite) sameAuthorization(want storage.Authorization, now time.Time) {
	s.Helper()
	got, err := s.Authorization(s.ctx(), want.ID, now)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		s.Errorf("authorization: %v (-want +got):\n%s", err, diff)
	}
}

func authorizationEveryField(s *suite) {
	want := authorization("a", "client", start)
	s.ok(s.StartAuthorization(s.ctx(), want))
	s.ok(s.StartAuthorization(s.ctx(), authorization("b", "client", start)))
	s.sameAuthorization(want, start)
	got, err := s.AuthorizationByState(s.ctx(), want.StateHash, start)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		s.Errorf("by state: %v (-want +got):\n%s", err, diff)
	}
}

func authorizationWithoutState(s *suite) {
	s.ok(s.SetPassword(s.ctx(), alice, "hash", false, start))
	user, _, err := s.TryPassword(s.ctx(), alice, start)
	s.ok(err)
	for _, id := range []string{"a", "b"} { // two without a state do not collide
		want := authorization(id, "client", start)
		want.StateHash, want.UserID, want.Request.Verifier, want.Request.Nonce = "", user.ID, "", ""
		s.ok(s.StartAuthorization(s.ctx(), want))
		s.sameAuthorization(want, start)
	}
	_, err = s.AuthorizationByState(s.ctx(), "", start)
	s.refused("the empty state", err, storage.ErrNotFound)
}

func authorizationUnknown(s *suite) {
	a := authorization("a", "client", start)
	s.ok(s.StartAuthorization(s.ctx(), a))
	_, err := s.Authorization(s.ctx(), "b", start)
	s.refused("unknown id", err, storage.ErrNotFound)
	_, err = s.AuthorizationByState(s.ctx(), storage.HashOf("state b"), start)
	s.refused("unknown state", err, storage.ErrNotFound)
	_, err = s.AuthorizationByState(s.ctx(), a.Browser, start)
	s.refused("the browser's hash as the state", err, storage.ErrNotFound)
}

func authorizationExpiry(s *suite) {
	a := authorization("a", "client", start)
	s.ok(s.StartAuthorization(s.ctx(), a))
	calls := map[string]func(now time.Time) error{
		"by id":    func(now time.Time) error { _, err := s.Authorization(s.ctx(), "a", now); return err },
		"by state": func(now time.Time) error { _, err := s.AuthorizationByState(s.ctx(), a.StateHash, now); return err },
	}
	for name, call := range calls {
		s.refused(name+" in the last second", call(a.ExpiresAt.Add(-time.Second)), nil)
		s.refused(name+" when it expires", call(a.ExpiresAt), storage.ErrNotFound)
	}
	_, err := s.FinishAuthorization(s.ctx(), completion("a", alice, start), a.ExpiresAt)
	s.refused("finish when it expires", err, storage.ErrNotFound)
	_, err = s.DenyAuthorization(s.ctx(), "a", a.Browser, a.ExpiresAt)
	s.refused("deny when it expires", err, storage.ErrNotFound)
	_, err = s.FinishAuthorization(s.ctx(), completion("a", alice, start), a.ExpiresAt.Add(-time.Second))
	s.refused("finish in the last second", err, nil)
}

func authorizationFinished(s *suite) {
	want := authorization("a", "client", start)
	s.approve("a", "client", alice, start)
	want.Finished = true
	s.sameAuthorization(want, start)
	if _, err := s.AuthorizationByState(s.ctx(), want.StateHash, start); err != nil {
		s.Errorf("finished, by state: %v", err)
	}
}

func startAuthorizationExists(s *suite) {
	first := authorization("a", "client", start)
	sameID, sameState := authorization("a", "other", start), authorization("b", "other", start)
	sameID.StateHash = storage.HashOf("fresh")
	sameState.StateHash = first.StateHash
	s.ok(s.StartAuthorization(s.ctx(), first))
	s.refused("same id", s.StartAuthorization(s.ctx(), sameID), storage.ErrExists)
	s.refused("same state", s.StartAuthorization(s.ctx(), sameState), storage.ErrExists)
	s.sameAuthorization(first, start)
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
	{"AskAboutSignIn/one asks", askOnce},
	{"KeepAnswer/until it is finished", keepAnswer},
}

func finishReturnsRequest(s *suite) {
	a := authorization("a", "client", start)
	s.ok(s.StartAuthorization(s.ctx(), a))
	got, err := s.FinishAuthorization(s.ctx(), completion("a", alice, start), start)
	if diff := cmp.Diff(a.Request, got); diff != "" || err != nil {
		s.Errorf("request: %v (-want +got):\n%s", err, diff)
	}
}

// A sign-in that knows its user ignores the person of the completion.
func finishKnownUser(s *suite) {
	s.ok(s.SetPassword(s.ctx(), alice, "hash", false, start))
	user, _, err := s.TryPassword(s.ctx(), alice, start)
	s.ok(err)
	a := authorization("a", "client", start)
	a.UserID = user.ID
	s.ok(s.StartAuthorization(s.ctx(), a))
	_, err = s.FinishAuthorization(s.ctx(), completion("a", bob, start), start)
	s.ok(err)
	f := family{client: "client", grant: "grt_a", code: "code a"}
	issued, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
	s.ok(err)
	access, err := s.Access(s.ctx(), storage.HashOf(issued.Tokens.Access.Value), start)
	if diff := cmp.Diff(user, access.User); diff != "" || err != nil {
		s.Errorf("user: %v (-want +got):\n%s", err, diff)
	}
}

// A person who signs in again is the same user, with the newest profile.
func finishSamePerson(s *suite) {
	first := s.connect("a", "client", alice, start)
	renamed := alice
	renamed.Login, renamed.Name, renamed.Email = "alicia", "", "alicia@example.com"
	second := s.connect("b", "client", renamed, after(time.Second))
	id := s.userID(first, start)
	for _, f := range []family{first, second} {
		access, err := s.Access(s.ctx(), f.access(), start)
		if diff := cmp.Diff(storage.User{ID: id, Person: renamed}, access.User); diff != "" || err != nil {
			s.Errorf("user of %s: %v (-want +got):\n%s", f.grant, err, diff)
		}
	}
	// The same subject at another issuer is someone else.
	elsewhere := alice
	elsewhere.Issuer = "https://accounts.google.com"
	if other := s.userID(s.connect("c", "client", elsewhere, start), start); other == id {
		s.Error("two issuers' people are one user")
	}
}

func finishNewPersonRace(s *suite) {
	const people = 8
	ids := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, id := range ids {
		s.ok(s.StartAuthorization(s.ctx(), authorization(id, "client", start)))
	}
	errs := race(people, func(i int) error {
		_, err := s.FinishAuthorization(s.ctx(), completion(ids[i], alice, start), start)
		return err
	})
	s.ok(errors.Join(errs...))
	if stats, err := s.Stats(s.ctx(), start); stats.Users != 1 || err != nil {
		s.Errorf("%d users, %v, want one person", stats.Users, err)
	}
}

func finishRace(s *suite) {
	s.ok(s.StartAuthorization(s.ctx(), authorization("a", "client", start)))
	codes := make([]family, racers)
	errs := race(racers, func(i int) error {
		c := completion("a", alice, start)
		codes[i] = family{client: "client", grant: c.GrantID, code: fmt.Sprintf("code of racer %d", i)}
		c.GrantID, c.Code = fmt.Sprintf("grt_racer%d", i), storage.HashOf(codes[i].code)
		_, err := s.FinishAuthorization(s.ctx(), c, start)
		return err
	})
	s.oneWins(errs, storage.ErrSpent)
	for i, err := range errs {
		want := storage.ErrNotFound
		if err == nil {
			want = nil
		}
		_, exchanged := s.ExchangeCode(s.ctx(), codes[i].exchange(start), start)
		s.refused("the racer's code", exchanged, want)
	}
}

func finishRaceWithDenial(s *suite) {
	a := authorization("a", "client", start)
	s.ok(s.StartAuthorization(s.ctx(), a))
	errs := race(2, func(i int) error {
		if i == 0 {
			_, err := s.DenyAuthorization(s.ctx(), "a", a.Browser, start)
			return err
		}
		_, err := s.FinishAuthorization(s.ctx(), completion("a", alice, start), start)
		return err
	})
	s.oneWins(errs, storage.ErrSpent)
	f := family{client: "client", grant: "grt_a", code: "code a"}
	_, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
	if denied := errs[0] == nil; denied != errors.Is(err, storage.ErrNotFound) {
		s.Errorf("denied: %t, and the code: %v", denied, err)
	}
}

func finishWrongBrowser(s *suite) {
	a := authorization("a", "client", start)
	s.ok(s.StartAuthorization(s.ctx(), a))
	c := completion("a", alice, start)
	for _, browser := range []storage.Hash{"", storage.HashOf("browser b"), a.StateHash} {
		c.Browser = browser
		_, err := s.FinishAuthorization(s.ctx(), c, start)
		s.refused("finish in another browser", err, storage.ErrNotFound)
		_, err = s.DenyAuthorization(s.ctx(), "a", browser, start)
		s.refused("deny in another browser", err, storage.ErrNotFound)
		_, err = s.RefuseAuthorization(s.ctx(), "a", browser, storage.Person{}, start)
		s.refused("refuse in another browser", err, storage.ErrNotFound)
	}
	s.sameAuthorization(a, start)
	if stats, err := s.Stats(s.ctx(), start); stats.Users != 0 || err != nil {
		s.Errorf("%d users, %v, want no one recorded", stats.Users, err)
	}
	_, err := s.FinishAuthorization(s.ctx(), completion("a", alice, start), start)
	s.refused("the right browser", err, nil)
	_, err = s.FinishAuthorization(s.ctx(), c, start)
	s.refused("another browser, afterwards", err, storage.ErrNotFound)
}

func finishUnknown(s *suite) {
	_, err := s.FinishAuthorization(s.ctx(), completion("a", alice, start), start)
	s.refused("finish", err, storage.ErrNotFound)
	_, err = s.DenyAuthorization(s.ctx(), "a", storage.HashOf("browser a"), start)
	s.refused("deny", err, storage.ErrNotFound)
	if stats, err := s.Stats(s.ctx(), start); stats.Users != 0 || err != nil {
		s.Errorf("%d users, %v, want no one recorded", stats.Users, err)
	}
}

func askOnce(s *suite) {
	a := authorization("a", "client", start)
	s.ok(s.StartAuthorization(s.ctx(), a))
	ask := func(browser storage.Hash, now time.Time) error {
		return s.AskAboutSignIn(s.ctx(), "a", browser, now.Add(time.Minute), now)
	}
	s.refused("another browser", ask(storage.HashOf("another"), start), storage.ErrNotFound)
	s.ok(ask(a.Browser, start))
	s.refused("while another asks", ask(a.Browser, after(time.Minute-time.Second)), storage.ErrSpent)
	s.ok(ask(a.Browser, after(time.Minute))) // the other one died
	s.ok(s.KeepAnswer(s.ctx(), "a", a.Browser, nil, after(time.Minute)))
	s.ok(ask(a.Browser, after(time.Minute))) // there was no answer
	s.refused("an unknown sign-in", s.AskAboutSignIn(s.ctx(), "b", a.Browser, after(time.Hour), start), storage.ErrNotFound)
	s.refused("an expired one", ask(a.Browser, a.ExpiresAt), storage.ErrNotFound)
	got, err := s.RefuseAuthorization(s.ctx(), "a", a.Browser, storage.Person{}, after(time.Minute))
	if diff := cmp.Diff(a.Request, got); diff != "" || err != nil {
		s.Errorf("request: %v (-want +got):\n%s", err, diff)
	}
}

func keepAnswer(s *suite) {
	a := authorization("a", "client", start)
	s.ok(s.StartAuthorization(s.ctx(), a))
	answer := storage.SignInAnswer{Person: alice, Token: []byte("the provider's")}
	s.refused("another browser", s.KeepAnswer(s.ctx(), "a", storage.HashOf("another"), &answer, start), storage.ErrNotFound)
	s.ok(s.KeepAnswer(s.ctx(), "a", a.Browser, &answer, start))
	s.refused("a second answer", s.KeepAnswer(s.ctx(), "a", a.Browser, nil, start), storage.ErrSpent)
	s.refused("asking again", s.AskAboutSignIn(s.ctx(), "a", a.Browser, after(time.Minute), start), storage.ErrSpent)
	kept, err := s.AuthorizationByState(s.ctx(), a.StateHash, start)
	if diff := cmp.Diff(&answer, kept.Request.Answer); diff != "" || err != nil {
		s.Errorf("answer: %v (-want +got):\n%s", err, diff)
	}
	got, err := s.FinishAuthorization(s.ctx(), completion("a", alice, start), start)
	if diff := cmp.Diff(a.Request, got); diff != "" || err != nil {
		s.Errorf("request: %v (-want +got):\n%s", err, diff)
	}
	finished, err := s.Authorization(s.ctx(), "a", start)
	if finished.Request.Answer != nil || err != nil {
		s.Errorf("%v: the answer outlives the sign-in", err)
	}
	s.refused("a finished sign-in", s.KeepAnswer(s.ctx(), "a", a.Browser, &answer, start), storage.ErrSpent)
}

func denyOnce(s *suite) {
	a := authorization("a", "client", start)
	s.ok(s.StartAuthorization(s.ctx(), a))
	got, err := s.DenyAuthorization(s.ctx(), "a", a.Browser, start)
	if diff := cmp.Diff(a.Request, got); diff != "" || err != nil {
		s.Errorf("request: %v (-want +got):\n%s", err, diff)
	}
	_, err = s.DenyAuthorization(s.ctx(), "a", a.Browser, start)
	s.refused("deny again", err, storage.ErrSpent)
	_, err = s.RefuseAuthorization(s.ctx(), "a", a.Browser, storage.Person{}, start)
	s.refused("refuse after denial", err, storage.ErrSpent)
	_, err = s.FinishAuthorization(s.ctx(), completion("a", alice, start), start)
	s.refused("finish after denial", err, storage.ErrSpent)
	s.sameStats(storage.Stats{}, start)
}
