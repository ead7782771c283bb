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
	{"Ready/ready", func(s *suite) { s.ok(s.Ready(s.ctx())) }},
	{"InstanceID/race", instanceIDRace},
	{"Stats/counts", statsCount},
	{"DeleteExpired/keeps what is needed", deleteExpiredKeeps},
	{"DeleteExpired/removes everything expired", deleteExpiredRemoves},
	{"DeleteExpired/keeps spent codes", deleteExpiredKeepsSpentCode},
	{"DeleteExpired/keeps spent tokens", deleteExpiredKeepsSpentToken},
	{"DeleteExpired/keeps the window open", deleteExpiredKeepsWindow},
	{"DeleteExpired/limit", deleteExpiredLimit},
	{"DeleteExpired/race", deleteExpiredRace},
}

func instanceIDRace(s *suite) {
	ids := make([]string, racers)
	for _, err := range race(racers, func(i int) error {
		var err error
		ids[i], err = s.InstanceID(s.ctx())
		return err
	}) {
		s.ok(err)
	}
	for _, id := range ids {
		if len(id) < 16 || id != ids[0] {
			s.Fatalf("the ids are %q, want one", ids)
		}
	}
}

func (s *suite) sameStats(want storage.Stats, now time.Time) {
	s.Helper()
	want.Clients += s.implied.count()
	got, err := s.Stats(s.ctx(), now)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		s.Errorf("stats: %v (-want +got):\n%s", err, diff)
	}
}

func statsCount(s *suite) {
	s.sameStats(storage.Stats{}, start)
	for _, id := range []string{"one", "two", "three"} {
		s.ok(s.CreateClient(s.ctx(), client(id)))
	}
	s.connect("a", "one", alice, start)
	s.connect("b", "two", bob, start)
	revoked := s.connect("c", "two", bob, start)
	s.ok(s.RevokeGrant(s.ctx(), revoked.grant, start))
	s.approve("d", "one", alice, start)
	s.rotate(s.connect("e", "one", alice, start), after(time.Hour))
	s.sameStats(storage.Stats{Clients: 3, Users: 2, LiveGrants: 3}, start)
	s.sameStats(storage.Stats{Clients: 3, Users: 2, LiveGrants: 1}, after(refreshLife))
}

// deleteExpired deletes without a limit that matters.
func (s *suite) deleteExpired(now time.Time) int64 {
	s.Helper()
	n, err := s.DeleteExpired(s.ctx(), now, storage.Retention{Grace: grace}, 1000)
	s.ok(err)
	return n
}

func deleteExpiredKeeps(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("client")))
	s.ok(s.StartAuthorization(s.ctx(), authorization("flight", "client", start)))
	pending, live := s.approve("a", "client", alice, start), s.connect("b", "client", bob, start)
	if n := s.deleteExpired(after(codeLife - time.Second)); n != 0 {
		s.Errorf("deleted %d rows before anything expired", n)
	}
	s.sameAuthorization(authorization("flight", "client", start), start)
	_, err := s.ExchangeCode(s.ctx(), pending.exchange(start), after(codeLife-time.Second))
	s.refused("code before it expires", err, nil)
	// Years later all is gone but the clients, and the grant that is in use.
	now := start
	for range 20 {
		now = now.Add(refreshLife - time.Second)
		live = s.rotate(live, now)
		s.deleteExpired(now)
	}
	s.alive(now, live)
	s.sameStats(storage.Stats{Clients: 1, Users: 2, LiveGrants: 1}, now)
	s.sameClient(client("client"))
}

func deleteExpiredRemoves(s *suite) {
	s.ok(s.StartAuthorization(s.ctx(), authorization("flight", "client", start)))
	f := s.connect("a", "client", alice, start)
	s.rotate(f, after(time.Second))
	now := after(refreshLife + time.Second)
	s.taken("the provider's token", now, "provider token of a")
	// Two sign-ins, a code, two access and two refresh tokens, and the grant.
	if n := s.deleteExpired(now); n != 8 {
		s.Errorf("deleted %d rows, want 8", n)
	}
	if n := s.deleteExpired(now); n != 0 {
		s.Errorf("deleted %d rows the second time", n)
	}
	// Asked as if no time had passed: the rows themselves are gone.
	_, err := s.Authorization(s.ctx(), "flight", start)
	s.refused("sign-in", err, storage.ErrNotFound)
	s.dead(start, f)
	_, err = s.ExchangeCode(s.ctx(), f.exchange(start), start)
	s.refused("code", err, storage.ErrNotFound)
	s.refused("grant", s.RevokeGrant(s.ctx(), f.grant, start), storage.ErrNotFound)
}

