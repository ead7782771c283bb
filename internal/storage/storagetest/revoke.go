package storagetest

import (
	"errors"
	"fmt"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var revokeCases = []testCase{
	{"RevokeToken/refresh token", revokeRefreshToken},
	{"RevokeToken/spent refresh token", revokeSpentRefreshToken},
	{"RevokeToken/access token", revokeAccessToken},
	{"RevokeToken/changes nothing", revokeTokenChangesNothing},
	{"RevokeGrant/everything", revokeGrantEverything},
	{"RevokeGrant/not found", revokeGrantNotFound},
	{"RevokeUserGrant/own only", revokeUserGrantOwnOnly},
}

func revokeRefreshToken(s *suite) {
	f, other := s.connect("a", "client", alice, start), s.connect("b", "client", alice, start)
	s.ok(s.RevokeToken(s.ctx(), f.refresh(), f.client, start))
	s.dead(start, f)
	s.alive(start, other)
	s.ok(s.RevokeToken(s.ctx(), f.refresh(), f.client, start)) // again: no error
}

func revokeSpentRefreshToken(s *suite) {
	f := s.connect("a", "client", alice, start)
	next := s.rotate(f, start)
	s.ok(s.RevokeToken(s.ctx(), f.refresh(), f.client, start))
	s.dead(start, f, next)
}

func revokeAccessToken(s *suite) {
	f := s.connect("a", "client", alice, start)
	next := s.rotate(f, start)
	s.ok(s.RevokeToken(s.ctx(), f.access(), f.client, start))
	_, err := s.Access(s.ctx(), f.access(), start)
	s.refused("the revoked access token", err, storage.ErrNotFound)
	s.alive(start, next)
	s.ok(s.RevokeToken(s.ctx(), f.access(), f.client, start))
}

func revokeTokenChangesNothing(s *suite) {
	f := s.connect("a", "client", alice, start)
	for _, x := range []struct {
		token  storage.Hash
		client string
	}{
		{f.refresh(), "other"},
		{f.access(), "other"},
		{f.refresh(), ""},
		{f.access(), ""},
		{storage.HashOf("mkr_unknown"), f.client},
		{"", f.client},
		{storage.HashOf(f.code), f.client},
	} {
		if err := s.RevokeToken(s.ctx(), x.token, x.client, start); err != nil {
			s.Errorf("RevokeToken: %v, want no error", err)
		}
	}
	s.alive(start, f)
}

func revokeGrantEverything(s *suite) {
	first, other := s.connect("a", "client", alice, start), s.connect("b", "client", alice, start)
	newest := s.rotate(first, start)
	s.ok(s.RevokeGrant(s.ctx(), first.grant, start))
	s.dead(start, first, newest)
	s.alive(start, other)
}

func revokeGrantNotFound(s *suite) {
	f := s.connect("a", "client", alice, start)
	user := s.userID(f, start)
	s.refused("unknown", s.RevokeGrant(s.ctx(), "grt_unknown", start), storage.ErrNotFound)
	s.refused("unknown, of a user", s.RevokeUserGrant(s.ctx(), user, "grt_unknown", start), storage.ErrNotFound)
	s.ok(s.RevokeGrant(s.ctx(), f.grant, start))
	s.refused("revoked", s.RevokeGrant(s.ctx(), f.grant, start), storage.ErrNotFound)
	s.refused("revoked, of a user", s.RevokeUserGrant(s.ctx(), user, f.grant, start), storage.ErrNotFound)
}

func revokeUserGrantOwnOnly(s *suite) {
	mine, hers := s.connect("a", "client", alice, start), s.connect("b", "client", bob, start)
	me := s.userID(mine, start)
	for _, user := range []string{me, "", "usr_unknown"} {
		s.refused("someone else's", s.RevokeUserGrant(s.ctx(), user, hers.grant, start), storage.ErrNotFound)
	}
	s.alive(start, mine, hers)
	s.ok(s.RevokeUserGrant(s.ctx(), me, mine.grant, start))
	s.dead(start, mine)
	s.alive(start, hers)
}

var revokeRaceCases = []testCase{
	{"Revocation races/RevokeGrant", func(s *suite) {
		s.revokeRaces(func(f family) error { return s.RevokeGrant(s.ctx(), f.grant, start) })
	}},
	{"Revocation races/RevokeToken", func(s *suite) {
		s.revokeRaces(func(f family) error { return s.RevokeToken(s.ctx(), f.refresh(), f.client, start) })
	}},
	{"Revocation races/DeleteClient", func(s *suite) {
		s.revokeRaces(func(f family) error { return s.DeleteClient(s.ctx(), f.client, start) })
	}},
	{"Revocation races/exchange", revokeRacesExchange},
	{"Revocation races/once", revokeRacesItself},
}

// revokeRaces lets a revocation and rotations of the same grant meet many
// times: whichever comes first, nothing is valid after both.
func (s *suite) revokeRaces(revoke func(f family) error) {
	s.Helper()
	for round := range 16 {
		id := fmt.Sprintf("r%d", round)
		s.ok(s.CreateClient(s.ctx(), client(id)))
		f := s.connect(id, id, alice, start)
		tokens := make([]storage.NewTokens, 3)
		errs := race(len(tokens)+1, func(i int) error {
			if i == len(tokens) {
				return revoke(f)
			}
			issued, err := s.RotateRefreshToken(s.ctx(), f.rotation(start), start)
			tokens[i] = issued.Tokens
			return err
		})
		s.ok(errs[len(tokens)])
		s.dead(start, f)
		for i := range tokens {
			if errs[i] != nil {
				s.refused("rotation", errs[i], storage.ErrNotFound)
				continue
			}
			f.tokens = tokens[i]
			s.dead(start, f)
		}
	}
}

func revokeRacesExchange(s *suite) {
	for round := range 16 {
		f := s.approve(fmt.Sprintf("r%d", round), "client", alice, start)
		x := f.exchange(start)
		errs := race(2, func(i int) error {
			if i == 0 {
				return s.RevokeGrant(s.ctx(), f.grant, start)
			}
			_, err := s.ExchangeCode(s.ctx(), x, start)
			return err
		})
		s.ok(errs[0])
		if errs[1] != nil && !errors.Is(errs[1], storage.ErrNotFound) {
			s.Errorf("exchange: %v, want success or ErrNotFound", errs[1])
		}
		f.tokens = x.Next
		s.dead(start, f)
	}
}

func revokeRacesItself(s *suite) {
	f := s.connect("a", "client", alice, start)
	s.oneWins(race(racers, func(int) error { return s.RevokeGrant(s.ctx(), f.grant, start) }), storage.ErrNotFound)
	s.dead(start, f)
}
