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
	{"ProviderCheck/race", providerCheckRace},
	{"ProviderCheck/race of apps", providerCheckRaceOfApps},
	{"ProviderCheck/race for an abandoned one", providerCheckRaceAbandoned},
	{"ProviderCheck/finished once", providerCheckFinishedOnce},
	{"ProviderCheck/overtaken", providerCheckOvertaken},
	{"ProviderCheck/refused", providerCheckRefused},
	{"ProviderToken/newest", providerTokenNewest},
	{"ProviderToken/none", providerTokenNone},
}

// checkLife is until when a check counts as under way.
const checkLife = 30 * time.Second

// provider is what a refresh of the family learns of its person's provider.
func (k *kit) provider(f family, now time.Time) storage.ProviderState {
	k.Helper()
	grant, _, err := k.RefreshGrant(k.ctx(), f.refresh(), f.client, now)
	k.ok(err)
	return grant.Provider
}

// check is a new check after the latest one.
func (k *kit) check(f family, now time.Time, id string) storage.ProviderCheck {
	k.Helper()
	p := k.provider(f, now)
	return storage.ProviderCheck{
		UserID: k.userID(f, now), GrantID: p.GrantID, ID: id, Previous: p.CheckID, Until: now.Add(checkLife),
	}
}

// startCheck starts a check.
func (k *kit) startCheck(f family, now time.Time, id string) storage.ProviderCheck {
	k.Helper()
	c := k.check(f, now, id)
	k.ok(k.StartProviderCheck(k.ctx(), c, now))
	return c
}

