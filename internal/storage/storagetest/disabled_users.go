package storagetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// disable disables the person of a family.
func (s *suite) disable(f family, now time.Time) {
	s.Helper()
	s.ok(second(s.DisableUser(s.ctx(), s.userID(f, now), now)))
}

func disableUserEnds(s *suite) {
	a, b := s.connect("a", "client", alice, start), s.rotate(s.connect("b", "other", alice, start), start)
	pending, his := s.approve("c", "client", alice, start), s.connect("d", "client", bob, start)
	user, before := s.userID(a, start), s.types()
	if n, err := s.DisableUser(s.ctx(), user, start); n != 3 || err != nil {
		s.Errorf("revoked %d, %v, want 3", n, err)
	}
	s.dead(start, a, b)
	_, err := s.ExchangeCode(s.ctx(), pending.exchange(start), start)
	s.refused("code", err, storage.ErrNotFound)
	s.alive(start, his)
	s.happened(append(before, storage.EventUserDisabled)...)
	events, err := s.NewestEvents(s.ctx(), storage.EventFilter{UserID: user}, 1)
	s.ok(err)
	if len(events) != 1 || events[0].Detail != "3 grants revoked" {
		s.Errorf("events %+v", events)
	}
}

func disableUserTwice(s *suite) {
	f := s.connect("a", "client", alice, start)
	user, his := s.userID(f, start), s.userID(s.connect("b", "client", bob, start), start)
	s.refused("enable who is not disabled", s.EnableUser(s.ctx(), user, start), storage.ErrNotFound)
	for _, id := range []string{"usr_unknown", ""} {
		s.refused("unknown", second(s.DisableUser(s.ctx(), id, start)), storage.ErrNotFound)
		s.refused("unknown", s.EnableUser(s.ctx(), id, start), storage.ErrNotFound)
	}
	s.alive(start, f)
	s.disable(f, start)
	before := s.types()
	s.refused("again", second(s.DisableUser(s.ctx(), user, after(time.Hour))), storage.ErrNotFound)
	s.happened(before...)
	list, err := s.ListUsers(s.ctx(), storage.UserFilter{ID: user}, "", 1, start)
	if len(list) != 1 || !list[0].DisabledAt.Equal(start) || err != nil {
		s.Errorf("%+v, %v", list, err)
	}
	s.ok(second(s.DisableUser(s.ctx(), his, start)))
}

// A refused sign-in is finished: nothing is granted, and no one can continue with it.
func disableUserSignIn(s *suite) {
	s.disable(s.connect("a", "client", alice, start), start)
	renamed := alice
	renamed.Login = "someone else"
	a := authorization("b", "client", start)
	s.ok(s.StartAuthorization(s.ctx(), a))
	before := s.types()
	req, err := s.FinishAuthorization(s.ctx(), completion("b", renamed, start), after(time.Minute))
	s.refused("sign-in", err, storage.ErrDisabled)
	if diff := cmp.Diff(a.Request, req); diff != "" {
		s.Errorf("request (-want +got):\n%s", diff)
	}
	s.happened(append(before, storage.EventSignInRefused)...)
	f := family{client: "client", grant: "grt_b", code: "code b"}
	_, err = s.ExchangeCode(s.ctx(), f.exchange(start), start)
	s.refused("code of a refused sign-in", err, storage.ErrNotFound)
	_, err = s.FinishAuthorization(s.ctx(), completion("b", bob, start), start)
	s.refused("the same sign-in, by someone else", err, storage.ErrSpent)
	list, err := s.ListUsers(s.ctx(), storage.UserFilter{}, "", 10, start)
	s.ok(err)
	if len(list) != 1 || !cmp.Equal(list[0].User.Person, alice) || !list[0].LastSignInAt.Equal(start) {
		s.Errorf("people: %+v, want them as they were", list)
	}
	s.sameStats(storage.Stats{Users: 1}, start)
}

func disableUserPassword(s *suite) {
	s.ok(s.SetPassword(s.ctx(), owner, "hash", false, start))
	user, _, err := s.TryPassword(s.ctx(), owner, start)
	s.ok(err)
	s.ok(second(s.DisableUser(s.ctx(), user.ID, start)))
	a := authorization("a", "client", start)
	a.UserID = user.ID
	s.ok(s.StartAuthorization(s.ctx(), a))
	_, err = s.FinishAuthorization(s.ctx(), completion("a", bob, start), start)
	s.refused("sign-in", err, storage.ErrDisabled)
	s.ok(s.SetPassword(s.ctx(), owner, "new hash", true, start)) // as a start with a new password does
	s.ok(s.EnableUser(s.ctx(), user.ID, start))
	a.ID, a.StateHash = "b", storage.HashOf("state b")
	s.ok(s.StartAuthorization(s.ctx(), a))
	c := completion("b", bob, start)
	c.Browser = a.Browser
	_, err = s.FinishAuthorization(s.ctx(), c, start)
	s.refused("sign-in after enabling", err, nil)
}

