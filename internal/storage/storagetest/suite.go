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

// racers is how many goroutines do the same thing at once.
const racers = 64

// start is when the cases begin; whole seconds, as the store keeps them.
var start = time.Unix(1_800_000_000, 0).UTC()

// after is d after the start.
func after(d time.Duration) time.Time { return start.Add(d) }

// testCase is one promise of the interface.
type testCase struct {
	name string
	test func(k *kit)
}

// kit is a case's test and store.
type kit struct {
	*testing.T
	storage.Store
}

// Run tests the stores that newStore makes, an empty one for each case.
func Run(t *testing.T, newStore func(t testing.TB) storage.Store) {
	t.Helper()
	all := slices.Concat(
		clientCases, registrationCases, readoptCases, signInCases, finishCases, codeCases, refreshCases, graceCases, revokeCases,
		revokeRaceCases, grantCases, providerCases, takeCases, passwordCases, throttleCases, maintenanceCases, cancelCases,
		eventCases, unusedCases, peopleCases, documentCases, assertionCases,
	)
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(&kit{T: t, Store: newStore(t)})
		})
	}
}

// ctx is the case's context.
func (k *kit) ctx() context.Context { return k.Context() }

// ok ends the case when err is not nil.
func (k *kit) ok(err error) {
	k.Helper()
	if err != nil {
		k.Fatalf("unexpected error: %v", err)
	}
}

var sentinels = []error{
	storage.ErrNotFound, storage.ErrExists, storage.ErrSpent, storage.ErrChanged, storage.ErrFull, storage.ErrDocument,
	storage.ErrUnavailable, storage.ErrUnreadable, storage.ErrThrottled, storage.ErrDisabled,
}

// refused checks that err is want and no other sentinel.
func (k *kit) refused(what string, err, want error) {
	k.Helper()
	for _, s := range sentinels {
		if errors.Is(err, s) != errors.Is(want, s) {
			k.Errorf("%s: %v, want %v", what, err, want)
			return
		}
	}
}

// race runs f in many goroutines at once and returns their errors.
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
func (k *kit) oneWins(errs []error, want error) {
	k.Helper()
	winners := 0
	for _, err := range errs {
		if err == nil {
			winners++
			continue
		}
		k.refused("a loser", err, want)
	}
	if winners != 1 {
		k.Errorf("%d of %d won, want one", winners, len(errs))
	}
}
