package recheck_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestListsNeedNoProvider: a user who is taken off the lists is out at the next refresh and
// the next call, whatever the provider does, also while the database cannot store it.
func TestListsNeedNoProvider(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*set){
		"in time":              func(*set) {},
		"provider unreachable": func(s *set) { s.err = errAway },
		"rate limit":           func(s *set) { s.err = errLimit },
		"not to be asked yet":  func(s *set) { s.grant.Provider.RetryAt = time.Now().Add(time.Hour) },
		"token used before":    func(s *set) { s.grant.Spent = true },
		"database unreachable": func(s *set) { s.away = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for what, ask := range map[string]func(*set) error{
					"refresh": func(s *set) error { return s.checker.Confirm(t.Context(), s.session()) },
					"call":    func(s *set) error { return s.checker.ConfirmUse(t.Context(), s.access()) },
					"call, answered from memory": func(s *set) error {
						access := s.access()
						access.Outage = storage.ErrUnavailable
						return s.checker.ConfirmUse(t.Context(), access)
					},
				} {
					s := newSet(t, 0)
					change(s)
					s.checker.Policy = identity.Policy{Users: []string{"bob"}}
					if err := ask(s); !errors.Is(err, recheck.ErrRefused) {
						t.Errorf("%s: %v", what, err)
					}
					if s.calls() != 0 || (s.revoked != nil) == s.away {
						t.Errorf("%s: asked %d times, revoked %q", what, s.calls(), s.revoked)
					}
				}
			})
		})
	}
}

// TestListsLeaveTheUnknown: a list that goes by what the provider was not asked before
// ends no session without it.
func TestListsLeaveTheUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, 0)
		s.err = errAway
		s.checker.Policy = identity.Policy{Orgs: []string{"acme"}}
		if err := s.checker.Confirm(t.Context(), s.session()); err != nil {
			t.Error(err)
		}
		s.user.Known, s.grant.Provider.RetryAt = []string{"orgs"}, time.Time{}
		if err := s.checker.Confirm(t.Context(), s.session()); !errors.Is(err, recheck.ErrRefused) {
			t.Errorf("once asked: %v", err)
		}
	})
}

// errLimit is a limit that only this account has met.
var errLimit = &identity.UnavailableError{Reason: "limit", RetryAfter: time.Hour, Own: true}

// TestOwnLimit: a limit that only this account has met, which its owner can bring about,
// keeps no session longer than the time until the next question, also while the provider
// is not to be asked, until it confirms the person. Failures in between do not help.
func TestOwnLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, every-time.Second)
		s.err = errLimit
		refresh := func() error { return s.checker.Confirm(t.Context(), s.session()) }
		call := func() error { return s.checker.ConfirmUse(t.Context(), s.access()) }
		if err := errors.Join(refresh(), call()); err != nil {
			t.Errorf("within the time: %v", err)
		}
		time.Sleep(time.Second)
		for range 2 {
			if err := refresh(); !errors.Is(err, identity.ErrUnavailable) {
				t.Errorf("refresh after it: %v", err)
			}
			if err := call(); !errors.Is(err, identity.ErrUnavailable) {
				t.Errorf("call after it: %v", err)
			}
			s.err, s.grant.Provider.RetryAt = errAway, time.Time{} // and now it is down
		}
		if s.revoked != nil {
			t.Errorf("revoked: %q", s.revoked)
		}
		s.err, s.grant.Provider.RetryAt = nil, time.Time{}
		if err := errors.Join(refresh(), call()); err != nil || s.user.Limited {
			t.Errorf("confirmed: %v, limited %t", err, s.user.Limited)
		}
	})
}

// TestProfile: what is stored of a person is enough to apply the lists again.
func TestProfile(t *testing.T) {
	t.Parallel()
	person := identity.Person{
		Issuer: issuer, Subject: "1", Login: "alice", Name: "Alice", Email: "alice@example.com", EmailVerified: true,
		HostedDomain: "example.com", Groups: []string{"a"}, Known: []identity.Fact{identity.FactEmail, identity.FactGroups},
	}
	want := person
	want.Orgs = person.Groups
	if diff := cmp.Diff(want, recheck.PersonOf(recheck.Profile(person)), cmp.Transformer("fields", fields)); diff != "" {
		t.Error(diff)
	}
	person.EmailVerified = false
	if stored := recheck.Profile(person); stored.Email != "" || recheck.PersonOf(stored).EmailVerified {
		t.Errorf("an address that no one vouches for is kept: %+v", stored)
	}
}

// fields shows what Person's own formatting hides.
func fields(p identity.Person) map[string]any {
	return map[string]any{
		"issuer": p.Issuer, "subject": p.Subject, "login": p.Login, "name": p.Name, "email": p.Email, "verified": p.EmailVerified,
		"domain": p.HostedDomain, "groups": p.Groups, "orgs": p.Orgs, "known": p.Known,
	}
}
