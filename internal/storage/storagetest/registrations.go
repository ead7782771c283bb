package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var registrationCases = []testCase{
	{"RegisterClient/stored", registerClientStored},
	{"RegisterClient/exists", registerClientExists},
	{"RegisterClient/ceiling", registerClientCeiling},
	{"RegisterClient/ceiling keeps what is used", registerClientKeeps},
	{"RegisterClient/a ceiling comes late", registerClientLateCeiling},
	{"RegisterClient/what operators make counts", registerClientCreated},
	{"RegisterClient/a deletion makes room", registerClientDeletion},
	{"RegisterClient/race for the last room", registerClientRace},
	{"RegisterClient/race for reclaimed room", registerClientReclaimRace},
	{"RegisterClient/unused ones are bounded", registerClientUnused},
	{"RestoreClient/after an eviction", restoreEvicted},
	{"RestoreClient/not after a deletion", restoreDeleted},
	{"ReclaimClients/oldest first", reclaimOldest},
	{"ReclaimClients/what is used stays", reclaimKeeps},
	{"ReclaimClients/race with a first use", reclaimRace},
	{"DeleteExpired/unused clients", deleteExpiredUnused},
}

// minAge is the ceilings' of the cases.
const minAge = 30 * time.Minute

// register registers a client that is unused since a time.
func (s *suite) register(id string, since time.Time, ceiling int64) error {
	c := client(id)
	c.CreatedAt = since
	return s.RegisterClient(s.ctx(), c, storage.Ceiling{Clients: ceiling, MinAge: minAge})
}

// registered checks which clients there are.
func (s *suite) registered(want ...string) {
	s.Helper()
	list, err := s.ListClients(s.ctx(), "", 1000, start)
	s.ok(err)
	got := make([]string, len(list))
	for i, c := range list {
		got[i] = c.Client.ID
	}
	s.sameList("clients", got, want...)
}

func registerClientStored(s *suite) {
	want := client("one")
	s.ok(s.RegisterClient(s.ctx(), want, storage.Ceiling{}))
	s.sameClient(want)
	s.happened(storage.EventClientRegistered)
}

func registerClientExists(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("one")))
	s.ok(s.register("two", start, 0))
	for _, ceiling := range []int64{0, 1, 2, 3} {
		for _, id := range []string{"one", "two"} {
			want := storage.ErrExists
			if ceiling == 1 || ceiling == 2 {
				want = storage.ErrFull
			}
			s.refused(fmt.Sprintf("%s below a ceiling of %d", id, ceiling), s.register(id, start, ceiling), want)
		}
	}
	s.happened(storage.EventClientRegistered, storage.EventClientRegistered)
}

func registerClientCeiling(s *suite) {
	for i, id := range []string{"a", "b", "c"} {
		s.ok(s.register(id, after(time.Duration(i)*time.Minute), 3))
	}
	s.refused("one too many", s.register("d", after(minAge-time.Second), 3), storage.ErrFull)
	s.registered("a", "b", "c")
	s.ok(s.register("d", after(minAge), 3))
	s.registered("b", "c", "d")
	s.refused("the next is too young", s.register("e", after(minAge), 3), storage.ErrFull)
	s.ok(s.register("e", after(minAge), 4))
	s.registered("b", "c", "d", "e")
	events, err := s.NewestEvents(s.ctx(), storage.EventFilter{Type: storage.EventClientsEvicted}, 2)
	s.ok(err)
	if len(events) != 1 || events[0].ClientID != "" || events[0].Actor != storage.ActorServer || events[0].Detail != "1 registrations that no one used" {
		s.Errorf("events: %+v", events)
	}
	for id, want := range map[string]int{"a": 0, "b": 1} {
		if events, err = s.NewestEvents(s.ctx(), storage.EventFilter{ClientID: id}, 2); err != nil || len(events) != want {
			s.Errorf("events of %s: %+v, %v", id, events, err)
		}
	}
}

// keepers makes a client of each kind that is never reclaimed, and returns their ids.
func (s *suite) keepers(now time.Time) []string {
	s.Helper()
	s.ok(s.CreateClient(s.ctx(), client("made by an operator")))
	for _, id := range []string{"used", "granted", "in flight"} {
		s.ok(s.register(id, start, 0))
	}
	f := s.connect("a", "used", alice, start)
	s.ok(s.RevokeGrant(s.ctx(), f.grant, start))
	s.approve("b", "granted", alice, now)
	s.ok(s.StartAuthorization(s.ctx(), authorization("c", "in flight", now)))
	return []string{"granted", "in flight", "made by an operator", "used"}
}

