package storagetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// racers is how many goroutines do the same thing concurrently.
const racers = 64

// start is when the cases begin; whole seconds, as the store keeps them.
var start = time.Unix(1_800_000_000, 0).UTC()

// after is d after the start.
func after(d time.Duration) time.Time { return start.Add(d) }

// testCase is one promise of the interface.
type testCase struct {
	name string
	test func(s *suite)
}

// suite is the test and the store of one case.
type suite struct {
	*testing.T
	storage.Store

	implied implied
}

// Run tests the stores that newStore makes, an empty one for each case.
func Run(t *testing.T, newStore func(t testing.TB) storage.Store) {
	t.Helper()
	all := slices.Concat(
		clientCases, registrationCases, readoptCases, unreadCases, signInCases, finishCases, codeCases, refreshCases, graceCases, repeatCases, revokeCases,
		revokeRaceCases, grantCases, providerCases, takeCases, passwordCases, throttleCases, maintenanceCases, cancelCases,
		eventCases, eventNumberCases, refusedCases, resourceCases, unusedCases, peopleCases, documentCases, assertionCases, unknownCases, claimCases, replaceCases, confirmedCases,
		goneCases, browserSessionCases, personalTokenCases,
	)
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(&suite{T: t, Store: newStore(t)})
		})
	}
}

// ctx is the case's context.
func (s *suite) ctx() context.Context { return s.Context() }

// ok ends the case when err is not nil.
func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("unexpected error: %v", err)
	}
}

// refused checks that err is want and no other sentinel.
func (s *suite) refused(what string, err, want error) {
	s.Helper()
	for _, sentinel := range storage.Sentinels() {
		if errors.Is(err, sentinel) != errors.Is(want, sentinel) {
			s.Errorf("%s: %v, want %v", what, err, want)
			return
		}
	}
}

// race runs f in many goroutines concurrently and returns their errors.
func race(n int, f func(i int) error) []error {
	errs := make([]error, n)
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-gate
			errs[i] = f(i)
		})
	}
	close(gate)
	wg.Wait()
	return errs
}

// oneWins checks that one racer succeeded and the others got want.
func (s *suite) oneWins(errs []error, want error) {
	s.Helper()
	winners := 0
	for _, err := range errs {
		if err == nil {
			winners++
			continue
		}
		s.refused("a loser", err, want)
	}
	if winners != 1 {
		s.Errorf("%d of %d won, want one", winners, len(errs))
	}
}
