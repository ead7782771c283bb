package storagetest

import (
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var unknownCases = []testCase{
	{"SeeUnknownClient/again within an hour", seeUnknownAgain},
	{"SeeUnknownClient/race", seeUnknownRace},
	{"SeeUnknownClient/forgotten after an hour", seeUnknownForgotten},
	{"SeeUnknownClient/after a fast clock", seeUnknownFastClock},
}

func (s *suite) sees(id string, at time.Time, want bool) {
	s.Helper()
	again, err := s.SeeUnknownClient(s.ctx(), storage.HashOf(id), at)
	if s.ok(err); again != want {
		s.Errorf("%s at %v: %t, want %t", id, at, again, want)
	}
}

func seeUnknownAgain(s *suite) {
	s.sees("one", start, false)
	s.sees("one", start, true)
	s.sees("two", start, false)
	s.sees("one", after(time.Hour-time.Second), true)
	s.sees("one", after(2*time.Hour-2*time.Second), true) // since the last time
	s.sees("two", after(time.Hour), false)
	s.sees("two", after(time.Hour), true)
}

func seeUnknownRace(s *suite) {
	s.oneWins(race(racers, func(int) error {
		again, err := s.SeeUnknownClient(s.ctx(), storage.HashOf("one"), start)
		if again {
			return errors.Join(storage.ErrSpent, err)
		}
		return err
	}), storage.ErrSpent)
}

// A clock that is minutes ahead counts as any other, and one that was a day ahead as none.
func seeUnknownFastClock(s *suite) {
	s.sees("minutes", after(5*time.Minute), false)
	s.sees("minutes", start, true)
	s.sees("a day", after(24*time.Hour), false)
	s.sees("a day", start, false)
	s.sees("a day", start, true)
}

func seeUnknownForgotten(s *suite) {
	s.sees("one", start, false)
	s.deleteExpired(after(time.Hour - time.Second))
	s.sees("one", after(time.Hour-time.Second), true)
	s.deleteExpired(after(3 * time.Hour))
	s.sees("one", after(3*time.Hour), false)
}
