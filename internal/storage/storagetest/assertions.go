package storagetest

import (
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var assertionCases = []testCase{
	{"UseAssertion/once", useAssertionOnce},
	{"UseAssertion/race", useAssertionRace},
	{"UseAssertion/forgotten when expired", useAssertionForgotten},
}

func useAssertionOnce(k *kit) {
	id, until := storage.HashOf("jti"), after(5*time.Minute)
	k.ok(k.UseAssertion(k.ctx(), "one", id, until, start))
	k.refused("again", k.UseAssertion(k.ctx(), "one", id, until, start), storage.ErrSpent)
	k.refused("with another end", k.UseAssertion(k.ctx(), "one", id, after(time.Hour), after(time.Minute)), storage.ErrSpent)
	k.ok(k.UseAssertion(k.ctx(), "two", id, until, start))
	k.ok(k.UseAssertion(k.ctx(), "one", storage.HashOf("another"), until, start))
	k.happened(storage.EventAssertionReuse, storage.EventAssertionReuse)
}

func useAssertionRace(k *kit) {
	k.oneWins(race(racers, func(int) error {
		return k.UseAssertion(k.ctx(), "one", storage.HashOf("jti"), after(time.Minute), start)
	}), storage.ErrSpent)
}

func useAssertionForgotten(k *kit) {
	id := storage.HashOf("jti")
	k.ok(k.UseAssertion(k.ctx(), "one", id, after(time.Minute), start))
	k.deleteExpired(after(59 * time.Second))
	k.refused("before its end", k.UseAssertion(k.ctx(), "one", id, after(2*time.Minute), after(59*time.Second)), storage.ErrSpent)
	k.deleteExpired(after(time.Minute))
	k.ok(k.UseAssertion(k.ctx(), "one", id, after(2*time.Minute), after(time.Minute)))
}
