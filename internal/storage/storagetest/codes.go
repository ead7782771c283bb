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
	{"ExchangeCode/another resource", exchangeOtherResource},
	{"ExchangeCode/expiry", exchangeExpiry},
	{"ExchangeCode/replay", exchangeReplay},
	{"ExchangeCode/replay by misfits", exchangeReplayMisfits},
	{"ExchangeCode/replay after rotation", exchangeReplayAfterRotation},
	{"ExchangeCode/race", exchangeRace},
	{"ExchangeCode/revoked grant", exchangeRevoked},
	{"Access/expiry", accessExpiry},
	{"Access/unknown", accessUnknown},
}

func exchangeIssues(s *suite) {
	f := s.approve("a", "client", alice, start)
	now := after(5 * time.Second)
	x := f.exchange(now)
	issued, err := s.ExchangeCode(s.ctx(), x, now)
	s.ok(err)
	f.tokens = issued.Tokens
	access, err := s.Access(s.ctx(), f.access(), now)
	s.ok(err)

	x.Next.Scope = fullScope
	want := storage.Issued{Tokens: x.Next, Grant: storage.Grant{
		ID: f.grant, UserID: access.User.ID, ClientID: "client", Scope: fullScope, Resource: resource, RedirectURI: anyPortURI,
		CreatedAt: start, LastUsedAt: now,
	}}
	if diff := cmp.Diff(want, issued); diff != "" {
		s.Errorf("issued (-want +got):\n%s", diff)
	}
	wantAccess := storage.Access{
		GrantID: f.grant, ClientID: "client", User: storage.User{ID: access.User.ID, Person: alice},
		Scope: fullScope, Resource: resource, IssuedAt: now, ExpiresAt: now.Add(accessLife), LastUsedAt: now,
		ConfirmedAt: start,
	}
	if diff := cmp.Diff(wantAccess, access); diff != "" || access.User.ID == "" {
		s.Errorf("access (-want +got):\n%s", diff)
	}
	s.alive(now, f)
}

// A resource other than the granted one changes nothing: the code is still good.
func exchangeOtherResource(s *suite) {
	f := s.approve("a", "client", alice, start)
	x := f.exchange(start)
	x.Resource = "https://keep.example/other"
	_, err := s.ExchangeCode(s.ctx(), x, start)
	s.refused("another resource", err, storage.ErrOtherResource)
	x.Resource = resource
	_, err = s.ExchangeCode(s.ctx(), x, start)
	s.ok(err)
}

func exchangeNarrowed(s *suite) {
	x := s.approve("a", "client", alice, start).exchange(start)
	x.Next.Scope = "read"
	issued, err := s.ExchangeCode(s.ctx(), x, start)
	s.ok(err)
	access, err := s.Access(s.ctx(), storage.HashOf(issued.Tokens.Access.Value), start)
	s.ok(err)
	got := []string{issued.Tokens.Scope, access.Scope, issued.Grant.Scope}
	if diff := cmp.Diff([]string{"read", "read", fullScope}, got); diff != "" {
		s.Errorf("scopes of answer, access token and grant (-want +got):\n%s", diff)
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

func exchangeMisfits(s *suite) {
	f := s.approve("a", "client", alice, start)
	for name, x := range f.misfits(start) {
		_, err := s.ExchangeCode(s.ctx(), x, start)
		s.refused("wrong "+name, err, storage.ErrNotFound)
		_, err = s.Access(s.ctx(), storage.HashOf(x.Next.Access.Value), start)
		s.refused("token of a refused exchange", err, storage.ErrNotFound)
	}
	_, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
	s.refused("the right request after the wrong ones", err, nil)
}

func exchangeWithoutRedirect(s *suite) {
	x := s.approve("a", "client", alice, start).exchange(start)
	x.RedirectURI = ""
	_, err := s.ExchangeCode(s.ctx(), x, start)
	s.refused("without redirect URI", err, nil)
}

func exchangeExpiry(s *suite) {
	late, last := s.approve("a", "client", alice, start), s.approve("b", "client", alice, start)
	_, err := s.ExchangeCode(s.ctx(), late.exchange(start), after(codeLife))
	s.refused("when it expires", err, storage.ErrNotFound)
	_, err = s.ExchangeCode(s.ctx(), last.exchange(start), after(codeLife-time.Second))
	s.refused("in the last second", err, nil)
	_, err = s.ExchangeCode(s.ctx(), last.exchange(start), after(codeLife))
	s.refused("a replay after the code's life", err, storage.ErrNotFound)
}

func exchangeReplay(s *suite) {
	f, other := s.connect("a", "client", alice, start), s.connect("b", "client", alice, start)
	x := f.exchange(start)
	_, err := s.ExchangeCode(s.ctx(), x, start)
	s.refused("replay", err, storage.ErrSpent)
	s.dead(start, f, family{client: f.client, grant: f.grant, tokens: x.Next})
	_, err = s.ExchangeCode(s.ctx(), f.exchange(start), start)
	s.refused("replay again", err, storage.ErrSpent)
	s.alive(start, other)
}

// Who has the code alone, without what proves the client, harms no one.
func exchangeReplayMisfits(s *suite) {
	f := s.connect("a", "client", alice, start)
	misfits := f.misfits(start)
	delete(misfits, "redirect")
	delete(misfits, "redirect's prefix") // the right client with the right challenge replays
	for name, x := range misfits {
		_, err := s.ExchangeCode(s.ctx(), x, start)
		s.refused("replay with wrong "+name, err, storage.ErrNotFound)
	}
	s.alive(start, f)
}

func exchangeReplayAfterRotation(s *suite) {
	first := s.connect("a", "client", alice, start)
	newest := s.rotate(first, start)
	_, err := s.ExchangeCode(s.ctx(), first.exchange(start), start)
	s.refused("replay", err, storage.ErrSpent)
	s.dead(start, first, newest)
}

func exchangeRace(s *suite) {
	f := s.approve("a", "client", alice, start)
	s.oneWins(race(racers, func(int) error {
		_, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
		return err
	}), storage.ErrSpent)
}

func exchangeRevoked(s *suite) {
	f := s.approve("a", "client", alice, start)
	s.ok(s.RevokeGrant(s.ctx(), f.grant, start))
	_, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
	s.refused("code of a revoked grant", err, storage.ErrNotFound)
}

func accessExpiry(s *suite) {
	f := s.connect("a", "client", alice, start)
	_, err := s.Access(s.ctx(), f.access(), after(accessLife-time.Second))
	s.refused("in the last second", err, nil)
	_, err = s.Access(s.ctx(), f.access(), after(accessLife))
	s.refused("when it expires", err, storage.ErrNotFound)
}

func accessUnknown(s *suite) {
	f := s.connect("a", "client", alice, start)
	for name, token := range map[string]storage.Hash{
		"none": "", "unknown": storage.HashOf("mka_unknown"), "a refresh token": f.refresh(),
		"a code": storage.HashOf(f.code), "the token itself": storage.Hash(f.tokens.Access.Value),
	} {
		_, err := s.Access(s.ctx(), token, start)
		s.refused(name, err, storage.ErrNotFound)
	}
	_, _, err := s.RefreshGrant(s.ctx(), f.access(), f.client, start)
	s.refused("an access token as a refresh token", err, storage.ErrNotFound)
}
