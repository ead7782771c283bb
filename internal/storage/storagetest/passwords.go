package storagetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// owner is the local provider's one person.
var owner = storage.Person{Issuer: "local", Subject: "owner", Login: "owner", Name: "Owner"}

var passwordCases = []testCase{
	{"SetPassword/replace", setPasswordReplace},
	{"SetPassword/race", setPasswordRace},
	{"Password/not found", passwordNotFound},
	{"TryPassword/user", tryPasswordUser},
}

func (s *suite) samePassword(want string) {
	s.Helper()
	if got, err := s.Password(s.ctx(), owner); got != want || err != nil {
		s.Errorf("password hash %q, %v, want %q", got, err, want)
	}
}

func setPasswordReplace(s *suite) {
	s.ok(s.SetPassword(s.ctx(), owner, "$argon2id$one", false, start))
	s.samePassword("$argon2id$one")
	renamed := owner
	renamed.Name = "Impostor"
	s.refused("again", s.SetPassword(s.ctx(), renamed, "$argon2id$two", false, start), storage.ErrExists)
	s.samePassword("$argon2id$one")
	user, _, err := s.TryPassword(s.ctx(), owner, start)
	if diff := cmp.Diff(owner, user.Person); diff != "" || err != nil {
		s.Errorf("a refused SetPassword changed the person: %v (-want +got):\n%s", err, diff)
	}
	s.ok(s.SetPassword(s.ctx(), owner, "$argon2id$three", true, start))
	s.samePassword("$argon2id$three")
}

func setPasswordRace(s *suite) {
	errs := race(racers, func(i int) error {
		return s.SetPassword(s.ctx(), owner, fmt.Sprintf("hash %d", i), false, start)
	})
	s.oneWins(errs, storage.ErrExists)
	for i, err := range errs {
		if err == nil {
			s.samePassword(fmt.Sprintf("hash %d", i))
		}
	}
}

func passwordNotFound(s *suite) {
	s.connect("a", "client", alice, start) // on record, without a password
	for _, p := range []storage.Person{owner, alice} {
		_, err := s.Password(s.ctx(), p)
		s.refused("password of "+p.Login, err, storage.ErrNotFound)
		_, _, err = s.TryPassword(s.ctx(), p, start)
		s.refused("attempt at "+p.Login, err, storage.ErrNotFound)
	}
}

func tryPasswordUser(s *suite) {
	s.ok(s.SetPassword(s.ctx(), owner, "hash", false, start))
	first, hash, err := s.TryPassword(s.ctx(), owner, start)
	s.ok(err)
	second, _, err := s.TryPassword(s.ctx(), owner, start)
	s.ok(err)
	if hash != "hash" || first.ID == "" {
		s.Errorf("hash %q of user %q", hash, first.ID)
	}
	if diff := cmp.Diff(storage.User{ID: first.ID, Person: owner}, second); diff != "" {
		s.Errorf("user (-want +got):\n%s", diff)
	}
}

var throttleCases = []testCase{
	{"TryPassword/throttled", throttled},
	{"TryPassword/throttled concurrently", throttledAtOnce},
	{"TryPassword/after a fast clock", throttledByFastClock},
	{"PasswordAccepted/ends the count", passwordAccepted},
	{"TryPassword/one person's failures", throttledAlone},
}

// mostFree is the most attempts that may follow each other without a wait.
const mostFree = 10

// exhaust makes attempts until one is refused; how many were taken, and when
// the next one is.
func (s *suite) exhaust(p storage.Person, now time.Time) (taken int, retryAt time.Time) {
	s.Helper()
	for taken = range mostFree + 1 {
		_, _, err := s.TryPassword(s.ctx(), p, now)
		if err == nil {
			continue
		}
		s.refused("attempt", err, storage.ErrThrottled)
		var throttled *storage.ThrottledError
		if !errors.As(err, &throttled) {
			s.Fatalf("%v is no ThrottledError", err)
		}
		return taken, throttled.RetryAt
	}
	s.Fatalf("more than %d attempts without a wait", mostFree)
	return 0, time.Time{}
}

func throttled(s *suite) {
	s.ok(s.SetPassword(s.ctx(), owner, "hash", false, start))
	taken, retryAt := s.exhaust(owner, start)
	if wait := retryAt.Sub(start); taken < 3 || wait <= 0 || wait > time.Minute {
		s.Errorf("%d free attempts, then a wait of %s: want a few, and some seconds", taken, wait)
	}
	for range 3 { // a refused attempt does not move the end
		user, hash, err := s.TryPassword(s.ctx(), owner, retryAt.Add(-time.Second))
		s.refused("before the end of the wait", err, storage.ErrThrottled)
		if user.ID == "" || hash != "" {
			s.Errorf("user %q, hash %q of a refused attempt", user.ID, hash)
		}
	}
	for range 3 {
		taken, next := s.exhaust(owner, retryAt)
		if taken != 1 || !next.After(retryAt) {
			s.Errorf("%d attempts after the wait and the next at %s, want one and a later one", taken, next)
		}
		retryAt = next
	}
}

// throttledByFastClock: a clock that was a day ahead locks no one out for a day, and one
// that is minutes ahead lets no one in earlier.
func throttledByFastClock(s *suite) {
	s.ok(s.SetPassword(s.ctx(), owner, "hash", false, start))
	s.exhaust(owner, after(5*time.Minute))
	_, _, err := s.TryPassword(s.ctx(), owner, start)
	s.refused("five minutes before", err, storage.ErrThrottled)
	_, _, err = s.TryPassword(s.ctx(), owner, after(24*time.Hour))
	s.ok(err)
	_, _, err = s.TryPassword(s.ctx(), owner, start)
	s.ok(err)
	_, _, err = s.TryPassword(s.ctx(), owner, start)
	s.refused("immediately after", err, storage.ErrThrottled)
}

func throttledAtOnce(s *suite) {
	other := owner
	other.Subject = "other"
	s.ok(s.SetPassword(s.ctx(), owner, "hash", false, start))
	s.ok(s.SetPassword(s.ctx(), other, "hash", false, start))
	free, retryAt := s.exhaust(other, start)
	for _, step := range []struct {
		now  time.Time
		want int
	}{{start, free}, {retryAt, 1}} {
		errs := race(racers, func(int) error {
			_, _, err := s.TryPassword(s.ctx(), owner, step.now)
			return err
		})
		taken := 0
		for _, err := range errs {
			if err == nil {
				taken++
			} else {
				s.refused("attempt", err, storage.ErrThrottled)
			}
		}
		if taken != step.want {
			s.Errorf("%d concurrent attempts were taken, want %d as one after the other", taken, step.want)
		}
	}
}

func passwordAccepted(s *suite) {
	s.ok(s.SetPassword(s.ctx(), owner, "hash", false, start))
	user, _, err := s.TryPassword(s.ctx(), owner, start)
	s.ok(err)
	rest, _ := s.exhaust(owner, start)
	s.ok(s.PasswordAccepted(s.ctx(), user.ID))
	if taken, _ := s.exhaust(owner, start); taken != rest+1 {
		s.Errorf("%d attempts after success, want %d as at first", taken, rest+1)
	}
}

func throttledAlone(s *suite) {
	other := owner
	other.Subject = "other"
	s.ok(s.SetPassword(s.ctx(), owner, "hash", false, start))
	s.ok(s.SetPassword(s.ctx(), other, "hash", false, start))
	s.exhaust(owner, start)
	_, _, err := s.TryPassword(s.ctx(), other, start)
	s.refused("another person", err, nil)
}
