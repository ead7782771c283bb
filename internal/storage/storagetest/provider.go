package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var providerCases = []testCase{
	{"ProviderCheck/records", providerCheckRecords},
	{"ProviderCheck/one at a time", providerCheckOne},
	{"StartProviderCheck/after a fast clock", providerCheckFastClock},
	{"ProviderCheck/race", providerCheckRace},
	{"ProviderCheck/race of apps", providerCheckRaceOfApps},
	{"ProviderCheck/race for an abandoned one", providerCheckRaceAbandoned},
	{"ProviderCheck/finished once", providerCheckFinishedOnce},
	{"ProviderCheck/overtaken", providerCheckOvertaken},
	{"ProviderCheck/refused", providerCheckRefused},
	{"LiveGrant/ends", liveGrantEnds},
	{"ProviderToken/newest", providerTokenNewest},
	{"ProviderToken/none", providerTokenNone},
}

// checkLife is until when a check counts as under way.
const checkLife = 30 * time.Second

// provider is what a refresh of the family learns of its person's provider.
func (s *suite) provider(f family, now time.Time) storage.ProviderState {
	s.Helper()
	grant, _, err := s.RefreshGrant(s.ctx(), f.refresh(), f.client, now)
	s.ok(err)
	live, user, err := s.LiveGrant(s.ctx(), grant.ID, now)
	s.ok(err)
	live.Spent = grant.Spent
	if diff := cmp.Diff(grant, live); diff != "" || user.ID != grant.UserID {
		s.Errorf("LiveGrant of %q says otherwise than RefreshGrant (-refresh +live):\n%s", user.ID, diff)
	}
	return grant.Provider
}

// A grant in use is found by its id until it is revoked.
func liveGrantEnds(s *suite) {
	f := s.connect("a", "client", alice, start)
	s.ok(third(s.LiveGrant(s.ctx(), f.grant, start)))
	s.ok(s.RevokeGrant(s.ctx(), f.grant, start))
	s.refused("revoked", third(s.LiveGrant(s.ctx(), f.grant, start)), storage.ErrNotFound)
	s.refused("unknown", third(s.LiveGrant(s.ctx(), "grt_none", start)), storage.ErrNotFound)
}

func third[A, B any](_ A, _ B, err error) error { return err }

// check is a new check after the latest one.
func (s *suite) check(f family, now time.Time, id string) storage.ProviderCheck {
	s.Helper()
	p := s.provider(f, now)
	return storage.ProviderCheck{
		UserID: s.userID(f, now), GrantID: p.GrantID, ID: id, Previous: p.CheckID, Until: now.Add(checkLife),
	}
}

// startCheck starts a check.
func (s *suite) startCheck(f family, now time.Time, id string) storage.ProviderCheck {
	s.Helper()
	c := s.check(f, now, id)
	s.ok(s.StartProviderCheck(s.ctx(), c, now))
	return c
}

