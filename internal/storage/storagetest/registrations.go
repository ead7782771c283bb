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
	{"ReclaimClients/oldest first", reclaimOldest},
	{"ReclaimClients/what is used stays", reclaimKeeps},
	{"ReclaimClients/race with a first use", reclaimRace},
	{"DeleteExpired/unused clients", deleteExpiredUnused},
}

// minAge is the ceilings' of the cases.
const minAge = 30 * time.Minute

// register registers a client that is unused since a time.
func (k *kit) register(id string, since time.Time, ceiling int64) error {
	c := client(id)
	c.CreatedAt = since
	return k.RegisterClient(k.ctx(), c, storage.Ceiling{Clients: ceiling, MinAge: minAge})
}

// registered checks which clients there are.
func (k *kit) registered(want ...string) {
	k.Helper()
	list, err := k.ListClients(k.ctx(), "", 1000, start)
	k.ok(err)
	got := make([]string, len(list))
	for i, c := range list {
		got[i] = c.Client.ID
	}
	k.sameList("clients", got, want...)
}

func registerClientStored(k *kit) {
	want := client("one")
	k.ok(k.RegisterClient(k.ctx(), want, storage.Ceiling{}))
	k.sameClient(want)
	k.happened(storage.EventClientRegistered)
}

func registerClientExists(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("one")))
	k.ok(k.register("two", start, 0))
	for _, ceiling := range []int64{0, 1, 2, 3} {
		for _, id := range []string{"one", "two"} {
			want := storage.ErrExists
			if ceiling == 1 || ceiling == 2 {
				want = storage.ErrFull
			}
			k.refused(fmt.Sprintf("%s below a ceiling of %d", id, ceiling), k.register(id, start, ceiling), want)
		}
	}
	k.happened(storage.EventClientRegistered, storage.EventClientRegistered)
}

func registerClientCeiling(k *kit) {
	for i, id := range []string{"a", "b", "c"} {
		k.ok(k.register(id, after(time.Duration(i)*time.Minute), 3))
	}
	k.refused("one too many", k.register("d", after(minAge-time.Second), 3), storage.ErrFull)
	k.registered("a", "b", "c")
	k.ok(k.register("d", after(minAge), 3))
	k.registered("b", "c", "d")
	k.refused("the next is too young", k.register("e", after(minAge), 3), storage.ErrFull)
	k.ok(k.register("e", after(minAge), 4))
	k.registered("b", "c", "d", "e")
	events, err := k.NewestEvents(k.ctx(), storage.EventFilter{Type: storage.EventClientDeleted}, 2)
	k.ok(err)
	if len(events) != 1 || events[0].ClientID != "a" || events[0].Actor != storage.ActorServer || events[0].Detail != "never used" {
		k.Errorf("events: %+v", events)
	}
}

// keepers makes a client of each kind that is never reclaimed, and returns their ids.
func (k *kit) keepers(now time.Time) []string {
	k.Helper()
	k.ok(k.CreateClient(k.ctx(), client("made by an operator")))
	for _, id := range []string{"used", "granted", "in flight"} {
		k.ok(k.register(id, start, 0))
	}
	f := k.connect("a", "used", alice, start)
	k.ok(k.RevokeGrant(k.ctx(), f.grant, start))
	k.approve("b", "granted", alice, now)
	k.ok(k.StartAuthorization(k.ctx(), authorization("c", "in flight", now)))
	return []string{"granted", "in flight", "made by an operator", "used"}
}

func registerClientKeeps(k *kit) {
	now := after(24 * time.Hour)
	want := k.keepers(now)
	k.refused("one too many", k.register("new", now, 4), storage.ErrFull)
	k.refused("many too many", k.register("new", now, 1), storage.ErrFull)
	k.registered(want...)
	k.ok(k.register("new", now, 5))
	// What was in flight and came to nothing is not in flight any more.
	k.ok(k.register("newer", now.Add(signInLife), 5))
	k.registered("granted", "made by an operator", "new", "newer", "used")
}

// A ceiling that is set when there are more clients than that, registered by a
// program without one: the oldest go, some at each try.
func registerClientLateCeiling(k *kit) {
	for i := range 6 {
		k.ok(k.register(fmt.Sprint("old", i), after(time.Duration(i)), 0))
	}
	now := after(time.Hour)
	k.ok(k.register("new", now, 3))
	k.registered("new", "old4", "old5")
	// Another program's rows are counted when the count is old.
	k.ok(k.register("unlimited", now, 0))
	k.ok(k.register("newer", now.Add(15*time.Minute), 4))
	k.registered("new", "newer", "old5", "unlimited")
}

// What an operator makes has no ceiling, and counts.
func registerClientCreated(k *kit) {
	k.ok(k.register("a", start, 2))
	k.ok(k.CreateClient(k.ctx(), client("made by an operator")))
	k.refused("exists", k.CreateClient(k.ctx(), client("made by an operator")), storage.ErrExists)
	k.refused("one too many", k.register("b", start, 2), storage.ErrFull)
	k.ok(k.DeleteClient(k.ctx(), "made by an operator", start))
	k.ok(k.register("b", start, 2))
	k.refused("one too many again", k.register("c", start, 2), storage.ErrFull)
}

