package storagetest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var codeCases = []testCase{
	{"ExchangeCode/issues", exchangeIssues},
	{"ExchangeCode/narrowed scope", exchangeNarrowed},
	{"ExchangeCode/misfits burn nothing", exchangeMisfits},
	{"ExchangeCode/without redirect URI", exchangeWithoutRedirect},
	{"ExchangeCode/expiry", exchangeExpiry},
	{"ExchangeCode/replay", exchangeReplay},
	{"ExchangeCode/replay by misfits", exchangeReplayMisfits},
	{"ExchangeCode/replay after rotation", exchangeReplayAfterRotation},
	{"ExchangeCode/race", exchangeRace},
	{"ExchangeCode/revoked grant", exchangeRevoked},
	{"Access/expiry", accessExpiry},
	{"Access/unknown", accessUnknown},
}

func exchangeIssues(k *kit) {
	f := k.approve("a", "client", alice, start)
	now := after(5 * time.Second)
	x := f.exchange(now)
	issued, err := k.ExchangeCode(k.ctx(), x, now)
	k.ok(err)
	f.tokens = issued.Tokens
	access, err := k.Access(k.ctx(), f.access(), now)
	k.ok(err)

	x.Next.Scope = fullScope
	want := storage.Issued{Tokens: x.Next, Grant: storage.Grant{
		ID: f.grant, UserID: access.User.ID, ClientID: "client", Scope: fullScope, Resource: resource,
		CreatedAt: start, LastUsedAt: now,
	}}
	if diff := cmp.Diff(want, issued); diff != "" {
		k.Errorf("issued (-want +got):\n%s", diff)
	}
	wantAccess := storage.Access{
		GrantID: f.grant, ClientID: "client", User: storage.User{ID: access.User.ID, Person: alice},
		Scope: fullScope, Resource: resource, IssuedAt: now, ExpiresAt: now.Add(accessLife), LastUsedAt: now,
	}
	if diff := cmp.Diff(wantAccess, access); diff != "" || access.User.ID == "" {
		k.Errorf("access (-want +got):\n%s", diff)
	}
	k.alive(now, f)
}

func exchangeNarrowed(k *kit) {
	x := k.approve("a", "client", alice, start).exchange(start)
	x.Next.Scope = "read"
	issued, err := k.ExchangeCode(k.ctx(), x, start)
	k.ok(err)
	access, err := k.Access(k.ctx(), storage.HashOf(issued.Tokens.Access.Value), start)
	k.ok(err)
	got := []string{issued.Tokens.Scope, access.Scope, issued.Grant.Scope}
	if diff := cmp.Diff([]string{"read", "read", fullScope}, got); diff != "" {
		k.Errorf("scopes of answer, access token and grant (-want +got):\n%s", diff)
	}
}

// misfits are wrong requests for the family's code, by what is wrong.
func (f family) misfits(now time.Time) map[string]storage.CodeExchange {
	wrong := map[string]func(*storage.CodeExchange){
		"code":              func(x *storage.CodeExchange) { x.Code = storage.HashOf("code other") },
		"client":            func(x *storage.CodeExchange) { x.ClientID = "other" },
		"no client":         func(x *storage.CodeExchange) { x.ClientID = "" },
		"challenge":         func(x *storage.CodeExchange) { x.Challenge = challenge("other") },
		"no challenge":      func(x *storage.CodeExchange) { x.Challenge = "" },
		"redirect":          func(x *storage.CodeExchange) { x.RedirectURI = "http://127.0.0.1:1/callback" },
		"redirect's prefix": func(x *storage.CodeExchange) { x.RedirectURI = redirectURI[:len(redirectURI)-1] },
	}
	all := map[string]storage.CodeExchange{}
	for name, change := range wrong {
		x := f.exchange(now)
		change(&x)
		all[name] = x
	}
	return all
}

func exchangeMisfits(k *kit) {
	f := k.approve("a", "client", alice, start)
	for name, x := range f.misfits(start) {
		_, err := k.ExchangeCode(k.ctx(), x, start)
		k.refused("wrong "+name, err, storage.ErrNotFound)
		_, err = k.Access(k.ctx(), storage.HashOf(x.Next.Access.Value), start)
		k.refused("token of a refused exchange", err, storage.ErrNotFound)
	}
	_, err := k.ExchangeCode(k.ctx(), f.exchange(start), start)
	k.refused("the right request after the wrong ones", err, nil)
}

