package storagetest

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var grantCases = []testCase{
	{"ListGrants/every field", listGrantsEveryField},
	{"ListGrants/live and own", listGrantsLiveAndOwn},
	{"ListGrants/pages", listGrantsPages},
	{"TouchGrant/records", touchGrantRecords},
	{"TouchGrant/unknown", touchGrantUnknown},
}

func listGrantsEveryField(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("named")))
	named := s.connect("a", "named", alice, start)
	s.hasDocument("unregistered", start)
	unnamed := s.connect("b", "unregistered", alice, after(time.Second))
	user := s.userID(named, start)
	got, err := s.ListGrants(s.ctx(), user, "", 10, after(time.Second))
	want := []storage.Grant{
		{
			ID: named.grant, UserID: user, ClientID: "named", ClientName: "Client named", Scope: fullScope,
			Resource: resource, RedirectURI: anyPortURI, CreatedAt: start, LastUsedAt: start,
		},
		{
			ID: unnamed.grant, UserID: user, ClientID: "unregistered", Scope: fullScope, Resource: resource, RedirectURI: anyPortURI,
			CreatedAt: after(time.Second), LastUsedAt: after(time.Second),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		s.Errorf("grants: %v (-want +got):\n%s", err, diff)
	}
}

// grantIDs lists a page of a person's grants.
func (s *suite) grantIDs(user, from string, limit int, now time.Time) []string {
	s.Helper()
	grants, err := s.ListGrants(s.ctx(), user, from, limit, now)
	s.ok(err)
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.ID
	}
	return ids
}

func listGrantsLiveAndOwn(s *suite) {
	live := s.connect("a", "client", alice, start)
	revoked := s.connect("b", "client", alice, start)
	s.connect("c", "client", bob, start)
	s.approve("d", "client", alice, start) // its code was not redeemed
	rotated := s.connect("e", "client", alice, start)
	s.ok(s.RevokeGrant(s.ctx(), revoked.grant, start))
	s.rotate(rotated, after(time.Hour))
	user := s.userID(live, start)
	for _, step := range []struct {
		now  time.Time
		want []string
	}{
		{start, []string{live.grant, rotated.grant}},
		{after(refreshLife - time.Second), []string{live.grant, rotated.grant}},
		{after(refreshLife), []string{rotated.grant}}, // used an hour later
		{after(refreshLife + time.Hour), []string{}},
	} {
		if diff := cmp.Diff(step.want, s.grantIDs(user, "", 10, step.now)); diff != "" {
			s.Errorf("at %s (-want +got):\n%s", step.now.Sub(start), diff)
		}
	}
	if got := s.grantIDs("usr_unknown", "", 10, start); len(got) != 0 {
		s.Errorf("grants of no user: %v", got)
	}
}

func listGrantsPages(s *suite) {
	var want []string
	var f family
	for i := range 5 {
		f = s.connect(fmt.Sprintf("g%d", 4-i), "client", alice, start) // made in another order
		want = append([]string{f.grant}, want...)
	}
	user := s.userID(f, start)
	var got []string
	for from := ""; ; from = got[len(got)-1] {
		page := s.grantIDs(user, from, 2, start)
		if len(page) == 0 {
			break
		}
		if len(page) > 2 {
			s.Fatalf("a page of %d, want at most 2", len(page))
		}
		got = append(got, page...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("ids (-want +got):\n%s", diff)
	}
}

func touchGrantRecords(s *suite) {
	f, other := s.connect("a", "client", alice, start), s.connect("b", "client", alice, start)
	now := after(10 * time.Minute)
	s.ok(s.TouchGrant(s.ctx(), f.grant, now))
	for _, want := range []struct {
		f    family
		used time.Time
	}{{f, now}, {other, start}} {
		access, err := s.Access(s.ctx(), want.f.access(), now)
		if !access.LastUsedAt.Equal(want.used) || err != nil {
			s.Errorf("%s was last used %s, %v, want %s", want.f.grant, access.LastUsedAt, err, want.used)
		}
	}
}

func touchGrantUnknown(s *suite) {
	f := s.connect("a", "client", alice, start)
	s.ok(s.RevokeGrant(s.ctx(), f.grant, start))
	s.refused("unknown", s.TouchGrant(s.ctx(), "grt_unknown", start), storage.ErrNotFound)
	s.refused("revoked", s.TouchGrant(s.ctx(), f.grant, start), storage.ErrNotFound)
	s.dead(start, f)
}
