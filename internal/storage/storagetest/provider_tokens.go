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
	{"TakeProviderTokens/during a sign-in", takeDuringSignIn},
	{"TakeProviderTokens/limit", takeLimit},
	{"TakeProviderTokens/race", takeRace},
	{"RefreshGrant/spent", refreshGrantSpent},
}

// take takes all tokens that no one needs, as text.
func (s *suite) take(now time.Time) []string {
	s.Helper()
	taken, err := s.TakeProviderTokens(s.ctx(), now, 100)
	s.ok(err)
	texts := []string{}
	for _, token := range taken {
		texts = append(texts, string(token))
	}
	slices.Sort(texts)
	return texts
}

func (s *suite) taken(what string, now time.Time, want ...string) {
	s.Helper()
	if diff := cmp.Diff(append([]string{}, want...), s.take(now)); diff != "" {
		s.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func takeOfLastGrant(s *suite) {
	f, app := s.connect("a", "client", alice, start), s.connect("b", "other", alice, start)
	s.connect("c", "client", bob, start)
	pending := s.approve("d", "client", storage.Person{Issuer: alice.Issuer, Subject: "1003"}, start)
	s.ok(s.RevokeGrant(s.ctx(), app.grant, start)) // the token came with this one
	s.taken("while another grant lives", start)
	s.alive(start, f)
	s.ok(s.RevokeGrant(s.ctx(), f.grant, start))
	s.ok(s.RevokeGrant(s.ctx(), pending.grant, start))
	s.taken("after the last grant", start, "provider token of b", "provider token of d")
	s.taken("again", start)
	s.sameProvider("a new sign-in", s.connect("e", "client", alice, start), storage.ProviderState{
		GrantID: "grt_e", Token: []byte("provider token of e"), CheckedAt: start,
	}, start)
	s.taken("after a new sign-in", start)
}

// A person whose last grant was revoked while the next code is on its way to the client keeps
// the token.
func takeDuringSignIn(s *suite) {
	f := s.connect("a", "client", alice, start)
	next := s.approve("b", "client", alice, start)
	s.ok(s.RevokeGrant(s.ctx(), f.grant, start))
	s.taken("while a code may be redeemed", start)
	s.ok(s.RevokeGrant(s.ctx(), next.grant, start))
	s.taken("afterwards", start, "provider token of b")
}

// A grant ends by itself when its refresh token expires or its code is not redeemed.
func takeOfIdle(s *suite) {
	s.connect("a", "client", alice, start)
	s.approve("b", "client", bob, start)
	s.taken("a code that may be redeemed", after(codeLife))
	s.taken("a code that was not", after(time.Hour), "provider token of b")
	s.taken("in the last second", after(refreshLife-time.Second))
	// Rows with a token stay until it has been taken.
	_, err := s.DeleteExpired(s.ctx(), after(refreshLife), storage.Retention{}, 100)
	s.ok(err)
	s.taken("not used any more", after(refreshLife), "provider token of a")
	deleted, err := s.DeleteExpired(s.ctx(), after(refreshLife), storage.Retention{}, 100)
	if deleted != 1 || err != nil {
		s.Errorf("%d rows deleted, %v, want the grant", deleted, err)
	}
}

func takeLimit(s *suite) {
	for i := range 5 {
		person := storage.Person{Issuer: alice.Issuer, Subject: fmt.Sprint(i)}
		s.ok(s.RevokeGrant(s.ctx(), s.connect(fmt.Sprint(i), "client", person, start).grant, start))
	}
	for _, want := range []int{2, 2, 1, 0} {
		if taken, err := s.TakeProviderTokens(s.ctx(), start, 2); len(taken) != want || err != nil {
			s.Errorf("%d taken, %v, want %d", len(taken), err, want)
		}
	}
}

func takeRace(s *suite) {
	s.ok(s.RevokeGrant(s.ctx(), s.connect("a", "client", alice, start).grant, start))
	errs := race(racers, func(int) error {
		taken, err := s.TakeProviderTokens(s.ctx(), start, 10)
		if err == nil && len(taken) == 0 {
			return storage.ErrNotFound
		}
		return err
	})
	s.oneWins(errs, storage.ErrNotFound)
}

func refreshGrantSpent(s *suite) {
	f := s.connect("a", "client", alice, start)
	next := s.rotate(f, start)
	for name, tt := range map[string]struct {
		f    family
		want bool
	}{"used": {f, true}, "unused": {next, false}} {
		grant, _, err := s.RefreshGrant(s.ctx(), tt.f.refresh(), tt.f.client, start)
		if grant.Spent != tt.want || err != nil {
			s.Errorf("%s: spent %t, %v", name, grant.Spent, err)
		}
	}
}
