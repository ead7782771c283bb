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

func listGrantsEveryField(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("named")))
	named := k.connect("a", "named", alice, start)
	unnamed := k.connect("b", "unregistered", alice, after(time.Second))
	user := k.userID(named, start)
	got, err := k.ListGrants(k.ctx(), user, "", 10, after(time.Second))
	want := []storage.Grant{
		{
			ID: named.grant, UserID: user, ClientID: "named", ClientName: "Client named", Scope: fullScope,
			Resource: resource, CreatedAt: start, LastUsedAt: start,
		},
		{
			ID: unnamed.grant, UserID: user, ClientID: "unregistered", Scope: fullScope, Resource: resource,
			CreatedAt: after(time.Second), LastUsedAt: after(time.Second),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		k.Errorf("grants: %v (-want +got):\n%s", err, diff)
	}
}

// grantIDs lists a page of a person's grants.
func (k *kit) grantIDs(user, from string, limit int, now time.Time) []string {
	k.Helper()
	grants, err := k.ListGrants(k.ctx(), user, from, limit, now)
	k.ok(err)
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.ID
	}
	return ids
}

func listGrantsLiveAndOwn(k *kit) {
	live := k.connect("a", "client", alice, start)
	revoked := k.connect("b", "client", alice, start)
	k.connect("c", "client", bob, start)
	k.approve("d", "client", alice, start) // its code was not redeemed
	rotated := k.connect("e", "client", alice, start)
	k.ok(k.RevokeGrant(k.ctx(), revoked.grant, start))
	k.rotate(rotated, after(time.Hour))
	user := k.userID(live, start)
	for _, step := range []struct {
		now  time.Time
		want []string
	}{
		{start, []string{live.grant, rotated.grant}},
		{after(refreshLife - time.Second), []string{live.grant, rotated.grant}},
		{after(refreshLife), []string{rotated.grant}}, // used an hour later
		{after(refreshLife + time.Hour), []string{}},
	} {
		if diff := cmp.Diff(step.want, k.grantIDs(user, "", 10, step.now)); diff != "" {
			k.Errorf("at %s (-want +got):\n%s", step.now.Sub(start), diff)
		}
	}
	if got := k.grantIDs("usr_unknown", "", 10, start); len(got) != 0 {
		k.Errorf("grants of nobody: %v", got)
	}
}

func listGrantsPages(k *kit) {
	var want []string
	var f family
	for i := range 5 {
		f = k.connect(fmt.Sprintf("g%d", 4-i), "client", alice, start) // made in another order
		want = append([]string{f.grant}, want...)
	}
	user := k.userID(f, start)
	var got []string
	for from := ""; ; from = got[len(got)-1] {
		page := k.grantIDs(user, from, 2, start)
		if len(page) == 0 {
			break
		}
		if len(page) > 2 {
			k.Fatalf("a page of %d, want at most 2", len(page))
		}
		got = append(got, page...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		k.Errorf("ids (-want +got):\n%s", diff)
	}
}

func touchGrantRecords(k *kit) {
	f, other := k.connect("a", "client", alice, start), k.connect("b", "client", alice, start)
	now := after(10 * time.Minute)
	k.ok(k.TouchGrant(k.ctx(), f.grant, now))
	for _, want := range []struct {
		f    family
		used time.Time
	}{{f, now}, {other, start}} {
		access, err := k.Access(k.ctx(), want.f.access(), now)
		if !access.LastUsedAt.Equal(want.used) || err != nil {
			k.Errorf("%s was last used %s, %v, want %s", want.f.grant, access.LastUsedAt, err, want.used)
		}
	}
}

func touchGrantUnknown(k *kit) {
	f := k.connect("a", "client", alice, start)
	k.ok(k.RevokeGrant(k.ctx(), f.grant, start))
	k.refused("unknown", k.TouchGrant(k.ctx(), "grt_unknown", start), storage.ErrNotFound)
	k.refused("revoked", k.TouchGrant(k.ctx(), f.grant, start), storage.ErrNotFound)
	k.dead(start, f)
}
