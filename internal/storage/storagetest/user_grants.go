package storagetest

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// found lists the ids of grants, two at a time.
func (s *suite) found(f storage.GrantFilter, now time.Time) []string {
	s.Helper()
	var ids []string
	var from string
	for {
		page, err := s.FindGrants(s.ctx(), f, from, 2, now)
		s.ok(err)
		if len(page) == 0 {
			return ids
		}
		for _, g := range page {
			from = g.Grant.ID
			ids = append(ids, from)
		}
	}
}

func findGrantsFilter(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("one")))
	a, b := s.connect("a", "one", alice, start), s.connect("b", "two", alice, start)
	c := s.connect("c", "one", bob, start)
	s.ok(s.RevokeGrant(s.ctx(), s.connect("d", "one", bob, start).grant, start))
	s.approve("e", "one", bob, start) // its code is not redeemed
	user := s.userID(a, start)
	s.sameList("all", s.found(storage.GrantFilter{}, start), a.grant, b.grant, c.grant)
	s.sameList("of a person", s.found(storage.GrantFilter{UserID: user}, start), a.grant, b.grant)
	s.sameList("of a client", s.found(storage.GrantFilter{ClientID: "one"}, start), a.grant, c.grant)
	s.sameList("of both", s.found(storage.GrantFilter{UserID: user, ClientID: "one"}, start), a.grant)
	s.sameList("one", s.found(storage.GrantFilter{ID: c.grant}, start), c.grant)
	s.sameList("of no user", s.found(storage.GrantFilter{UserID: "usr_unknown"}, start))
	s.sameList("expired", s.found(storage.GrantFilter{}, after(refreshLife)))
	got, err := s.FindGrants(s.ctx(), storage.GrantFilter{ID: a.grant}, "", 10, start)
	want := []storage.GrantSummary{{
		User: storage.User{ID: user, Person: alice},
		Grant: storage.Grant{
			ID: a.grant, UserID: user, ClientID: "one", ClientName: "Client one", Scope: fullScope, Resource: resource,
			CreatedAt: start, LastUsedAt: start,
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		s.Errorf("summary: %v (-want +got):\n%s", err, diff)
	}
}

func findGrantsPages(s *suite) {
	var want []string
	for i := range 5 {
		want = append(want, s.connect(fmt.Sprint(i), "client", alice, start).grant)
	}
	s.sameList("all", s.found(storage.GrantFilter{}, start), want...)
}

// revokeGrants revokes without a limit that matters.
func (s *suite) revokeGrants(want int64, f storage.GrantFilter) {
	s.Helper()
	if n, err := s.RevokeGrants(s.ctx(), f, 100, start); n != want || err != nil {
		s.Errorf("revoked %d by %+v, %v, want %d", n, f, err, want)
	}
}

func revokeGrantsFilter(s *suite) {
	a, b := s.connect("a", "one", alice, start), s.connect("b", "two", alice, start)
	c, d := s.connect("c", "one", bob, start), s.connect("d", "two", bob, start)
	pending := s.approve("e", "one", bob, start)
	her, him := s.userID(a, start), s.userID(c, start)
	before := len(s.types())
	s.revokeGrants(0, storage.GrantFilter{UserID: "usr_unknown"})
	s.revokeGrants(1, storage.GrantFilter{UserID: her, ClientID: "one"})
	s.dead(start, a)
	s.alive(start, b, c, d)
	s.revokeGrants(2, storage.GrantFilter{ClientID: "one"})
	s.dead(start, a, c)
	_, err := s.ExchangeCode(s.ctx(), pending.exchange(start), start)
	s.refused("the code of a revoked grant", err, storage.ErrNotFound)
	s.alive(start, b, d)
	s.revokeGrants(1, storage.GrantFilter{UserID: him})
	s.dead(start, d)
	s.alive(start, b)
	s.revokeGrants(0, storage.GrantFilter{UserID: him})
	events, err := s.NewestEvents(s.ctx(), storage.EventFilter{}, 100)
	s.ok(err)
	for _, e := range events[len(events)-4:] {
		if e.Type != storage.EventGrantRevoked || e.GrantID == "" || e.UserID == "" || e.ClientID == "" {
			s.Errorf("event %+v", e)
		}
	}
	if got := len(s.types()) - before; got != 4 {
		s.Errorf("%d events, want one for each grant", got)
	}
}

func revokeGrantsLimit(s *suite) {
	f := s.connect("0", "client", alice, start)
	for i := range 4 {
		s.connect(fmt.Sprint(i+1), "client", alice, start)
	}
	filters := []storage.GrantFilter{{ClientID: "client"}, {UserID: s.userID(f, start)}, {ClientID: "client"}, {ClientID: "client"}}
	for i, want := range []int64{2, 2, 1, 0} {
		if n, err := s.RevokeGrants(s.ctx(), filters[i], 2, start); n != want || err != nil {
			s.Errorf("revoked %d, %v, want %d", n, err, want)
		}
	}
}

func revokeGrantsNeverAll(s *suite) {
	f := s.connect("a", "client", alice, start)
	for _, filter := range []storage.GrantFilter{{}, {ID: f.grant}} {
		if n, err := s.RevokeGrants(s.ctx(), filter, 100, start); err == nil || n != 0 {
			s.Errorf("filter %+v: revoked %d without an error", filter, n)
		}
	}
	s.alive(start, f)
}

// Approved, redeemed, refreshed or renewed since: each counts. Calls do not.
func revokeGrantsSince(s *suite) {
	since := after(3 * accessLife)
	called, refreshed := s.connect("a", "one", alice, start), s.connect("b", "one", bob, start)
	renewed, later := s.connect("c", "two", alice, start), s.connect("d", "two", bob, since)
	pending := s.approve("e", "two", alice, since)
	s.rotate(renewed, since.Add(-time.Second))
	s.ok(s.TouchGrant(s.ctx(), called.grant, since))
	s.deleteExpired(since.Add(-time.Second))
	next := s.rotate(refreshed, since)
	_, err := s.RotateRefreshToken(s.ctx(), renewed.rotation(since.Add(accessLife)), since.Add(accessLife))
	s.ok(err)
	f := storage.GrantFilter{Since: since}
	s.sameList("since", s.found(f, since), refreshed.grant, renewed.grant, later.grant)
	s.sameList("of a user", s.found(storage.GrantFilter{Since: since, UserID: s.userID(later, since)}, since), refreshed.grant, later.grant)
	if n, err := s.RevokeGrants(s.ctx(), f, 3, since); n != 3 || err != nil {
		s.Errorf("revoked %d, %v, want a page of 3", n, err)
	}
	s.revokeGrants(1, f)
	s.revokeGrants(0, f)
	s.dead(since, next, later)
	_, err = s.ExchangeCode(s.ctx(), pending.exchange(since), since)
	s.refused("a code of a revoked grant", err, storage.ErrNotFound)
	if _, _, err := s.RefreshGrant(s.ctx(), called.refresh(), called.client, since); err != nil {
		s.Errorf("a grant that was only used since: %v", err)
	}
}
