package storagetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var takeCases = []testCase{
	{"TakeProviderTokens/of the last grant", takeOfLastGrant},
	{"TakeProviderTokens/of the idle", takeOfIdle},
	{"TakeProviderTokens/limit", takeLimit},
	{"TakeProviderTokens/race", takeRace},
	{"RefreshGrant/spent", refreshGrantSpent},
}

// take takes all tokens that nobody needs, as text.
func (k *kit) take(now time.Time) []string {
	k.Helper()
	taken, err := k.TakeProviderTokens(k.ctx(), now, 100)
	k.ok(err)
	texts := []string{}
	for _, token := range taken {
		texts = append(texts, string(token))
	}
	slices.Sort(texts)
	return texts
}

func (k *kit) taken(what string, now time.Time, want ...string) {
	k.Helper()
	if diff := cmp.Diff(append([]string{}, want...), k.take(now)); diff != "" {
		k.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func takeOfLastGrant(k *kit) {
	f, app := k.connect("a", "client", alice, start), k.connect("b", "other", alice, start)
	k.connect("c", "client", bob, start)
	pending := k.approve("d", "client", storage.Person{Issuer: alice.Issuer, Subject: "1003"}, start)
	k.ok(k.RevokeGrant(k.ctx(), app.grant, start)) // the token came with this one
	k.taken("while another grant lives", start)
	k.alive(start, f)
	k.ok(k.RevokeGrant(k.ctx(), f.grant, start))
	k.ok(k.RevokeGrant(k.ctx(), pending.grant, start))
	k.taken("after the last grant", start, "provider token of b", "provider token of d")
	k.taken("again", start)
	k.sameProvider("a new sign-in", k.connect("e", "client", alice, start), storage.ProviderState{
		GrantID: "grt_e", Token: []byte("provider token of e"), CheckedAt: start,
	}, start)
	k.taken("after a new sign-in", start)
}

// A grant ends by itself when its refresh token expires or its code is not redeemed.
func takeOfIdle(k *kit) {
	k.connect("a", "client", alice, start)
	k.approve("b", "client", bob, start)
	k.taken("a code that may be redeemed", after(codeLife))
	k.taken("a code that was not", after(time.Hour), "provider token of b")
	k.taken("in the last second", after(refreshLife-time.Second))
	// Rows with a token stay until it has been taken.
	_, err := k.DeleteExpired(k.ctx(), after(refreshLife), storage.Retention{}, 100)
	k.ok(err)
	k.taken("not used any more", after(refreshLife), "provider token of a")
	deleted, err := k.DeleteExpired(k.ctx(), after(refreshLife), storage.Retention{}, 100)
	if deleted != 1 || err != nil {
		k.Errorf("%d rows deleted, %v, want the grant", deleted, err)
	}
}

func takeLimit(k *kit) {
	for i := range 5 {
		person := storage.Person{Issuer: alice.Issuer, Subject: fmt.Sprint(i)}
		k.ok(k.RevokeGrant(k.ctx(), k.connect(fmt.Sprint(i), "client", person, start).grant, start))
	}
	for _, want := range []int{2, 2, 1, 0} {
		if taken, err := k.TakeProviderTokens(k.ctx(), start, 2); len(taken) != want || err != nil {
			k.Errorf("%d taken, %v, want %d", len(taken), err, want)
		}
	}
}

func takeRace(k *kit) {
	k.ok(k.RevokeGrant(k.ctx(), k.connect("a", "client", alice, start).grant, start))
	errs := race(racers, func(int) error {
		taken, err := k.TakeProviderTokens(k.ctx(), start, 10)
		if err == nil && len(taken) == 0 {
			return storage.ErrNotFound
		}
		return err
	})
	k.oneWins(errs, storage.ErrNotFound)
}

func refreshGrantSpent(k *kit) {
	f := k.connect("a", "client", alice, start)
	next := k.rotate(f, start)
	for name, tt := range map[string]struct {
		f    family
		want bool
	}{"used": {f, true}, "unused": {next, false}} {
		grant, _, err := k.RefreshGrant(k.ctx(), tt.f.refresh(), tt.f.client, start)
		if grant.Spent != tt.want || err != nil {
			k.Errorf("%s: spent %t, %v", name, grant.Spent, err)
		}
	}
}
