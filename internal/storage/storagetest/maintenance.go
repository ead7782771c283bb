package storagetest

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var maintenanceCases = []testCase{
	{"Ready/ready", func(k *kit) { k.ok(k.Ready(k.ctx())) }},
	{"Stats/counts", statsCount},
	{"DeleteExpired/keeps what is needed", deleteExpiredKeeps},
	{"DeleteExpired/removes everything expired", deleteExpiredRemoves},
	{"DeleteExpired/keeps spent codes", deleteExpiredKeepsSpentCode},
	{"DeleteExpired/keeps spent tokens", deleteExpiredKeepsSpentToken},
	{"DeleteExpired/keeps the window open", deleteExpiredKeepsWindow},
	{"DeleteExpired/limit", deleteExpiredLimit},
	{"DeleteExpired/race", deleteExpiredRace},
}

func (k *kit) sameStats(want storage.Stats, now time.Time) {
	k.Helper()
	got, err := k.Stats(k.ctx(), now)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		k.Errorf("stats: %v (-want +got):\n%s", err, diff)
	}
}

func statsCount(k *kit) {
	k.sameStats(storage.Stats{}, start)
	for _, id := range []string{"one", "two", "three"} {
		k.ok(k.CreateClient(k.ctx(), client(id)))
	}
	k.connect("a", "one", alice, start)
	k.connect("b", "two", bob, start)
	revoked := k.connect("c", "two", bob, start)
	k.ok(k.RevokeGrant(k.ctx(), revoked.grant, start))
	k.approve("d", "one", alice, start)
	k.rotate(k.connect("e", "one", alice, start), after(time.Hour))
	k.sameStats(storage.Stats{Clients: 3, Users: 2, LiveGrants: 3}, start)
	k.sameStats(storage.Stats{Clients: 3, Users: 2, LiveGrants: 1}, after(refreshLife))
}

// deleteExpired deletes without a limit that matters.
func (k *kit) deleteExpired(now time.Time) int64 {
	k.Helper()
	n, err := k.DeleteExpired(k.ctx(), now, storage.Retention{Grace: grace}, 1000)
	k.ok(err)
	return n
}

func deleteExpiredKeeps(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("client")))
	k.ok(k.StartAuthorization(k.ctx(), authorization("flight", "client", start)))
	pending, live := k.approve("a", "client", alice, start), k.connect("b", "client", bob, start)
	if n := k.deleteExpired(after(codeLife - time.Second)); n != 0 {
		k.Errorf("deleted %d rows before anything expired", n)
	}
	k.sameAuthorization(authorization("flight", "client", start), start)
	_, err := k.ExchangeCode(k.ctx(), pending.exchange(start), after(codeLife-time.Second))
	k.refused("code before it expires", err, nil)
	// Years later all is gone but the clients, and the grant that is in use.
	now := start
	for range 20 {
		now = now.Add(refreshLife - time.Second)
		live = k.rotate(live, now)
		k.deleteExpired(now)
	}
	k.alive(now, live)
	k.sameStats(storage.Stats{Clients: 1, Users: 2, LiveGrants: 1}, now)
	k.sameClient(client("client"))
}

func deleteExpiredRemoves(k *kit) {
	k.ok(k.StartAuthorization(k.ctx(), authorization("flight", "client", start)))
	f := k.connect("a", "client", alice, start)
	k.rotate(f, after(time.Second))
	now := after(refreshLife + time.Second)
	k.taken("the provider's token", now, "provider token of a")
	// Two sign-ins, a code, two access and two refresh tokens, and the grant.
	if n := k.deleteExpired(now); n != 8 {
		k.Errorf("deleted %d rows, want 8", n)
	}
	if n := k.deleteExpired(now); n != 0 {
		k.Errorf("deleted %d rows the second time", n)
	}
	// Asked as if no time had passed: the rows themselves are gone.
	_, err := k.Authorization(k.ctx(), "flight", start)
	k.refused("sign-in", err, storage.ErrNotFound)
	k.dead(start, f)
	_, err = k.ExchangeCode(k.ctx(), f.exchange(start), start)
	k.refused("code", err, storage.ErrNotFound)
	k.refused("grant", k.RevokeGrant(k.ctx(), f.grant, start), storage.ErrNotFound)
}