func registerClientKeeps(s *suite) {
	now := after(24 * time.Hour)
	s.keepers(now)
	s.refused("many too many", s.register("new", now, 1), storage.ErrFull)
	// A sign-in in progress carries its client.
	s.registered("granted", "made by an operator", "used")
	s.refused("one too many", s.register("new", now, 3), storage.ErrFull)
	s.ok(s.register("new", now, 4))
	s.registered("granted", "made by an operator", "new", "used")
}

// A ceiling that is set when there are more clients than that, registered by a
// program without one: the oldest go, some at each try.
func registerClientLateCeiling(s *suite) {
	for i := range 6 {
		s.ok(s.register(fmt.Sprint("old", i), after(time.Duration(i)), 0))
	}
	now := after(time.Hour)
	s.ok(s.register("new", now, 3))
	s.registered("new", "old4", "old5")
	// Another program's rows are counted when the count is old.
	s.ok(s.register("unlimited", now, 0))
	s.ok(s.register("newer", now.Add(15*time.Minute), 4))
	s.registered("new", "newer", "old5", "unlimited")
}

// What an operator makes has no ceiling, and counts.
func registerClientCreated(s *suite) {
	s.ok(s.register("a", start, 2))
	s.ok(s.CreateClient(s.ctx(), client("made by an operator")))
	s.refused("exists", s.CreateClient(s.ctx(), client("made by an operator")), storage.ErrExists)
	s.refused("one too many", s.register("b", start, 2), storage.ErrFull)
	s.ok(s.DeleteClient(s.ctx(), "made by an operator", start))
	s.ok(s.register("b", start, 2))
	s.refused("one too many again", s.register("c", start, 2), storage.ErrFull)
}

func registerClientDeletion(s *suite) {
	for _, id := range []string{"a", "b"} {
		s.ok(s.register(id, start, 2))
	}
	s.refused("one too many", s.register("c", start, 2), storage.ErrFull)
	s.refused("unknown", s.DeleteClient(s.ctx(), "unknown", start), storage.ErrNotFound)
	s.refused("still one too many", s.register("c", start, 2), storage.ErrFull)
	s.ok(s.DeleteClient(s.ctx(), "a", start))
	s.ok(s.register("c", start, 2))
	s.refused("one too many again", s.register("d", start, 2), storage.ErrFull)
	n, err := s.DeleteUnusedClients(s.ctx(), []string{"c", "unknown"}, start, start)
	s.ok(err)
	s.ok(s.register("c", start, 2))
	s.refused(fmt.Sprint("one too many after ", n), s.register("d", start, 2), storage.ErrFull)
	ids, err := s.ReclaimClients(s.ctx(), start, 10, after(minAge))
	s.ok(err)
	s.sameList("reclaimed", slices.Sorted(slices.Values(ids)), "b", "c")
	s.ok(s.register("d", start, 1))
}

// Of clients that no one used the oldest go, without a ceiling for all; used ones stay.
func registerClientUnused(s *suite) {
	bounded := func(id string, at time.Time) error {
		c := client(id)
		c.CreatedAt = at
		return s.RegisterClient(s.ctx(), c, storage.Ceiling{Unused: 3, MinAge: minAge})
	}
	s.keepers(start) // "granted" and "in flight" have no tokens yet
	s.ok(bounded("a", start))
	s.refused("all are young", bounded("b", start), storage.ErrFull)
	for i, id := range []string{"c", "d", "e"} {
		s.ok(bounded(id, after(minAge+time.Duration(i)*time.Hour)))
	}
	s.registered("c", "d", "e", "granted", "made by an operator", "used")
}

// restoreEvicted: what a page carries brings the client back as it was, once.
func restoreEvicted(s *suite) {
	want := client("evicted")
	want.CreatedAt = start
	s.ok(s.RegisterClient(s.ctx(), want, storage.Ceiling{}))
	carried, err := s.CarryClient(want, after(time.Hour))
	s.ok(err)
	s.ok(s.register("next", after(minAge), 1))
	_, err = s.CurrentClient(s.ctx(), "evicted")
	s.refused("evicted", err, storage.ErrNotFound)
	for what, tt := range map[string]struct {
		id, carried string
		now         time.Time
	}{
		"another client's": {"next", carried, after(minAge)}, "damaged": {"evicted", carried[:len(carried)-4], after(minAge)},
		"nothing": {"evicted", "", after(minAge)}, "too late": {"evicted", carried, after(time.Hour)},
	} {
		_, err := s.CarriedClient(s.ctx(), tt.id, tt.carried, tt.now)
		s.refused(what, err, storage.ErrNotFound)
	}
	got, err := s.CarriedClient(s.ctx(), "evicted", carried, after(time.Hour-time.Second))
	s.ok(err)
	errs := race(racers, func(int) error { return s.RestoreClient(s.ctx(), got, after(minAge)) })
	s.ok(errors.Join(errs...))
	s.sameClient(want)
	events, err := s.NewestEvents(s.ctx(), storage.EventFilter{ClientID: "evicted"}, 3)
	if s.ok(err); len(events) != 1 || events[0].Type != storage.EventClientRegistered {
		s.Errorf("events: %+v", events)
	}
}

