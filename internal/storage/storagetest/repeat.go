package storagetest

import (
	"errors"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var repeatCases = []testCase{
	{"Repeat/unused for a day", repeatUnused},
	{"Repeat/window from the first use", repeatWindow},
	{"Repeat/first use late", repeatLateUse},
	{"Repeat/rotation is a use", repeatRotationIsUse},
	{"Repeat/revocation of the access token is a use", repeatRevocationIsUse},
	{"Repeat/none without a window", repeatNone},
	{"Repeat/renews an expired access token", repeatRenews},
	{"Repeat/race of renewal", repeatRenewalRace},
	{"Repeat/successor kept and forgotten", repeatForgotten},
	{"UseTokens/what is recorded", useTokensRecords},
	{"UseTokens/unknown", useTokensUnknown},
	{"UseTokens/race with repeats", useTokensRace},
}

// repeated checks that the family's spent token yields the tokens of next, or nothing any
// more when next is nil.
func (s *suite) repeated(what string, f family, next *family, now time.Time) {
	s.Helper()
	issued, err := s.RotateRefreshToken(s.ctx(), f.rotation(now), now)
	if next == nil {
		s.refused(what, err, storage.ErrSpent)
		return
	}
	if diff := cmp.Diff(next.tokens, issued.Tokens); diff != "" || err != nil || !issued.Repeated {
		s.Errorf("%s: repeated %t, %v (-want +got):\n%s", what, issued.Repeated, err, diff)
	}
}

// rotateLong is rotate with an access token that outlives the case.
func (s *suite) rotateLong(f family, now time.Time) family {
	s.Helper()
	x := f.rotation(now)
	x.Next.Access.ExpiresAt = now.Add(10 * storage.RepeatLife)
	issued, err := s.RotateRefreshToken(s.ctx(), x, now)
	s.ok(err)
	f.tokens = issued.Tokens
	return f
}

func repeatUnused(s *suite) {
	f := s.connect("a", "client", alice, start)
	next := s.rotateLong(f, start)
	s.repeated("after the window", f, &next, after(grace))
	s.repeated("hours later", f, &next, after(23*time.Hour))
	s.repeated("in the last second of the day", f, &next, after(storage.RepeatLife-time.Second))
	s.repeated("after a day", f, nil, after(storage.RepeatLife))
	s.dead(after(storage.RepeatLife), next)
}

func repeatWindow(s *suite) {
	inside, outside := s.connect("a", "client", alice, start), s.connect("b", "client", bob, start)
	one, two := s.rotateLong(inside, start), s.rotateLong(outside, start)
	used := after(20 * time.Hour)
	s.use(one, used)
	s.use(two, used)
	s.use(two, used.Add(time.Hour)) // which is not the first
	s.repeated("in the window's last second", inside, &one, used.Add(grace-time.Second))
	s.repeated("at the window's end", outside, nil, used.Add(grace))
	s.dead(used.Add(grace), two)
	s.alive(used.Add(grace), one)
}

// A use after the day opens no window.
func repeatLateUse(s *suite) {
	f, last := s.connect("a", "client", alice, start), s.connect("b", "client", bob, start)
	next, newest := s.rotateLong(f, start), s.rotateLong(last, start)
	s.use(newest, after(storage.RepeatLife-time.Second))
	s.use(next, after(storage.RepeatLife))
	s.repeated("first used in the last second", last, &newest, after(storage.RepeatLife))
	s.repeated("first used after a day", f, nil, after(storage.RepeatLife))
}

func repeatRotationIsUse(s *suite) {
	f := s.connect("a", "client", alice, start)
	next := s.rotateLong(f, start)
	newest := s.rotateLong(next, after(time.Hour))
	s.repeated("in the window since the rotation", f, &newest, after(time.Hour+grace-time.Second))
	s.repeated("the successor's repeat", next, &newest, after(time.Hour+grace))
	s.repeated("after the window", f, nil, after(time.Hour+grace))
	s.dead(after(time.Hour+grace), next, newest)
}

func repeatRevocationIsUse(s *suite) {
	f := s.connect("a", "client", alice, start)
	next := s.rotate(f, start)
	s.ok(s.RevokeToken(s.ctx(), next.access(), f.client, start))
	s.repeated("after the window", f, nil, after(grace))
}

func repeatNone(s *suite) {
	f := s.connect("a", "client", alice, start)
	next := s.rotate(f, start)
	x := f.rotation(start)
	x.Grace = 0
	_, err := s.RotateRefreshToken(s.ctx(), x, start)
	s.refused("a repeat of an unused successor", err, storage.ErrSpent)
	s.dead(start, next)
}

func repeatRenews(s *suite) {
	f := s.connect("a", "client", alice, start)
	x := f.rotation(start)
	x.Next.Scope = "read"
	first, err := s.RotateRefreshToken(s.ctx(), x, start)
	s.ok(err)
	now := after(accessLife)
	second, err := s.RotateRefreshToken(s.ctx(), f.rotation(now), now)
	s.ok(err)
	renewed := family{client: f.client, grant: f.grant, tokens: second.Tokens}
	if second.Tokens.Refresh != first.Tokens.Refresh || second.Tokens.Access == first.Tokens.Access || second.Tokens.Scope != "read" {
		s.Errorf("first %+v, then %+v: want the same refresh token and scope, and another access token", first.Tokens, second.Tokens)
	}
	s.alive(now, renewed)
	s.repeated("again", f, &renewed, now.Add(time.Hour-time.Second))
	access, err := s.Access(s.ctx(), renewed.access(), now)
	s.ok(err)
	if access.Unused != renewed.refresh() || access.Scope != "read" {
		s.Errorf("the new access token: unused pair %q of %q, scope %q", access.Unused, renewed.refresh(), access.Scope)
	}
	s.ok(s.UseTokens(s.ctx(), access.Unused, now))
	s.repeated("after the window", f, nil, now.Add(grace))
}

func repeatRenewalRace(s *suite) {
	f := s.connect("a", "client", alice, start)
	s.rotate(f, start)
	now := after(accessLife)
	issued, errs := s.raceRotation(f, f.rotation(now), now)
	s.ok(errors.Join(errs...))
	for _, got := range issued {
		if diff := cmp.Diff(issued[0].Tokens, got.Tokens); diff != "" {
			s.Errorf("repeats differ (-first +other):\n%s", diff)
		}
	}
	s.alive(now, family{client: f.client, grant: f.grant, tokens: issued[0].Tokens})
}

func repeatForgotten(s *suite) {
	unused, used := s.connect("a", "client", alice, start), s.connect("b", "client", bob, start)
	next, other := s.rotateLong(unused, start), s.rotateLong(used, start)
	s.use(other, after(time.Hour))
	clean := func(now time.Time) {
		_, err := s.DeleteExpired(s.ctx(), now, storage.Retention{Grace: grace}, 1000)
		s.ok(err)
	}
	clean(after(time.Hour + grace - time.Second))
	s.repeated("used, in the window", used, &other, after(time.Hour+grace-time.Second))
	clean(after(time.Hour + grace))
	x := used.rotation(start)
	x.Grace = 2 * time.Hour
	_, err := s.RotateRefreshToken(s.ctx(), x, after(time.Hour+grace))
	s.refused("used, after the window, forgotten", err, storage.ErrSpent)
	clean(after(storage.RepeatLife - time.Second))
	s.repeated("unused, in the last second of the day", unused, &next, after(storage.RepeatLife-time.Second))
}

// Only the pair that succeeds another one is tracked, and a first use is recorded once.
func useTokensRecords(s *suite) {
	f := s.connect("a", "client", alice, start)
	s.tracked("of a code", f, false)
	next := s.rotate(f, start)
	s.tracked("of a rotation", next, true)
	s.tracked("its predecessor", f, false)
	s.use(f, start)
	s.tracked("of a rotation, its predecessor used", next, true)
	s.use(next, after(time.Minute))
	s.tracked("used", next, false)
	s.use(next, after(time.Hour))
	grant, _, err := s.RefreshGrant(s.ctx(), f.refresh(), f.client, after(time.Hour))
	s.ok(err)
	want := storage.Repeat{SpentAt: start, Tracked: true, FirstUse: after(time.Minute)}
	if diff := cmp.Diff(want, grant.Repeat); diff != "" || !grant.Spent {
		s.Errorf("spent %t, repeat (-want +got):\n%s", grant.Spent, diff)
	}
}

// tracked checks what both tokens of a family say of their first use.
func (s *suite) tracked(what string, f family, want bool) {
	s.Helper()
	access, err := s.Access(s.ctx(), f.access(), start)
	s.ok(err)
	grant, _, err := s.RefreshGrant(s.ctx(), f.refresh(), f.client, start)
	s.ok(err)
	pair := storage.Hash("")
	if want {
		pair = f.refresh()
	}
	if access.Unused != pair || grant.Unused != want {
		s.Errorf("%s: access token's pair %q, refresh token unused %t; want %q, %t", what, access.Unused, grant.Unused, pair, want)
	}
}

func useTokensUnknown(s *suite) {
	f := s.connect("a", "client", alice, start)
	next := s.rotate(f, start)
	s.ok(s.UseTokens(s.ctx(), storage.HashOf("mkr_unknown"), start))
	s.ok(s.UseTokens(s.ctx(), next.access(), start)) // a pair is named by its refresh token
	s.tracked("after uses of others", next, true)
	s.ok(s.RevokeGrant(s.ctx(), f.grant, start))
	s.ok(s.UseTokens(s.ctx(), next.refresh(), start))
}

// A repeat that begins after a use was recorded obeys its window.
func useTokensRace(s *suite) {
	f := s.connect("a", "client", alice, start)
	next := s.rotateLong(f, start)
	now := after(time.Hour)
	errs := race(racers, func(i int) error {
		if i%2 == 0 {
			return s.UseTokens(s.ctx(), next.refresh(), now)
		}
		_, err := s.RotateRefreshToken(s.ctx(), f.rotation(now), now)
		return err
	})
	s.ok(errors.Join(errs...))
	s.repeated("after the window", f, nil, now.Add(grace))
	s.dead(now.Add(grace), next)
}