func exchangeWithoutRedirect(k *kit) {
	x := k.approve("a", "client", alice, start).exchange(start)
	x.RedirectURI = ""
	_, err := k.ExchangeCode(k.ctx(), x, start)
	k.refused("without redirect URI", err, nil)
}

func exchangeExpiry(k *kit) {
	late, last := k.approve("a", "client", alice, start), k.approve("b", "client", alice, start)
	_, err := k.ExchangeCode(k.ctx(), late.exchange(start), after(codeLife))
	k.refused("when it expires", err, storage.ErrNotFound)
	_, err = k.ExchangeCode(k.ctx(), last.exchange(start), after(codeLife-time.Second))
	k.refused("in the last second", err, nil)
	_, err = k.ExchangeCode(k.ctx(), last.exchange(start), after(codeLife))
	k.refused("a replay after the code's life", err, storage.ErrNotFound)
}

func exchangeReplay(k *kit) {
	f, other := k.connect("a", "client", alice, start), k.connect("b", "client", alice, start)
	x := f.exchange(start)
	_, err := k.ExchangeCode(k.ctx(), x, start)
	k.refused("replay", err, storage.ErrSpent)
	k.dead(start, f, family{client: f.client, grant: f.grant, tokens: x.Next})
	_, err = k.ExchangeCode(k.ctx(), f.exchange(start), start)
	k.refused("replay again", err, storage.ErrSpent)
	k.alive(start, other)
}

// Who has the code alone, without what proves the client, harms nobody.
func exchangeReplayMisfits(k *kit) {
	f := k.connect("a", "client", alice, start)
	misfits := f.misfits(start)
	delete(misfits, "redirect")
	delete(misfits, "redirect's prefix") // the right client with the right challenge replays
	for name, x := range misfits {
		_, err := k.ExchangeCode(k.ctx(), x, start)
		k.refused("replay with wrong "+name, err, storage.ErrNotFound)
	}
	k.alive(start, f)
}

func exchangeReplayAfterRotation(k *kit) {
	first := k.connect("a", "client", alice, start)
	newest := k.rotate(first, start)
	_, err := k.ExchangeCode(k.ctx(), first.exchange(start), start)
	k.refused("replay", err, storage.ErrSpent)
	k.dead(start, first, newest)
}

func exchangeRace(k *kit) {
	f := k.approve("a", "client", alice, start)
	k.oneWins(race(racers, func(int) error {
		_, err := k.ExchangeCode(k.ctx(), f.exchange(start), start)
		return err
	}), storage.ErrSpent)
}

func exchangeRevoked(k *kit) {
	f := k.approve("a", "client", alice, start)
	k.ok(k.RevokeGrant(k.ctx(), f.grant, start))
	_, err := k.ExchangeCode(k.ctx(), f.exchange(start), start)
	k.refused("code of a revoked grant", err, storage.ErrNotFound)
}

func accessExpiry(k *kit) {
	f := k.connect("a", "client", alice, start)
	_, err := k.Access(k.ctx(), f.access(), after(accessLife-time.Second))
	k.refused("in the last second", err, nil)
	_, err = k.Access(k.ctx(), f.access(), after(accessLife))
	k.refused("when it expires", err, storage.ErrNotFound)
}

func accessUnknown(k *kit) {
	f := k.connect("a", "client", alice, start)
	for name, token := range map[string]storage.Hash{
		"none": "", "unknown": storage.HashOf("mka_unknown"), "a refresh token": f.refresh(),
		"a code": storage.HashOf(f.code), "the token itself": storage.Hash(f.tokens.Access.Value),
	} {
		_, err := k.Access(k.ctx(), token, start)
		k.refused(name, err, storage.ErrNotFound)
	}
	_, _, err := k.RefreshGrant(k.ctx(), f.access(), f.client, start)
	k.refused("an access token as a refresh token", err, storage.ErrNotFound)
}