// sameProvider compares all that is known.
func (s *suite) sameProvider(what string, f family, want storage.ProviderState, now time.Time) {
	s.Helper()
	if diff := cmp.Diff(want, s.provider(f, now)); diff != "" {
		s.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func providerCheckRecords(s *suite) {
	f := s.connect("a", "client", alice, start)
	renamed := alice
	renamed.Login, renamed.Domain, renamed.Known = "alicia", "example.com", []string{"email", "domain"}
	person, limited := alice, false
	want := storage.ProviderState{GrantID: f.grant, Token: []byte("provider token of a"), CheckedAt: start}
	for i, answer := range []storage.ProviderAnswer{
		{Person: &renamed},
		{Person: &renamed, Token: []byte("fresh")},
		{RetryAt: after(time.Hour)},
		{RetryAt: after(time.Hour), Limited: true},
		{RetryAt: after(time.Hour), Limited: true},
		{Token: []byte{0, 0xff, '\n'}},
		{},
		{Person: &renamed},
	} {
		now := after(time.Duration(i+1) * time.Minute)
		c := s.startCheck(f, now, fmt.Sprint("check ", i))
		want.CheckID, want.CheckUntil = c.ID, now.Add(checkLife)
		s.sameProvider("under way", f, want, now)
		now = now.Add(time.Second)
		s.ok(s.FinishProviderCheck(s.ctx(), c, answer, now))
		want.CheckUntil, want.RetryAt = time.Time{}, answer.RetryAt
		limited = answer.Limited || limited && answer.Person == nil
		if answer.Token != nil {
			want.Token = answer.Token
		}
		if answer.Person != nil {
			want.CheckedAt, person = now, *answer.Person
		}
		s.sameProvider(fmt.Sprint("answer ", i), f, want, now)
		_, user, err := s.RefreshGrant(s.ctx(), f.refresh(), f.client, now)
		if user.Limited != limited {
			s.Errorf("answer %d: limited %t, want %t", i, user.Limited, limited)
		}
		if diff := cmp.Diff(person, user.Person); diff != "" || err != nil {
			s.Errorf("person: %v (-want +got):\n%s", err, diff)
		}
	}
}

func providerCheckOne(s *suite) {
	f := s.connect("a", "client", alice, start)
	unstarted := s.check(f, start, "late")
	first := s.startCheck(f, start, "first")
	second := s.check(f, start, "second")
	s.refused("while one is under way", s.StartProviderCheck(s.ctx(), second, after(checkLife-time.Second)), storage.ErrSpent)
	s.refused("by an old look", s.StartProviderCheck(s.ctx(), unstarted, after(checkLife)), storage.ErrSpent)
	s.refused("of no user", s.StartProviderCheck(s.ctx(), storage.ProviderCheck{GrantID: "grt_unknown", ID: "x"}, start), storage.ErrSpent)
	if p := s.provider(f, start); !p.CheckUnderWay(after(checkLife-time.Second)) || p.CheckAbandoned(after(checkLife-time.Second)) {
		s.Errorf("%+v is not under way", p)
	}
	if p := s.provider(f, start); p.CheckUnderWay(after(checkLife)) || !p.CheckAbandoned(after(checkLife)) {
		s.Errorf("%+v is not abandoned", p)
	}
	first.Until = after(2 * checkLife)
	s.ok(s.ExtendProviderCheck(s.ctx(), first))
	s.refused("while one lasts longer", s.StartProviderCheck(s.ctx(), second, after(2*checkLife-time.Second)), storage.ErrSpent)
	first.Until = after(checkLife)
	s.ok(s.ExtendProviderCheck(s.ctx(), first))
	s.refused("after it was abandoned", s.StartProviderCheck(s.ctx(), second, after(checkLife)), nil)
	s.refused("the abandoned one", s.FinishProviderCheck(s.ctx(), first, storage.ProviderAnswer{Token: []byte("x")}, start), storage.ErrNotFound)
	s.refused("to extend the abandoned one", s.ExtendProviderCheck(s.ctx(), first), storage.ErrNotFound)
	s.ok(s.FinishProviderCheck(s.ctx(), second, storage.ProviderAnswer{}, start))
	s.refused("to extend one that has finished", s.ExtendProviderCheck(s.ctx(), second), storage.ErrNotFound)
	s.refused("by an old look, when it has finished", s.StartProviderCheck(s.ctx(), unstarted, after(checkLife)), storage.ErrSpent)
	s.startCheck(f, start, "third")
}

// providerCheckFastClock: a check that a clock that was a day ahead began holds no one up.
func providerCheckFastClock(s *suite) {
	f := s.connect("a", "client", alice, start)
	fast := s.check(f, start, "fast")
	fast.Until = after(24*time.Hour + checkLife)
	s.ok(s.StartProviderCheck(s.ctx(), fast, after(24*time.Hour)))
	if p := s.provider(f, start); p.CheckUnderWay(start) || !p.CheckAbandoned(start) {
		s.Errorf("%+v holds others up", p)
	}
	s.startCheck(f, start, "now")
}

func providerCheckRace(s *suite) {
	f := s.connect("a", "client", alice, start)
	for round := range 4 {
		c := s.check(f, start, "")
		var winner storage.ProviderCheck
		errs := race(racers, func(i int) error {
			own := c
			own.ID = fmt.Sprint("check ", round, i)
			err := s.StartProviderCheck(s.ctx(), own, start)
			if err == nil {
				winner = own
			}
			return err
		})
		s.oneWins(errs, storage.ErrSpent)
		if got := s.provider(f, start).CheckID; got != winner.ID {
			s.Errorf("%q is under way, want the winner's %q", got, winner.ID)
		}
		s.ok(s.FinishProviderCheck(s.ctx(), winner, storage.ProviderAnswer{}, start))
	}
}

// Two apps of one person: one question all the same.
func providerCheckRaceOfApps(s *suite) {
	apps := []family{s.connect("a", "client", alice, start), s.connect("b", "other", alice, start)}
	errs := race(racers, func(i int) error {
		grant, user, err := s.RefreshGrant(s.ctx(), apps[i%2].refresh(), apps[i%2].client, start)
		if err != nil {
			return err
		}
		return s.StartProviderCheck(s.ctx(), storage.ProviderCheck{
			UserID: user.ID, GrantID: grant.Provider.GrantID, ID: fmt.Sprint("check ", i), Until: after(checkLife),
		}, start)
	})
	s.oneWins(errs, storage.ErrSpent)
}

func providerCheckRaceAbandoned(s *suite) {
	f := s.connect("a", "client", alice, start)
	abandoned := s.startCheck(f, start, "abandoned")
	now := after(checkLife)
	c := s.check(f, now, "")
	errs := race(racers, func(i int) error {
		if i == 0 { // it is not dead after all
			err := s.FinishProviderCheck(s.ctx(), abandoned, storage.ProviderAnswer{Token: []byte("late")}, now)
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return err
			}
			return storage.ErrSpent
		}
		own := c
		own.ID = fmt.Sprint("check ", i)
		return s.StartProviderCheck(s.ctx(), own, now)
	})
	s.oneWins(errs, storage.ErrSpent)
}

func providerCheckFinishedOnce(s *suite) {
	f := s.connect("a", "client", alice, start)
	c := s.startCheck(f, start, "check")
	errs := race(racers, func(i int) error {
		return s.FinishProviderCheck(s.ctx(), c, storage.ProviderAnswer{Token: fmt.Append(nil, "fresh ", i)}, start)
	})
	s.oneWins(errs, storage.ErrNotFound)
	winner := slices.Index(errs, nil)
	if got := string(s.provider(f, start).Token); got != fmt.Sprint("fresh ", winner) {
		s.Errorf("token %q, want that of %d", got, winner)
	}
}

// Another sign-in brought another token: what is said of the old one counts for
// nothing.
func providerCheckOvertaken(s *suite) {
	f := s.connect("a", "client", alice, start)
	c := s.startCheck(f, start, "check")
	newer := s.connect("b", "other", alice, after(time.Second))
	for name, answer := range map[string]storage.ProviderAnswer{
		"refused": {Refused: true}, "renewed": {Person: &alice, Token: []byte("x")},
	} {
		s.refused(name, s.FinishProviderCheck(s.ctx(), c, answer, after(time.Second)), storage.ErrNotFound)
	}
	s.alive(start, f, newer)
	s.sameProvider("afterwards", f, storage.ProviderState{
		GrantID: newer.grant, Token: []byte("provider token of b"), CheckedAt: after(time.Second),
	}, start)
}

func providerCheckRefused(s *suite) {
	f, app := s.connect("a", "client", alice, start), s.connect("b", "other", alice, start)
	pending := s.approve("c", "third", alice, start)
	other := s.connect("d", "client", bob, start)
	c := s.startCheck(f, start, "check")
	s.ok(s.FinishProviderCheck(s.ctx(), c, storage.ProviderAnswer{Refused: true}, start))
	s.dead(start, f, app)
	_, err := s.ExchangeCode(s.ctx(), pending.exchange(start), start)
	s.refused("a code", err, storage.ErrNotFound)
	s.alive(start, other)
	s.refused("again", s.FinishProviderCheck(s.ctx(), c, storage.ProviderAnswer{Refused: true}, start), storage.ErrNotFound)
}

// A person has one provider token, the newest, which serves all their grants and
// outlives the one it came with.
func providerTokenNewest(s *suite) {
	older := s.connect("a", "client", alice, start)
	s.connect("b", "client", bob, after(2*time.Second))
	newer := s.connect("c", "other", alice, after(time.Second))
	want := storage.ProviderState{GrantID: newer.grant, Token: []byte("provider token of c"), CheckedAt: after(time.Second)}
	for _, f := range []family{older, newer} {
		s.sameProvider(f.grant, f, want, start)
	}
	c := s.startCheck(older, start, "check")
	s.ok(s.RevokeGrant(s.ctx(), newer.grant, after(time.Second)))
	s.ok(s.FinishProviderCheck(s.ctx(), c, storage.ProviderAnswer{Token: []byte("fresh")}, start))
	want.CheckID, want.Token = c.ID, []byte("fresh")
	s.sameProvider("after the newer grant's revocation", older, want, start)
}

func providerTokenNone(s *suite) {
	s.ok(s.StartAuthorization(s.ctx(), authorization("a", "client", start)))
	c := completion("a", alice, start)
	c.ProviderToken = nil
	_, err := s.FinishAuthorization(s.ctx(), c, start)
	s.ok(err)
	f := family{client: "client", grant: c.GrantID, code: "code a"}
	issued, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
	s.ok(err)
	f.tokens = issued.Tokens
	s.sameProvider("without a token", f, storage.ProviderState{}, start)
}