// sameProvider compares all that is known.
func (k *kit) sameProvider(what string, f family, want storage.ProviderState, now time.Time) {
	k.Helper()
	if diff := cmp.Diff(want, k.provider(f, now)); diff != "" {
		k.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func providerCheckRecords(k *kit) {
	f := k.connect("a", "client", alice, start)
	renamed := alice
	renamed.Login = "alicia"
	person := alice
	want := storage.ProviderState{GrantID: f.grant, Token: []byte("provider token of a"), CheckedAt: start}
	for i, answer := range []storage.ProviderAnswer{
		{Person: &renamed},
		{Person: &renamed, Token: []byte("fresh")},
		{RetryAt: after(time.Hour)},
		{Token: []byte{0, 0xff, '\n'}},
		{},
	} {
		now := after(time.Duration(i+1) * time.Minute)
		c := k.startCheck(f, now, fmt.Sprint("check ", i))
		want.CheckID, want.CheckUntil = c.ID, now.Add(checkLife)
		k.sameProvider("under way", f, want, now)
		now = now.Add(time.Second)
		k.ok(k.FinishProviderCheck(k.ctx(), c, answer, now))
		want.CheckUntil, want.RetryAt = time.Time{}, answer.RetryAt
		if answer.Token != nil {
			want.Token = answer.Token
		}
		if answer.Person != nil {
			want.CheckedAt, person = now, *answer.Person
		}
		k.sameProvider(fmt.Sprint("answer ", i), f, want, now)
		_, user, err := k.RefreshGrant(k.ctx(), f.refresh(), f.client, now)
		if diff := cmp.Diff(person, user.Person); diff != "" || err != nil {
			k.Errorf("person: %v (-want +got):\n%s", err, diff)
		}
	}
}

func providerCheckOne(k *kit) {
	f := k.connect("a", "client", alice, start)
	unstarted := k.check(f, start, "late")
	first := k.startCheck(f, start, "first")
	second := k.check(f, start, "second")
	k.refused("while one is under way", k.StartProviderCheck(k.ctx(), second, after(checkLife-time.Second)), storage.ErrSpent)
	k.refused("by an old look", k.StartProviderCheck(k.ctx(), unstarted, after(checkLife)), storage.ErrSpent)
	k.refused("of nobody", k.StartProviderCheck(k.ctx(), storage.ProviderCheck{GrantID: "grt_unknown", ID: "x"}, start), storage.ErrSpent)
	if p := k.provider(f, start); !p.CheckUnderWay(after(checkLife-time.Second)) || p.CheckAbandoned(after(checkLife-time.Second)) {
		k.Errorf("%+v is not under way", p)
	}
	if p := k.provider(f, start); p.CheckUnderWay(after(checkLife)) || !p.CheckAbandoned(after(checkLife)) {
		k.Errorf("%+v is not abandoned", p)
	}
	k.refused("after it was abandoned", k.StartProviderCheck(k.ctx(), second, after(checkLife)), nil)
	k.refused("the abandoned one", k.FinishProviderCheck(k.ctx(), first, storage.ProviderAnswer{Token: []byte("x")}, start), storage.ErrNotFound)
	k.ok(k.FinishProviderCheck(k.ctx(), second, storage.ProviderAnswer{}, start))
	k.refused("by an old look, when it has finished", k.StartProviderCheck(k.ctx(), unstarted, after(checkLife)), storage.ErrSpent)
	k.startCheck(f, start, "third")
}

func providerCheckRace(k *kit) {
	f := k.connect("a", "client", alice, start)
	for round := range 4 {
		c := k.check(f, start, "")
		var winner storage.ProviderCheck
		errs := race(racers, func(i int) error {
			own := c
			own.ID = fmt.Sprint("check ", round, i)
			err := k.StartProviderCheck(k.ctx(), own, start)
			if err == nil {
				winner = own
			}
			return err
		})
		k.oneWins(errs, storage.ErrSpent)
		if got := k.provider(f, start).CheckID; got != winner.ID {
			k.Errorf("%q is under way, want the winner's %q", got, winner.ID)
		}
		k.ok(k.FinishProviderCheck(k.ctx(), winner, storage.ProviderAnswer{}, start))
	}
}

// Two apps of one person: one question all the same.
func providerCheckRaceOfApps(k *kit) {
	apps := []family{k.connect("a", "client", alice, start), k.connect("b", "other", alice, start)}
	errs := race(racers, func(i int) error {
		grant, user, err := k.RefreshGrant(k.ctx(), apps[i%2].refresh(), apps[i%2].client, start)
		if err != nil {
			return err
		}
		return k.StartProviderCheck(k.ctx(), storage.ProviderCheck{
			UserID: user.ID, GrantID: grant.Provider.GrantID, ID: fmt.Sprint("check ", i), Until: after(checkLife),
		}, start)
	})
	k.oneWins(errs, storage.ErrSpent)
}

func providerCheckRaceAbandoned(k *kit) {
	f := k.connect("a", "client", alice, start)
	abandoned := k.startCheck(f, start, "abandoned")
	now := after(checkLife)
	c := k.check(f, now, "")
	errs := race(racers, func(i int) error {
		if i == 0 { // it is not dead after all
			err := k.FinishProviderCheck(k.ctx(), abandoned, storage.ProviderAnswer{Token: []byte("late")}, now)
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return err
			}
			return storage.ErrSpent
		}
		own := c
		own.ID = fmt.Sprint("check ", i)
		return k.StartProviderCheck(k.ctx(), own, now)
	})
	k.oneWins(errs, storage.ErrSpent)
}

func providerCheckFinishedOnce(k *kit) {
	f := k.connect("a", "client", alice, start)
	c := k.startCheck(f, start, "check")
	errs := race(racers, func(i int) error {
		return k.FinishProviderCheck(k.ctx(), c, storage.ProviderAnswer{Token: fmt.Append(nil, "fresh ", i)}, start)
	})
	k.oneWins(errs, storage.ErrNotFound)
	winner := slices.Index(errs, nil)
	if got := string(k.provider(f, start).Token); got != fmt.Sprint("fresh ", winner) {
		k.Errorf("token %q, want that of %d", got, winner)
	}
}

// Another sign-in brought another token: what is said of the old one counts for
// nothing.
func providerCheckOvertaken(k *kit) {
	f := k.connect("a", "client", alice, start)
	c := k.startCheck(f, start, "check")
	newer := k.connect("b", "other", alice, after(time.Second))
	for name, answer := range map[string]storage.ProviderAnswer{
		"refused": {Refused: true}, "renewed": {Person: &alice, Token: []byte("x")},
	} {
		k.refused(name, k.FinishProviderCheck(k.ctx(), c, answer, after(time.Second)), storage.ErrNotFound)
	}
	k.alive(start, f, newer)
	k.sameProvider("afterwards", f, storage.ProviderState{
		GrantID: newer.grant, Token: []byte("provider token of b"), CheckedAt: after(time.Second),
	}, start)
}

func providerCheckRefused(k *kit) {
	f, app := k.connect("a", "client", alice, start), k.connect("b", "other", alice, start)
	pending := k.approve("c", "third", alice, start)
	other := k.connect("d", "client", bob, start)
	c := k.startCheck(f, start, "check")
	k.ok(k.FinishProviderCheck(k.ctx(), c, storage.ProviderAnswer{Refused: true}, start))
	k.dead(start, f, app)
	_, err := k.ExchangeCode(k.ctx(), pending.exchange(start), start)
	k.refused("a code", err, storage.ErrNotFound)
	k.alive(start, other)
	k.refused("again", k.FinishProviderCheck(k.ctx(), c, storage.ProviderAnswer{Refused: true}, start), storage.ErrNotFound)
}

// A person has one provider token, the newest, which serves all their grants and
// outlives the one it came with.
func providerTokenNewest(k *kit) {
	older := k.connect("a", "client", alice, start)
	k.connect("b", "client", bob, after(2*time.Second))
	newer := k.connect("c", "other", alice, after(time.Second))
	want := storage.ProviderState{GrantID: newer.grant, Token: []byte("provider token of c"), CheckedAt: after(time.Second)}
	for _, f := range []family{older, newer} {
		k.sameProvider(f.grant, f, want, start)
	}
	c := k.startCheck(older, start, "check")
	k.ok(k.RevokeGrant(k.ctx(), newer.grant, after(time.Second)))
	k.ok(k.FinishProviderCheck(k.ctx(), c, storage.ProviderAnswer{Token: []byte("fresh")}, start))
	want.CheckID, want.Token = c.ID, []byte("fresh")
	k.sameProvider("after the newer grant's revocation", older, want, start)
}

func providerTokenNone(k *kit) {
	k.ok(k.StartAuthorization(k.ctx(), authorization("a", "client", start)))
	c := completion("a", alice, start)
	c.ProviderToken = nil
	_, err := k.FinishAuthorization(k.ctx(), c, start)
	k.ok(err)
	f := family{client: "client", grant: c.GrantID, code: "code a"}
	issued, err := k.ExchangeCode(k.ctx(), f.exchange(start), start)
	k.ok(err)
	f.tokens = issued.Tokens
	k.sameProvider("without a token", f, storage.ProviderState{}, start)
}
