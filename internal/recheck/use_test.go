package recheck_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// every is how old a confirmation may be here before a call asks again.
const every = 10 * time.Minute

// access is the session's access token, as the store answers a call.
func (s *set) access() storage.Access {
	s.mu().Lock()
	defer s.mu().Unlock()
	return storage.Access{
		GrantID: s.grant.ID, User: s.user, IssuedAt: time.Now().Add(-100 * grace),
		ConfirmedAt: s.grant.Provider.CheckedAt, RetryAt: s.grant.Provider.RetryAt,
	}
}

// TestConfirmUse: a call asks when that is due, and waits only for an answer that is
// overdue or without which nothing goes.
func TestConfirmUse(t *testing.T) {
	t.Parallel()
	const slow = 2 * time.Second
	for name, tt := range map[string]struct {
		confirmed time.Duration // how long ago
		change    func(*set)
		want      error
		waits     time.Duration
		asked     int
		ended     bool
	}{
		"not due":                             {every - time.Second, func(*set) {}, nil, 0, 0, false},
		"due":                                 {every, func(s *set) { s.takes = slow }, nil, 0, 1, false},
		"due, refused":                        {every, func(s *set) { s.takes, s.err = slow, errRefused }, nil, 0, 1, true},
		"due, away":                           {every, func(s *set) { s.err = errAway }, nil, 0, 1, false},
		"overdue":                             {2 * every, func(s *set) { s.takes = slow }, nil, slow, 1, false},
		"overdue, refused":                    {2 * every, func(s *set) { s.takes, s.err = slow, errRefused }, recheck.ErrRefused, slow, 1, true},
		"overdue, slow":                       {2 * every, func(s *set) { s.takes = time.Hour }, nil, 4 * time.Second, 1, false},
		"overdue, away":                       {2 * every, func(s *set) { s.err = errAway }, nil, 0, 1, false},
		"overdue, away the last time":         {2 * every, func(s *set) { s.takes, s.grant.Provider.RetryAt = slow, time.Now() }, nil, 0, 1, false},
		"overdue, not to be asked yet":        {2 * every, func(s *set) { s.grant.Provider.RetryAt = time.Now().Add(time.Second) }, nil, 0, 0, false},
		"overdue, a token that does not open": {2 * every, func(s *set) { s.grant.Provider.Token = []byte("{") }, nil, 0, 0, false},
		"after the grace period":              {grace, func(s *set) { s.takes = slow }, nil, slow, 1, false},
		"after the grace period, away":        {grace, func(s *set) { s.err = errAway }, identity.ErrUnavailable, 0, 1, false},
		"after the grace period, slow":        {grace, func(s *set) { s.takes = time.Hour }, identity.ErrUnavailable, 4 * time.Second, 1, false},
		"after it, not to be asked yet":       {grace, func(s *set) { s.grant.Provider.RetryAt = time.Now().Add(time.Second) }, identity.ErrUnavailable, 0, 0, false},
		"overdue, misconfigured":              {2 * every, func(s *set) { s.err = identity.ErrMisconfigured }, nil, 0, 1, false},
		"confirmed in the future, away":       {-time.Hour, func(s *set) { s.err = errAway }, identity.ErrUnavailable, 0, 1, false},
		"confirmed by a clock a little ahead": {-time.Second, func(*set) {}, nil, 0, 0, false},
		"no grace period":                     {every, func(s *set) { s.checker.Grace = 0; s.err = errAway }, identity.ErrUnavailable, 0, 1, false},
		"only refreshes ask":                  {100 * grace, func(s *set) { s.checker.Every = 0 }, nil, 0, 0, false},
		"signed in by another provider":       {0, func(s *set) { s.foreign() }, recheck.ErrRefused, 0, 0, true},
		"the owner, with the password":        {0, func(s *set) { s.local(); s.foreign(); s.user.Issuer = identity.Local{}.Issuer() }, nil, 0, 0, false},
		"someone else, with the password":     {0, func(s *set) { s.local(); s.foreign() }, recheck.ErrRefused, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSet(t, tt.confirmed)
				tt.change(s)
				began := time.Now()
				err := s.checker.ConfirmUse(t.Context(), s.access())
				if !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				if waited := time.Since(began); waited != tt.waits {
					t.Errorf("waited %v, want %v", waited, tt.waits)
				}
				s.checker.Wait(t.Context())
				if s.calls() != tt.asked || (s.revoked != nil) != tt.ended {
					t.Errorf("asked %d times, revoked %q; want %d, %t", s.calls(), s.revoked, tt.asked, tt.ended)
				}
			})
		})
	}
}

// foreign makes the person one without a token, of another provider.
func (s *set) foreign() {
	s.user.Issuer = "https://other.example"
	s.grant.Provider = storage.ProviderState{}
}

// TestUsesOnThreeReplicas: many calls on three replicas ask once, and the next ones not
// at all; a caller that hangs up ends nothing.
func TestUsesOnThreeReplicas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, 3*every)
		s.takes = time.Second
		replicas := []*recheck.Checker{s.checker, s.replica(s.provider), s.replica(s.provider)}
		hungUp, hangUp := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		for i, c := range replicas {
			for range 20 {
				ctx, wanted := t.Context(), error(nil)
				if i == 0 {
					ctx, wanted = hungUp, identity.ErrUnavailable
				}
				calls.Go(func() {
					if err := c.ConfirmUse(ctx, s.access()); !errors.Is(err, wanted) {
						t.Errorf("replica %d: %v, want %v", i, err, wanted)
					}
				})
			}
		}
		time.Sleep(time.Second / 2)
		hangUp()
		calls.Wait()
		for _, c := range replicas {
			c.Wait(t.Context())
			if err := c.ConfirmUse(t.Context(), s.access()); err != nil {
				t.Error(err)
			}
		}
		if n := s.calls(); n != 1 {
			t.Errorf("asked %d times, want once", n)
		}
	})
}

// TestUseInOutage: while the database does not answer, a call asks no one, because nothing
// that the provider says could be stored.
func TestUseInOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, 2*every)
		access := s.access()
		access.Outage = storage.ErrUnavailable
		if err := s.checker.ConfirmUse(t.Context(), access); err != nil {
			t.Error(err)
		}
		s.checker.Wait(t.Context())
		if n := s.calls(); n != 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

// panics is a store whose reading of grants panics.
type panics struct{ *store }

func (panics) LiveGrant(context.Context, string, time.Time) (storage.Grant, storage.User, error) {
	panic("as the test wants")
}

// TestUsePanics: a check that panics confirms no one, and the next call asks again.
func TestUsePanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, grace)
		s.checker.Store = panics{s.store}
		if err := s.checker.ConfirmUse(t.Context(), s.access()); err == nil {
			t.Error("a call after the grace period was let in")
		}
		s.checker.Wait(t.Context())
		s.checker.Store = s.store
		if err := s.checker.ConfirmUse(t.Context(), s.access()); err != nil || s.calls() != 1 {
			t.Errorf("the next call: %v, asked %d times", err, s.calls())
		}
	})
}