// Whatever comes first: when someone is disabled, none of their sign-ins has left
// anything that works.
func disableUserRace(s *suite) {
	for round := range 4 {
		person := alice
		person.Subject = fmt.Sprint(round)
		s.disableRaces(fmt.Sprint(round), person)
	}
	s.sameStats(storage.Stats{Users: 4}, start)
}

func (s *suite) disableRaces(prefix string, person storage.Person) {
	s.Helper()
	first := s.connect(prefix+"first", "client", person, start)
	user := s.userID(first, start)
	families := make([]family, racers)
	for i := range families {
		id := fmt.Sprintf("%sr%d", prefix, i)
		s.ok(s.StartAuthorization(s.ctx(), authorization(id, "client", start)))
		families[i] = family{client: "client", grant: "grt_" + id, code: "code " + id}
	}
	errs := race(racers, func(i int) error {
		if i == racers/2 {
			return second(s.DisableUser(s.ctx(), user, start))
		}
		id := families[i].grant[len("grt_"):]
		if _, err := s.FinishAuthorization(s.ctx(), completion(id, person, start), start); err != nil {
			return err
		}
		x := families[i].exchange(start)
		families[i].tokens = x.Next
		return second(s.ExchangeCode(s.ctx(), x, start))
	})
	s.ok(errs[racers/2])
	for i, err := range errs {
		if err != nil && !errors.Is(err, storage.ErrDisabled) && !errors.Is(err, storage.ErrNotFound) {
			s.Errorf("a sign-in: %v", err)
		}
		if families[i].tokens.Access.Value != "" {
			s.dead(start, families[i])
		}
		err := second(s.ExchangeCode(s.ctx(), families[i].exchange(start), start))
		if !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrSpent) {
			s.Errorf("the code of %s: %v", families[i].grant, err)
		}
	}
	s.dead(start, first)
}

// Refreshes and provider checks lock the same rows.
func disableUserRefreshRace(s *suite) {
	for round := range 8 {
		person := alice
		person.Subject = fmt.Sprint(round)
		families := make([]family, 4)
		for i := range families {
			families[i] = s.connect(fmt.Sprintf("r%d-%d", round, i), "client", person, start)
		}
		user, holder := s.userID(families[0], start), s.provider(families[0], start).GrantID
		errs := race(3*len(families), func(i int) error {
			f := families[i%len(families)]
			switch {
			case i == 0:
				return second(s.DisableUser(s.ctx(), user, start))
			case i < len(families):
				c := storage.ProviderCheck{UserID: user, GrantID: holder, ID: fmt.Sprint("check ", i), Until: after(checkLife)}
				if err := s.StartProviderCheck(s.ctx(), c, start); err != nil {
					return storage.ErrNotFound // another one is under way
				}
				return s.FinishProviderCheck(s.ctx(), c, storage.ProviderAnswer{Person: &person, Token: []byte("token")}, start)
			}
			return second(s.RotateRefreshToken(s.ctx(), f.rotation(start), start))
		})
		s.ok(errs[0])
		for _, err := range errs[1:] {
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				s.Errorf("round %d: %v", round, err)
			}
		}
		s.dead(start, families...)
	}
}

func disableUserOnce(s *suite) {
	user := s.userID(s.connect("a", "client", alice, start), start)
	s.oneWins(race(racers, func(int) error { return second(s.DisableUser(s.ctx(), user, start)) }), storage.ErrNotFound)
	s.oneWins(race(racers, func(int) error { return s.EnableUser(s.ctx(), user, start) }), storage.ErrNotFound)
}

func enableUser(s *suite) {
	f := s.connect("a", "client", alice, start)
	user := s.userID(f, start)
	s.disable(f, start)
	before := s.types()
	s.ok(s.EnableUser(s.ctx(), user, start))
	s.happened(append(before, storage.EventUserEnabled)...)
	s.dead(start, f)
	again := s.connect("b", "client", alice, start)
	s.alive(start, again)
	if got := s.userID(again, start); got != user {
		s.Errorf("a new person: %s, want %s", got, user)
	}
}