func registerClientDeletion(k *kit) {
	for _, id := range []string{"a", "b"} {
		k.ok(k.register(id, start, 2))
	}
	k.refused("one too many", k.register("c", start, 2), storage.ErrFull)
	k.refused("unknown", k.DeleteClient(k.ctx(), "unknown", start), storage.ErrNotFound)
	k.refused("still one too many", k.register("c", start, 2), storage.ErrFull)
	k.ok(k.DeleteClient(k.ctx(), "a", start))
	k.ok(k.register("c", start, 2))
	k.refused("one too many again", k.register("d", start, 2), storage.ErrFull)
	n, err := k.DeleteUnusedClients(k.ctx(), []string{"c", "unknown"}, start, start)
	k.ok(err)
	k.ok(k.register("c", start, 2))
	k.refused(fmt.Sprint("one too many after ", n), k.register("d", start, 2), storage.ErrFull)
	ids, err := k.ReclaimClients(k.ctx(), start, 10, after(minAge))
	k.ok(err)
	k.sameList("reclaimed", slices.Sorted(slices.Values(ids)), "b", "c")
	k.ok(k.register("d", start, 1))
}

// winners returns how many won; the others must have got want.
func (k *kit) winners(errs []error, want error) (n int) {
	k.Helper()
	for _, err := range errs {
		if err == nil {
			n++
			continue
		}
		k.refused("a loser", err, want)
	}
	return n
}

func registerClientRace(k *kit) {
	const ceiling = 20
	errs := race(racers, func(i int) error { return k.register(fmt.Sprint("c", i), start, ceiling) })
	list, err := k.ListClients(k.ctx(), "", 1000, start)
	k.ok(err)
	if n := k.winners(errs, storage.ErrFull); n != ceiling || len(list) != ceiling {
		k.Errorf("%d won and %d clients are there, want %d", n, len(list), ceiling)
	}
}

func registerClientReclaimRace(k *kit) {
	const ceiling = 20
	for i := range ceiling {
		k.ok(k.register(fmt.Sprint("old", i), start, ceiling))
	}
	now := after(minAge)
	errs := race(racers, func(i int) error { return k.register(fmt.Sprint("new", i), now, ceiling) })
	list, err := k.ListClients(k.ctx(), "", 1000, start)
	k.ok(err)
	if n := k.winners(errs, storage.ErrFull); n != ceiling || len(list) != ceiling {
		k.Errorf("%d won and %d clients are there, want %d", n, len(list), ceiling)
	}
}

func reclaimOldest(k *kit) {
	for i, id := range []string{"d", "c", "b", "a"} {
		k.ok(k.register(id, after(time.Duration(i)*time.Second), 0))
	}
	reclaim := func(before time.Time, limit int, want ...string) {
		k.Helper()
		ids, err := k.ReclaimClients(k.ctx(), before, limit, after(time.Hour))
		k.ok(err)
		k.sameList("reclaimed", slices.Sorted(slices.Values(ids)), want...)
	}
	reclaim(after(-time.Second), 10)
	reclaim(after(2*time.Second), 2, "c", "d")
	reclaim(after(2*time.Second), 2, "b")
	reclaim(after(2*time.Second), 2)
	k.registered("a")
}

func reclaimKeeps(k *kit) {
	now := after(24 * time.Hour)
	want := k.keepers(now)
	ids, err := k.ReclaimClients(k.ctx(), now, 10, now)
	k.ok(err)
	k.sameList("reclaimed", ids)
	k.registered(want...)
}

// A client that is used for the first time in that very moment is either there
// with its tokens, or was gone before.
func reclaimRace(k *kit) {
	for i := range 8 {
		id := fmt.Sprint("client", i)
		k.ok(k.register(id, start, 0))
		f := k.approve(id, id, alice, start)
		errs := race(16, func(i int) error {
			if i == 0 {
				_, err := k.ExchangeCode(k.ctx(), f.exchange(start), start)
				return err
			}
			_, err := k.ReclaimClients(k.ctx(), start, 10, start)
			return err
		})
		k.ok(errors.Join(errs...))
		_, err := k.CurrentClient(k.ctx(), id)
		k.ok(err)
	}
}

func deleteExpiredUnused(k *kit) {
	k.ok(k.register("old", start, 0))
	k.ok(k.register("young", after(time.Second), 0))
	keepers := k.keepers(after(time.Hour))
	sweep := func(keep time.Duration) {
		k.Helper()
		_, err := k.DeleteExpired(k.ctx(), after(time.Hour), storage.Retention{UnusedClients: keep, CountClients: true}, 100)
		k.ok(err)
	}
	sweep(0) // for ever
	k.registered(slices.Sorted(slices.Values(append([]string{"old", "young"}, keepers...)))...)
	sweep(time.Hour)
	k.registered(slices.Sorted(slices.Values(append([]string{"young"}, keepers...)))...)
	sweep(time.Minute)
	k.registered(keepers...)
}
