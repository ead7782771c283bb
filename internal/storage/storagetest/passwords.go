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

func (k *kit) samePassword(want string) {
	k.Helper()
	if got, err := k.Password(k.ctx(), owner); got != want || err != nil {
		k.Errorf("password hash %q, %v, want %q", got, err, want)
	}
}

func setPasswordReplace(k *kit) {
	k.ok(k.SetPassword(k.ctx(), owner, "$argon2id$one", false, start))
	k.samePassword("$argon2id$one")
	renamed := owner
	renamed.Name = "Impostor"
	k.refused("again", k.SetPassword(k.ctx(), renamed, "$argon2id$two", false, start), storage.ErrExists)
	k.samePassword("$argon2id$one")
	user, _, err := k.TryPassword(k.ctx(), owner, start)
	if diff := cmp.Diff(owner, user.Person); diff != "" || err != nil {
		k.Errorf("a refused SetPassword changed the person: %v (-want +got):\n%s", err, diff)
	}
	k.ok(k.SetPassword(k.ctx(), owner, "$argon2id$three", true, start))
	k.samePassword("$argon2id$three")
}

func setPasswordRace(k *kit) {
	errs := race(racers, func(i int) error {
		return k.SetPassword(k.ctx(), owner, fmt.Sprintf("hash %d", i), false, start)
	})
	k.oneWins(errs, storage.ErrExists)
	for i, err := range errs {
		if err == nil {
			k.samePassword(fmt.Sprintf("hash %d", i))
		}
	}
}

func passwordNotFound(k *kit) {
	k.connect("a", "client", alice, start) // on record, without a password
	for _, p := range []storage.Person{owner, alice} {
		_, err := k.Password(k.ctx(), p)
		k.refused("password of "+p.Login, err, storage.ErrNotFound)
		_, _, err = k.TryPassword(k.ctx(), p, start)
		k.refused("attempt at "+p.Login, err, storage.ErrNotFound)
	}
}

func tryPasswordUser(k *kit) {
	k.ok(k.SetPassword(k.ctx(), owner, "hash", false, start))
	first, hash, err := k.TryPassword(k.ctx(), owner, start)
	k.ok(err)
	second, _, err := k.TryPassword(k.ctx(), owner, start)
	k.ok(err)
	if hash != "hash" || first.ID == "" {
		k.Errorf("hash %q of user %q", hash, first.ID)
	}
	if diff := cmp.Diff(storage.User{ID: first.ID, Person: owner}, second); diff != "" {
		k.Errorf("user (-want +got):\n%s", diff)
	}
}

var throttleCases = []testCase{
	{"TryPassword/throttled", throttled},
	{"TryPassword/throttled at once", throttledAtOnce},
	{"PasswordAccepted/ends the count", passwordAccepted},
	{"TryPassword/one person's failures", throttledAlone},
}

// mostFree is the most attempts that may follow each other without a wait.
const mostFree = 10

// exhaust makes attempts until one is refused; how many were taken, and when
// the next one is.
func (k *kit) exhaust(p storage.Person, now time.Time) (taken int, retryAt time.Time) {
	k.Helper()
	for taken = range mostFree + 1 {
		_, _, err := k.TryPassword(k.ctx(), p, now)
		if err == nil {
			continue
		}
		k.refused("attempt", err, storage.ErrThrottled)
		var throttled *storage.ThrottledError
		if !errors.As(err, &throttled) {
			k.Fatalf("%v is no ThrottledError", err)
		}
		return taken, throttled.RetryAt
	}
	k.Fatalf("more than %d attempts without a wait", mostFree)
	return 0, time.Time{}
}

func throttled(k *kit) {
	k.ok(k.SetPassword(k.ctx(), owner, "hash", false, start))
	taken, retryAt := k.exhaust(owner, start)
	if wait := retryAt.Sub(start); taken < 3 || wait <= 0 || wait > time.Minute {
		k.Errorf("%d free attempts, then a wait of %s: want a few, and some seconds", taken, wait)
	}
	for range 3 { // a refused attempt does not move the end
		_, _, err := k.TryPassword(k.ctx(), owner, retryAt.Add(-time.Second))
		k.refused("before the end of the wait", err, storage.ErrThrottled)
	}
	for range 3 {
		taken, next := k.exhaust(owner, retryAt)
		if taken != 1 || !next.After(retryAt) {
			k.Errorf("%d attempts after the wait and the next at %s, want one and a later one", taken, next)
		}
		retryAt = next
	}
}

func throttledAtOnce(k *kit) {
	other := owner
	other.Subject = "other"
	k.ok(k.SetPassword(k.ctx(), owner, "hash", false, start))
	k.ok(k.SetPassword(k.ctx(), other, "hash", false, start))
	free, retryAt := k.exhaust(other, start)
	for _, step := range []struct {
		now  time.Time
		want int
	}{{start, free}, {retryAt, 1}} {
		errs := race(racers, func(int) error {
			_, _, err := k.TryPassword(k.ctx(), owner, step.now)
			return err
		})
		taken := 0
		for _, err := range errs {
			if err == nil {
				taken++
			} else {
				k.refused("attempt", err, storage.ErrThrottled)
			}
		}
		if taken != step.want {
			k.Errorf("%d attempts at once were taken, want %d as one after the other", taken, step.want)
		}
	}
}

func passwordAccepted(k *kit) {
	k.ok(k.SetPassword(k.ctx(), owner, "hash", false, start))
	user, _, err := k.TryPassword(k.ctx(), owner, start)
	k.ok(err)
	rest, _ := k.exhaust(owner, start)
	k.ok(k.PasswordAccepted(k.ctx(), user.ID))
	if taken, _ := k.exhaust(owner, start); taken != rest+1 {
		k.Errorf("%d attempts after success, want %d as at first", taken, rest+1)
	}
}

func throttledAlone(k *kit) {
	other := owner
	other.Subject = "other"
	k.ok(k.SetPassword(k.ctx(), owner, "hash", false, start))
	k.ok(k.SetPassword(k.ctx(), other, "hash", false, start))
	k.exhaust(owner, start)
	_, _, err := k.TryPassword(k.ctx(), other, start)
	k.refused("another person", err, nil)
}