func deleteExpiredKeepsSpentCode(s *suite) {
	f := s.connect("a", "client", alice, start)
	s.deleteExpired(after(codeLife - time.Second))
	_, err := s.ExchangeCode(s.ctx(), f.exchange(start), after(codeLife-time.Second))
	s.refused("replay", err, storage.ErrSpent)
	s.dead(start, f)
}

func deleteExpiredKeepsSpentToken(s *suite) {
	f := s.connect("a", "client", alice, start)
	newest := s.rotate(f, after(time.Hour))
	now := after(refreshLife - time.Second)
	s.deleteExpired(now)
	_, err := s.RotateRefreshToken(s.ctx(), f.rotation(now), now)
	s.refused("reuse", err, storage.ErrSpent)
	s.dead(now, newest)
}

func deleteExpiredKeepsWindow(s *suite) {
	f := s.connect("a", "client", alice, start)
	newest := s.rotate(f, start)
	s.use(newest, start)
	s.deleteExpired(after(grace - time.Second))
	issued, err := s.RotateRefreshToken(s.ctx(), f.rotation(start), after(grace-time.Second))
	if diff := cmp.Diff(newest.tokens, issued.Tokens); diff != "" || err != nil {
		s.Errorf("repeat in the window: %v (-want +got):\n%s", err, diff)
	}
	if n := s.deleteExpired(after(grace)); n < 1 {
		s.Errorf("%d rows, want the successor's seal forgotten", n)
	}
	// The seal is gone for good, whatever window is asked for.
	x := f.rotation(start)
	x.Grace = time.Hour
	_, err = s.RotateRefreshToken(s.ctx(), x, after(grace))
	s.refused("a repeat of a forgotten successor", err, storage.ErrSpent)
}

func deleteExpiredLimit(s *suite) {
	const rows = 5
	for i := range rows {
		s.ok(s.StartAuthorization(s.ctx(), authorization(fmt.Sprintf("a%d", i), "client", start)))
	}
	var got []int64
	for range 4 {
		n, err := s.DeleteExpired(s.ctx(), after(signInLife), storage.Retention{Grace: grace}, 2)
		s.ok(err)
		got = append(got, n)
	}
	if diff := cmp.Diff([]int64{2, 2, 1, 0}, got); diff != "" {
		s.Errorf("rows of each call (-want +got):\n%s", diff)
	}
}

// Several replicas clean up while others work.
func deleteExpiredRace(s *suite) {
	live := s.connect("live", "client", alice, after(refreshLife))
	for i := range 8 {
		s.rotate(s.connect(fmt.Sprintf("old%d", i), "client", bob, start), start)
	}
	now := after(refreshLife + time.Second)
	errs := race(16, func(i int) error {
		if i%2 == 0 {
			_, err := s.DeleteExpired(s.ctx(), now, storage.Retention{Grace: grace}, 10)
			return err
		}
		_, err := s.RotateRefreshToken(s.ctx(), live.rotation(now), now)
		return err
	})
	for _, err := range errs {
		s.refused("racer", err, nil)
	}
	s.sameStats(storage.Stats{Users: 2, LiveGrants: 1}, now)
}

var cancelCases = []testCase{{"ErrUnavailable/changes nothing", canceledChangesNothing}}

func canceledChangesNothing(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("client")))
	s.ok(s.StartAuthorization(s.ctx(), authorization("flight", "client", start)))
	pending, live := s.approve("a", "client", alice, start), s.connect("b", "client", alice, start)
	canceled, cancel := context.WithCancel(s.ctx())
	cancel()
	for name, err := range s.callEverything(canceled, pending, live) {
		s.refused(name, err, storage.ErrUnavailable)
	}
	s.sameClient(client("client"))
	s.sameAuthorization(authorization("flight", "client", start), start)
	s.alive(start, live)
	_, err := s.ExchangeCode(s.ctx(), pending.exchange(start), start)
	s.refused("the code", err, nil)
	s.sameStats(storage.Stats{Clients: 1, Users: 1, LiveGrants: 2}, start)
}

