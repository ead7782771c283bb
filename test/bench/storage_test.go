//go:build bench

package bench_test

import (
	"math/rand/v2"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/cache"
)

const (
	lookupRounds, lookupsEach   = 200, 50
	insertRounds, insertsEach   = 100, 5
	clientsInUse                = 100 // of those that are registered
	microsecond                 = 1e3
	lookupAim, databaseAimRatio = 20 * microsecond, 1.5
)

// measureLookups measures how a client is found: in memory, in the database when
// some of the clients are in use, and in the database when all of them are.
func measureLookups(t *testing.T, r *report, dbs pair[*database]) {
	t.Helper()
	var sides []func(int)
	for _, d := range dbs {
		remembering := cache.New(d.store, nil)
		inUse := d.someClients(clientsInUse)
		sides = append(sides,
			func(int) { get(remembering.Client(t.Context(), inUse[0]))(t) },
			func(i int) { get(d.store.Client(t.Context(), inUse[i%len(inUse)]))(t) },
			func(i int) { d.bare.find(t, key(inUse[i%len(inUse)])) },
			func(int) { get(d.store.Client(t.Context(), d.anyClient()))(t) },
			func(int) { d.bare.find(t, key(d.anyClient())) },
		)
	}
	took := inTurns(lookupRounds, lookupsEach, sides...)
	of := func(side int) pair[float64] { return pair[float64]{took[side], took[side+len(sides)/2]} }
	r.add(figure{
		what: "client lookup, cached", took: of(0), format: micros, aim: "< 20 µs",
		meets: func(ours, _ float64) bool { return ours < lookupAim },
	})
	r.add(figure{
		what: "client lookup, from the database, vs. the bare SELECT", took: of(1), beside: of(2), format: micros,
		aim: "ratio ≤ 1.5", meets: func(_, ratio float64) bool { return ratio <= databaseAimRatio },
	})
	r.add(figure{
		what: "the same, random client", took: of(3), beside: of(4), format: micros,
		aim: "ratio ≤ 1.5", meets: func(_, ratio float64) bool { return ratio <= databaseAimRatio }, grows: true,
	})
}

// measureRegistration measures how a client is registered.
func measureRegistration(t *testing.T, r *report, dbs pair[*database]) {
	t.Helper()
	var sides []func(int)
	for _, d := range dbs {
		value, _ := d.bare.find(t, key(clientID(0)))
		sides = append(sides,
			func(int) { must(t, d.store.CreateClient(t.Context(), example(d.newClient()))) },
			func(int) {
				d.bare.insert(t, row{key: key(d.newClient()), value: string(value), at: example("").CreatedAt.UTC()})
			},
		)
	}
	took := inTurns(insertRounds, insertsEach, sides...)
	r.add(figure{
		what: "registration, vs. the bare INSERT and commit", format: micros,
		took: pair[float64]{took[0], took[2]}, beside: pair[float64]{took[1], took[3]},
		aim: "ratio ≤ 1.5", meets: func(_, ratio float64) bool { return ratio <= databaseAimRatio },
	})
}

// someClients are n of the database's clients.
func (d *database) someClients(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = d.anyClient()
	}
	return ids
}

func (d *database) anyClient() string { return clientID(rand.N(d.clients)) }

// newClient is the id of a client that no one has.
func (d *database) newClient() string {
	d.made++
	return clientID(d.clients + d.made)
}
