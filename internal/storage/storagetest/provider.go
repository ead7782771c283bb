package storagetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var providerCases = []testCase{
	{"ProviderChecked/records", providerCheckedRecords},
	{"ProviderChecked/nil token race", providerCheckedRace},
	{"ProviderChecked/not found", providerCheckedNotFound},
	{"ProviderToken/newest", providerTokenNewest},
	{"ProviderToken/none", providerTokenNone},
}

// providerToken is the provider token that a refresh of the family gets.
func (k *kit) providerToken(f family, now time.Time) (token, grantID string) {
	k.Helper()
	grant, _, err := k.RefreshGrant(k.ctx(), f.refresh(), f.client, now)
	k.ok(err)
	return string(grant.ProviderToken), grant.ProviderGrantID
}

func providerCheckedRecords(k *kit) {
	f := k.connect("a", "client", alice, start)
	renamed := alice
	renamed.Login = "alicia"
	for i, step := range []struct {
		token []byte
		want  string
	}{
		{nil, "provider token of a"},
		{[]byte("fresh"), "fresh"},
		{nil, "fresh"},
		{[]byte{0, 0xff, '\n'}, "\x00\xff\n"},
	} {
		now := after(time.Duration(i+1) * time.Minute)
		k.ok(k.ProviderChecked(k.ctx(), f.grant, renamed, step.token, now))
		grant, user, err := k.RefreshGrant(k.ctx(), f.refresh(), f.client, now)
		k.ok(err)
		if string(grant.ProviderToken) != step.want || !grant.ProviderCheckedAt.Equal(now) {
			k.Errorf("step %d: token %q checked at %s, want %q at %s",
				i, grant.ProviderToken, grant.ProviderCheckedAt, step.want, now)
		}
		if diff := cmp.Diff(renamed, user.Person); diff != "" {
			k.Errorf("person (-want +got):\n%s", diff)
		}
	}
}

// A check without a token never brings an older token back.
func providerCheckedRace(k *kit) {
	f := k.connect("a", "client", alice, start)
	for round := range 16 {
		fresh := fmt.Sprintf("fresh %d", round)
		errs := race(8, func(i int) error {
			var token []byte
			if i == 0 {
				token = []byte(fresh)
			}
			return k.ProviderChecked(k.ctx(), f.grant, alice, token, start)
		})
		k.ok(errors.Join(errs...))
		if token, _ := k.providerToken(f, start); token != fresh {
			k.Fatalf("token %q, want %q", token, fresh)
		}
	}
}

func providerCheckedNotFound(k *kit) {
	f := k.connect("a", "client", alice, start)
	k.ok(k.RevokeGrant(k.ctx(), f.grant, start))
	for _, id := range []string{"grt_unknown", f.grant} {
		err := k.ProviderChecked(k.ctx(), id, alice, []byte("x"), start)
		k.refused("grant "+id, err, storage.ErrNotFound)
	}
}

func providerTokenNewest(k *kit) {
	older := k.connect("a", "client", alice, start)
	k.connect("b", "client", bob, after(2*time.Second))
	newer := k.connect("c", "other", alice, after(time.Second))
	for _, f := range []family{older, newer} {
		if token, grant := k.providerToken(f, start); token != "provider token of c" || grant != newer.grant {
			k.Errorf("%s: %q of %s, want the newest", f.grant, token, grant)
		}
	}
	k.ok(k.RevokeGrant(k.ctx(), newer.grant, after(time.Second)))
	if token, grant := k.providerToken(older, start); token != "provider token of a" || grant != older.grant {
		k.Errorf("%q of %s after the newer grant's revocation, want its own", token, grant)
	}
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
	grant, _, err := k.RefreshGrant(k.ctx(), f.refresh(), f.client, start)
	if grant.ProviderToken != nil || grant.ProviderGrantID != "" || err != nil {
		k.Errorf("token %q of %q, %v, want none", grant.ProviderToken, grant.ProviderGrantID, err)
	}
}
