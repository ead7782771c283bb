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

func useAssertionOnce(s *suite) {
	id, until := storage.HashOf("jti"), after(5*time.Minute)
	s.ok(s.UseAssertion(s.ctx(), "one", id, until, start))
	s.refused("again", s.UseAssertion(s.ctx(), "one", id, until, start), storage.ErrSpent)
	s.refused("with another end", s.UseAssertion(s.ctx(), "one", id, after(time.Hour), after(time.Minute)), storage.ErrSpent)
	s.ok(s.UseAssertion(s.ctx(), "two", id, until, start))
	s.ok(s.UseAssertion(s.ctx(), "one", storage.HashOf("another"), until, start))
	s.happened(storage.EventAssertionReuse, storage.EventAssertionReuse)
}

func useAssertionRace(s *suite) {
	s.oneWins(race(racers, func(int) error {
		return s.UseAssertion(s.ctx(), "one", storage.HashOf("jti"), after(time.Minute), start)
	}), storage.ErrSpent)
}

func useAssertionForgotten(s *suite) {
	id := storage.HashOf("jti")
	s.ok(s.UseAssertion(s.ctx(), "one", id, after(time.Minute), start))
	s.deleteExpired(after(59 * time.Second))
	s.refused("before its end", s.UseAssertion(s.ctx(), "one", id, after(2*time.Minute), after(59*time.Second)), storage.ErrSpent)
	s.deleteExpired(after(time.Minute))
	s.ok(s.UseAssertion(s.ctx(), "one", id, after(2*time.Minute), after(time.Minute)))
}
