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

func revokeRefreshToken(k *kit) {
	f, other := k.connect("a", "client", alice, start), k.connect("b", "client", alice, start)
	k.ok(k.RevokeToken(k.ctx(), f.refresh(), f.client, start))
	k.dead(start, f)
	k.alive(start, other)
	k.ok(k.RevokeToken(k.ctx(), f.refresh(), f.client, start)) // again: no error
}

func revokeSpentRefreshToken(k *kit) {
	f := k.connect("a", "client", alice, start)
	next := k.rotate(f, start)
	k.ok(k.RevokeToken(k.ctx(), f.refresh(), f.client, start))
	k.dead(start, f, next)
}

func revokeAccessToken(k *kit) {
	f := k.connect("a", "client", alice, start)
	next := k.rotate(f, start)
	k.ok(k.RevokeToken(k.ctx(), f.access(), f.client, start))
	_, err := k.Access(k.ctx(), f.access(), start)
	k.refused("the revoked access token", err, storage.ErrNotFound)
	k.alive(start, next)
	k.ok(k.RevokeToken(k.ctx(), f.access(), f.client, start))
}

func revokeTokenChangesNothing(k *kit) {
	f := k.connect("a", "client", alice, start)
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
		if err := k.RevokeToken(k.ctx(), x.token, x.client, start); err != nil {
			k.Errorf("RevokeToken: %v, want no error", err)
		}
	}
	k.alive(start, f)
}

func revokeGrantEverything(k *kit) {
	first, other := k.connect("a", "client", alice, start), k.connect("b", "client", alice, start)
	newest := k.rotate(first, start)
	k.ok(k.RevokeGrant(k.ctx(), first.grant, start))
	k.dead(start, first, newest)
	k.alive(start, other)
}

func revokeGrantNotFound(k *kit) {
	f := k.connect("a", "client", alice, start)
	user := k.userID(f, start)
	k.refused("unknown", k.RevokeGrant(k.ctx(), "grt_unknown", start), storage.ErrNotFound)
	k.refused("unknown, of a user", k.RevokeUserGrant(k.ctx(), user, "grt_unknown", start), storage.ErrNotFound)
	k.ok(k.RevokeGrant(k.ctx(), f.grant, start))
	k.refused("revoked", k.RevokeGrant(k.ctx(), f.grant, start), storage.ErrNotFound)
	k.refused("revoked, of a user", k.RevokeUserGrant(k.ctx(), user, f.grant, start), storage.ErrNotFound)
}

func revokeUserGrantOwnOnly(k *kit) {
	mine, hers := k.connect("a", "client", alice, start), k.connect("b", "client", bob, start)
	me := k.userID(mine, start)
	for _, user := range []string{me, "", "usr_unknown"} {
		k.refused("somebody else's", k.RevokeUserGrant(k.ctx(), user, hers.grant, start), storage.ErrNotFound)
	}
	k.alive(start, mine, hers)
	k.ok(k.RevokeUserGrant(k.ctx(), me, mine.grant, start))
	k.dead(start, mine)
	k.alive(start, hers)
}

var revokeRaceCases = []testCase{
	{"Revocation races/RevokeGrant", func(k *kit) {
		k.revokeRaces(func(f family) error { return k.RevokeGrant(k.ctx(), f.grant, start) })
	}},
	{"Revocation races/RevokeToken", func(k *kit) {
		k.revokeRaces(func(f family) error { return k.RevokeToken(k.ctx(), f.refresh(), f.client, start) })
	}},
	{"Revocation races/DeleteClient", func(k *kit) {
		k.revokeRaces(func(f family) error { return k.DeleteClient(k.ctx(), f.client, start) })
	}},
	{"Revocation races/exchange", revokeRacesExchange},
	{"Revocation races/once", revokeRacesItself},
}

// revokeRaces lets a revocation and rotations of the same grant meet many
// times: whichever comes first, nothing is valid after both.
func (k *kit) revokeRaces(revoke func(f family) error) {
	k.Helper()
	for round := range 16 {
		id := fmt.Sprintf("r%d", round)
		k.ok(k.CreateClient(k.ctx(), client(id)))
		f := k.connect(id, id, alice, start)
		tokens := make([]storage.NewTokens, 3)
		errs := race(len(tokens)+1, func(i int) error {
			if i == len(tokens) {
				return revoke(f)
			}
			issued, err := k.RotateRefreshToken(k.ctx(), f.rotation(start), start)
			tokens[i] = issued.Tokens
			return err
		})
		k.ok(errs[len(tokens)])
		k.dead(start, f)
		for i := range tokens {
			if errs[i] != nil {
				k.refused("rotation", errs[i], storage.ErrNotFound)
				continue
			}
			f.tokens = tokens[i]
			k.dead(start, f)
		}
	}
}

func revokeRacesExchange(k *kit) {
	for round := range 16 {
		f := k.approve(fmt.Sprintf("r%d", round), "client", alice, start)
		x := f.exchange(start)
		errs := race(2, func(i int) error {
			if i == 0 {
				return k.RevokeGrant(k.ctx(), f.grant, start)
			}
			_, err := k.ExchangeCode(k.ctx(), x, start)
			return err
		})
		k.ok(errs[0])
		if errs[1] != nil && !errors.Is(errs[1], storage.ErrNotFound) {
			k.Errorf("exchange: %v, want success or ErrNotFound", errs[1])
		}
		f.tokens = x.Next
		k.dead(start, f)
	}
}

func revokeRacesItself(k *kit) {
	f := k.connect("a", "client", alice, start)
	k.oneWins(race(racers, func(int) error { return k.RevokeGrant(k.ctx(), f.grant, start) }), storage.ErrNotFound)
	k.dead(start, f)
}