func deleteExpiredKeepsSpentCode(k *kit) {
	f := k.connect("a", "client", alice, start)
	k.deleteExpired(after(codeLife - time.Second))
	_, err := k.ExchangeCode(k.ctx(), f.exchange(start), after(codeLife-time.Second))
	k.refused("replay", err, storage.ErrSpent)
	k.dead(start, f)
}

func deleteExpiredKeepsSpentToken(k *kit) {
	f := k.connect("a", "client", alice, start)
	newest := k.rotate(f, after(time.Hour))
	now := after(refreshLife - time.Second)
	k.deleteExpired(now)
	_, err := k.RotateRefreshToken(k.ctx(), f.rotation(now), now)
	k.refused("reuse", err, storage.ErrSpent)
	k.dead(now, newest)
}

func deleteExpiredKeepsWindow(k *kit) {
	f := k.connect("a", "client", alice, start)
	newest := k.rotate(f, start)
	k.deleteExpired(after(grace - time.Second))
	issued, err := k.RotateRefreshToken(k.ctx(), f.rotation(start), after(grace-time.Second))
	if diff := cmp.Diff(newest.tokens, issued.Tokens); diff != "" || err != nil {
		k.Errorf("repeat in the window: %v (-want +got):\n%s", err, diff)
	}
	if n := k.deleteExpired(after(grace)); n < 1 {
		k.Errorf("%d rows, want the successor's seal forgotten", n)
	}
	// The seal is gone for good, whatever window is asked for.
	x := f.rotation(start)
	x.Grace = time.Hour
	_, err = k.RotateRefreshToken(k.ctx(), x, after(grace))
	k.refused("a repeat of a forgotten successor", err, storage.ErrSpent)
}

func deleteExpiredLimit(k *kit) {
	const rows = 5
	for i := range rows {
		k.ok(k.StartAuthorization(k.ctx(), authorization(fmt.Sprintf("a%d", i), "client", start)))
	}
	var got []int64
	for range 4 {
		n, err := k.DeleteExpired(k.ctx(), after(signInLife), storage.Retention{Grace: grace}, 2)
		k.ok(err)
		got = append(got, n)
	}
	if diff := cmp.Diff([]int64{2, 2, 1, 0}, got); diff != "" {
		k.Errorf("rows of each call (-want +got):\n%s", diff)
	}
}

// Several replicas clean up while others work.
func deleteExpiredRace(k *kit) {
	live := k.connect("live", "client", alice, after(refreshLife))
	for i := range 8 {
		k.rotate(k.connect(fmt.Sprintf("old%d", i), "client", bob, start), start)
	}
	now := after(refreshLife + time.Second)
	errs := race(16, func(i int) error {
		if i%2 == 0 {
			_, err := k.DeleteExpired(k.ctx(), now, storage.Retention{Grace: grace}, 10)
			return err
		}
		_, err := k.RotateRefreshToken(k.ctx(), live.rotation(now), now)
		return err
	})
	for _, err := range errs {
		k.refused("racer", err, nil)
	}
	k.sameStats(storage.Stats{Users: 2, LiveGrants: 1}, now)
}

var cancelCases = []testCase{{"ErrUnavailable/changes nothing", canceledChangesNothing}}

func canceledChangesNothing(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("client")))
	k.ok(k.StartAuthorization(k.ctx(), authorization("flight", "client", start)))
	pending, live := k.approve("a", "client", alice, start), k.connect("b", "client", alice, start)
	canceled, cancel := context.WithCancel(k.ctx())
	cancel()
	for name, err := range k.callEverything(canceled, pending, live) {
		k.refused(name, err, storage.ErrUnavailable)
	}
	k.sameClient(client("client"))
	k.sameAuthorization(authorization("flight", "client", start), start)
	k.alive(start, live)
	_, err := k.ExchangeCode(k.ctx(), pending.exchange(start), start)
	k.refused("the code", err, nil)
	k.sameStats(storage.Stats{Clients: 1, Users: 1, LiveGrants: 2}, start)
}