// restoreDeleted: a deletion is final, whatever pages are still open.
func restoreDeleted(s *suite) {
	c := client("deleted")
	s.ok(s.RegisterClient(s.ctx(), c, storage.Ceiling{}))
	carried, err := s.CarryClient(c, after(time.Hour))
	s.ok(err)
	s.ok(s.DeleteClient(s.ctx(), "deleted", start))
	_, err = s.CarriedClient(s.ctx(), "deleted", carried, start)
	s.refused("carried", err, storage.ErrNotFound)
	s.refused("restored", s.RestoreClient(s.ctx(), c, start), storage.ErrNotFound)
	s.registered()
}

// winners returns how many won; the others must have got want.
func (s *suite) winners(errs []error, want error) (n int) {
	s.Helper()
	for _, err := range errs {
		if err == nil {
			n++
			continue
		}
		s.refused("a loser", err, want)
	}
	return n
}

func registerClientRace(s *suite) {
	const ceiling = 20
	errs := race(racers, func(i int) error { return s.register(fmt.Sprint("c", i), start, ceiling) })
	list, err := s.ListClients(s.ctx(), "", 1000, start)
	s.ok(err)
	if n := s.winners(errs, storage.ErrFull); n != ceiling || len(list) != ceiling {
		s.Errorf("%d won and %d clients are there, want %d", n, len(list), ceiling)
	}
}

func registerClientReclaimRace(s *suite) {
	const ceiling = 20
	for i := range ceiling {
		s.ok(s.register(fmt.Sprint("old", i), start, ceiling))
	}
	now := after(minAge)
	errs := race(racers, func(i int) error { return s.register(fmt.Sprint("new", i), now, ceiling) })
	list, err := s.ListClients(s.ctx(), "", 1000, start)
	s.ok(err)
	if n := s.winners(errs, storage.ErrFull); n != ceiling || len(list) != ceiling {
		s.Errorf("%d won and %d clients are there, want %d", n, len(list), ceiling)
	}
}

func reclaimOldest(s *suite) {
	for i, id := range []string{"d", "c", "b", "a"} {
		s.ok(s.register(id, after(time.Duration(i)*time.Second), 0))
	}
	reclaim := func(before time.Time, limit int, want ...string) {
		s.Helper()
		ids, err := s.ReclaimClients(s.ctx(), before, limit, after(time.Hour))
		s.ok(err)
		s.sameList("reclaimed", slices.Sorted(slices.Values(ids)), want...)
	}
	reclaim(after(-time.Second), 10)
	reclaim(after(2*time.Second), 2, "c", "d")
	reclaim(after(2*time.Second), 2, "b")
	reclaim(after(2*time.Second), 2)
	s.registered("a")
}

func reclaimKeeps(s *suite) {
	now := after(24 * time.Hour)
	want := s.keepers(now)
	ids, err := s.ReclaimClients(s.ctx(), now, 10, now)
	s.ok(err)
	s.sameList("reclaimed", ids)
	s.registered(want...)
}

// A client that is used for the first time in that very moment is either there
// with its tokens, or was gone before.
func reclaimRace(s *suite) {
	for i := range 8 {
		id := fmt.Sprint("client", i)
		s.ok(s.register(id, start, 0))
		f := s.approve(id, id, alice, start)
		errs := race(16, func(i int) error {
			if i == 0 {
				_, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
				return err
			}
			_, err := s.ReclaimClients(s.ctx(), start, 10, start)
			return err
		})
		s.ok(errors.Join(errs...))
		_, err := s.CurrentClient(s.ctx(), id)
		s.ok(err)
	}
}

func deleteExpiredUnused(s *suite) {
	s.ok(s.register("old", start, 0))
	s.ok(s.register("young", after(time.Second), 0))
	keepers := s.keepers(after(time.Hour))
	sweep := func(keep time.Duration) {
		s.Helper()
		_, err := s.DeleteExpired(s.ctx(), after(time.Hour), storage.Retention{UnusedClients: keep, CountClients: true}, 100)
		s.ok(err)
	}
	sweep(0) // forever
	s.registered(slices.Sorted(slices.Values(append([]string{"old", "young"}, keepers...)))...)
	sweep(time.Hour)
	s.registered(slices.Sorted(slices.Values(append([]string{"young"}, keepers...)))...)
	sweep(time.Minute)
	s.registered(keepers...)
}