// callEverything calls each method once and returns the errors.
func (s *suite) callEverything(ctx context.Context, pending, live family) map[string]error {
	errs := map[string]error{
		"CreateClient":        s.CreateClient(ctx, client("new")),
		"RegisterClient":      s.RegisterClient(ctx, client("new"), storage.Ceiling{Clients: 9}),
		"UpdateClient":        s.UpdateClient(ctx, client("client"), renamed("client"), start),
		"DeleteClient":        s.DeleteClient(ctx, "client", start),
		"StartAuthorization":  s.StartAuthorization(ctx, authorization("new", "client", start)),
		"AskAboutSignIn":      s.AskAboutSignIn(ctx, "flight", storage.HashOf("browser flight"), after(time.Minute), start),
		"KeepAnswer":          s.KeepAnswer(ctx, "flight", storage.HashOf("browser flight"), nil, start),
		"TouchGrant":          s.TouchGrant(ctx, live.grant, start),
		"StartProviderCheck":  s.StartProviderCheck(ctx, s.check(live, start, "new"), start),
		"ExtendProviderCheck": s.ExtendProviderCheck(ctx, s.check(live, start, "new")),
		"FinishProviderCheck": s.FinishProviderCheck(ctx, s.check(live, start, "new"), storage.ProviderAnswer{}, start),
		"RevokeToken":         s.RevokeToken(ctx, live.refresh(), live.client, start),
		"RevokeGrant":         s.RevokeGrant(ctx, live.grant, start),
		"RevokeUserGrant":     s.RevokeUserGrant(ctx, s.userID(live, start), live.grant, start),
		"SetPassword":         s.SetPassword(ctx, owner, "hash", true, start),
		"PasswordAccepted":    s.PasswordAccepted(ctx, s.userID(live, start)),
		"RecordEvent":         s.RecordEvent(ctx, storage.Event{Type: storage.EventSignInRefused, Account: storage.AccountOf(carol)}, start),
		"DescribeRefused":     s.DescribeRefused(ctx, []storage.Event{{ID: "ev_1", Type: storage.EventSignInRefused}}),
		"UseTokens":           s.UseTokens(ctx, live.refresh(), start),
		"Ready":               s.Ready(ctx),
	}
	_, errs["ReclaimClients"] = s.ReclaimClients(ctx, after(signInLife), 10, start)
	_, errs["Client"] = s.Client(ctx, "client")
	_, errs["CurrentClient"] = s.CurrentClient(ctx, "client")
	_, errs["ListClients"] = s.ListClients(ctx, "", 10, start)
	_, errs["Authorization"] = s.Authorization(ctx, "flight", start)
	_, errs["AuthorizationByState"] = s.AuthorizationByState(ctx, storage.HashOf("state flight"), start)
	_, errs["FinishAuthorization"] = s.FinishAuthorization(ctx, completion("flight", bob, start), start)
	_, errs["DenyAuthorization"] = s.DenyAuthorization(ctx, "flight", storage.HashOf("browser flight"), start)
	_, errs["RefuseAuthorization"] = s.RefuseAuthorization(ctx, "flight", storage.HashOf("browser flight"), alice, start)
	_, errs["ExchangeCode"] = s.ExchangeCode(ctx, pending.exchange(start), start)
	_, _, errs["RefreshGrant"] = s.RefreshGrant(ctx, live.refresh(), live.client, start)
	_, errs["RotateRefreshToken"] = s.RotateRefreshToken(ctx, live.rotation(start), start)
	_, errs["Access"] = s.Access(ctx, live.access(), start)
	_, errs["ListGrants"] = s.ListGrants(ctx, s.userID(live, start), "", 10, start)
	_, errs["Password"] = s.Password(ctx, owner)
	_, _, errs["TryPassword"] = s.TryPassword(ctx, owner, start)
	_, errs["ListEvents"] = s.ListEvents(ctx, storage.EventFilter{}, "", 10)
	_, errs["NewestEvents"] = s.NewestEvents(ctx, storage.EventFilter{}, 10)
	_, errs["NumberEvents"] = s.NumberEvents(ctx, 10)
	errs["NumberAllEvents"] = s.NumberAllEvents(ctx, func(int) {})
	_, errs["LastEventNumber"] = s.LastEventNumber(ctx)
	_, errs["EventNumber"] = s.EventNumber(ctx, "ev_1")
	_, errs["EventsByNumber"] = s.EventsByNumber(ctx, 0, 10, 10)
	_, errs["InstanceID"] = s.InstanceID(ctx)
	_, errs["Stats"] = s.Stats(ctx, start)
	_, errs["TakeProviderTokens"] = s.TakeProviderTokens(ctx, start, 10)
	_, errs["DeleteExpired"] = s.DeleteExpired(ctx, after(signInLife), storage.Retention{Grace: grace}, 10)
	maps.Copy(errs, s.operatorErrors(ctx, s.userID(live, start)))
	return errs
}