// callEverything calls each method once and returns the errors.
func (k *kit) callEverything(ctx context.Context, pending, live family) map[string]error {
	errs := map[string]error{
		"CreateClient":        k.CreateClient(ctx, client("new")),
		"RegisterClient":      k.RegisterClient(ctx, client("new"), storage.Ceiling{Clients: 9}),
		"UpdateClient":        k.UpdateClient(ctx, client("client"), renamed("client"), start),
		"DeleteClient":        k.DeleteClient(ctx, "client", start),
		"StartAuthorization":  k.StartAuthorization(ctx, authorization("new", "client", start)),
		"TouchGrant":          k.TouchGrant(ctx, live.grant, start),
		"StartProviderCheck":  k.StartProviderCheck(ctx, k.check(live, start, "new"), start),
		"FinishProviderCheck": k.FinishProviderCheck(ctx, k.check(live, start, "new"), storage.ProviderAnswer{}, start),
		"RevokeToken":         k.RevokeToken(ctx, live.refresh(), live.client, start),
		"RevokeGrant":         k.RevokeGrant(ctx, live.grant, start),
		"RevokeUserGrant":     k.RevokeUserGrant(ctx, k.userID(live, start), live.grant, start),
		"SetPassword":         k.SetPassword(ctx, owner, "hash", true, start),
		"PasswordAccepted":    k.PasswordAccepted(ctx, k.userID(live, start)),
		"RecordEvent":         k.RecordEvent(ctx, storage.Event{Type: storage.EventSignInRefused}, start),
		"Ready":               k.Ready(ctx),
	}
	_, errs["ReclaimClients"] = k.ReclaimClients(ctx, after(signInLife), 10, start)
	_, errs["Client"] = k.Client(ctx, "client")
	_, errs["CurrentClient"] = k.CurrentClient(ctx, "client")
	_, errs["ListClients"] = k.ListClients(ctx, "", 10, start)
	_, errs["Authorization"] = k.Authorization(ctx, "flight", start)
	_, errs["AuthorizationByState"] = k.AuthorizationByState(ctx, storage.HashOf("state flight"), start)
	_, errs["FinishAuthorization"] = k.FinishAuthorization(ctx, completion("flight", bob, start), start)
	_, errs["DenyAuthorization"] = k.DenyAuthorization(ctx, "flight", storage.HashOf("browser flight"), start)
	_, errs["RefuseAuthorization"] = k.RefuseAuthorization(ctx, "flight", storage.HashOf("browser flight"), start)
	_, errs["ExchangeCode"] = k.ExchangeCode(ctx, pending.exchange(start), start)
	_, _, errs["RefreshGrant"] = k.RefreshGrant(ctx, live.refresh(), live.client, start)
	_, errs["RotateRefreshToken"] = k.RotateRefreshToken(ctx, live.rotation(start), start)
	_, errs["Access"] = k.Access(ctx, live.access(), start)
	_, errs["ListGrants"] = k.ListGrants(ctx, k.userID(live, start), "", 10, start)
	_, errs["Password"] = k.Password(ctx, owner)
	_, _, errs["TryPassword"] = k.TryPassword(ctx, owner, start)
	_, errs["ListEvents"] = k.ListEvents(ctx, storage.EventFilter{}, "", 10)
	_, errs["NewestEvents"] = k.NewestEvents(ctx, storage.EventFilter{}, 10)
	_, errs["Stats"] = k.Stats(ctx, start)
	_, errs["TakeProviderTokens"] = k.TakeProviderTokens(ctx, start, 10)
	_, errs["DeleteExpired"] = k.DeleteExpired(ctx, after(signInLife), storage.Retention{Grace: grace}, 10)
	maps.Copy(errs, k.operatorErrors(ctx, k.userID(live, start)))
	return errs
}
