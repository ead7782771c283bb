package adopt_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/adopt"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// paced is a provider that notes when it is asked.
type paced struct {
	identity.RedirectProvider

	takes  time.Duration // to answer
	limit  int           // the question that it answers with a rate limit, 0 for none
	rest   time.Duration // that the rate limit asks for
	mu     sync.Mutex
	asked  []time.Time
	open   int // questions in progress
	widest int // most of them
}

func (*paced) Issuer() string { return "https://provider.example" }

func (p *paced) Recheck(_ context.Context, t identity.Token) (identity.Person, identity.Token, error) {
	p.mu.Lock()
	p.asked = append(p.asked, time.Now())
	p.open++
	p.widest = max(p.widest, p.open)
	limited := len(p.asked) == p.limit
	p.mu.Unlock()
	time.Sleep(p.takes)
	p.mu.Lock()
	p.open--
	p.mu.Unlock()
	if limited {
		return identity.Person{}, t, &identity.UnavailableError{Reason: "rate limit", RetryAfter: p.rest}
	}
	return identity.Person{Issuer: p.Issuer(), Subject: t.AccessToken, Login: t.AccessToken}, t, nil
}

// shelf keeps sessions in memory, as far as a bulk run looks at them.
type shelf struct {
	storage.BulkAdoptionStore

	mu      sync.Mutex
	retryAt map[string]time.Time
	grants  map[string]int
}

func newShelf() *shelf { return &shelf{retryAt: map[string]time.Time{}, grants: map[string]int{}} }

func (*shelf) Client(_ context.Context, id string) (storage.Client, error) {
	return storage.Client{ID: id}, nil
}

func (*shelf) RecordEvent(context.Context, storage.Event, time.Time) error { return nil }

func (*shelf) RefreshGrant(context.Context, storage.Hash, string, time.Time) (storage.Grant, storage.User, error) {
	return storage.Grant{}, storage.User{}, storage.ErrNotFound
}

func (s *shelf) SessionByID(_ context.Context, id string, _ time.Time) (storage.ForeignSession, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := storage.ForeignSession{ID: id, ClientID: "client", Upstream: storage.UpstreamTokens{AccessToken: id}, RetryAt: s.retryAt[id]}
	if s.grants[id] > 0 {
		session.GrantID = "grant"
	}
	return session, nil
}

func (*shelf) StartAdoption(context.Context, storage.Adoption, time.Time) (storage.AdoptionState, error) {
	return storage.AdoptionState{}, nil
}

func (s *shelf) FinishAdoption(_ context.Context, a storage.Adoption, r storage.AdoptionResult, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retryAt[a.SessionID] = r.RetryAt
	if r.Person != nil {
		s.grants[a.SessionID]++
	}
	return nil
}

// listed are sessions of a list.
func listed(all []adopt.BulkSession) adopt.Sessions {
	return func(_ context.Context, f func(adopt.BulkSession) error) error {
		for _, s := range all {
			if err := f(s); err != nil {
				return err
			}
		}
		return nil
	}
}

// run takes over n sessions in virtual time.
func run(t *testing.T, p *paced, rate float64, n int) (adopt.BulkResult, *shelf) {
	t.Helper()
	store := newShelf()
	var sessions []adopt.BulkSession
	for i := range n {
		sessions = append(sessions, adopt.BulkSession{ID: fmt.Sprintf("session-%d", i)})
	}
	bulk := &adopt.Bulk{Store: store, Rate: rate, Adopter: adopt.New(adopt.Config{
		Store: store, Provider: p, Policy: identity.Policy{AllowAnyone: true}, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})}
	result, err := bulk.Run(t.Context(), listed(sessions))
	if err != nil {
		t.Errorf("run: %v", err)
	}
	for _, s := range sessions {
		if store.grants[s.ID] != 1 {
			t.Errorf("%s was taken over %d times", s.ID, store.grants[s.ID])
		}
	}
	return result, store
}

// TestBulkRate: the provider is asked as often as the rate says, and never faster.
func TestBulkRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &paced{takes: 50 * time.Millisecond}
		if got, _ := run(t, p, 5, 40); got.Adopted != 40 {
			t.Errorf("%+v", got)
		}
		for i := 1; i < len(p.asked); i++ {
			if apart := p.asked[i].Sub(p.asked[i-1]); apart < time.Second/5 {
				t.Errorf("questions %d and %d are %v apart", i-1, i, apart)
			}
		}
		if took := p.asked[len(p.asked)-1].Sub(p.asked[0]); took > 10*time.Second {
			t.Errorf("40 questions took %v", took)
		}
	})
}

// TestBulkWidth: a provider that answers slowly gets few questions at a time, at any rate.
func TestBulkWidth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &paced{takes: 5 * time.Second}
		if got, _ := run(t, p, 1000, 40); got.Adopted != 40 {
			t.Errorf("%+v", got)
		}
		if p.widest != 8 {
			t.Errorf("%d questions at a time", p.widest)
		}
	})
}

// TestBulkRateLimit: after a rate limit the provider is not asked about anyone until it says
// so, and then about the one that it refused to answer about, too.
func TestBulkRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &paced{limit: 10, rest: 90 * time.Second}
		if got, _ := run(t, p, 100, 40); got.Adopted != 40 || got.Unreached != 0 {
			t.Errorf("%+v", got)
		}
		if len(p.asked) != 41 {
			t.Fatalf("%d questions", len(p.asked))
		}
		if rested := p.asked[10].Sub(p.asked[9]); rested < 90*time.Second || rested > 92*time.Second {
			t.Errorf("asked again after %v", rested)
		}
	})
}

// TestBulkGivesUp: a provider that does not come back ends the run with an error, after a few
// sessions and not one by one.
func TestBulkGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, p := newShelf(), &gone{}
		var sessions []adopt.BulkSession
		for i := range 1000 {
			sessions = append(sessions, adopt.BulkSession{ID: fmt.Sprintf("session-%d", i)})
		}
		bulk := &adopt.Bulk{Store: store, Rate: 100, Adopter: adopt.New(adopt.Config{
			Store: store, Provider: p, Policy: identity.Policy{AllowAnyone: true}, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		})}
		got, err := bulk.Run(t.Context(), listed(sessions))
		if !errors.Is(err, identity.ErrUnavailable) || got.Adopted != 0 || got.Unreached > 20 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// gone is a provider that is unreachable.
type gone struct{ identity.RedirectProvider }

func (*gone) Issuer() string { return "https://provider.example" }

func (*gone) Recheck(_ context.Context, t identity.Token) (identity.Person, identity.Token, error) {
	return identity.Person{}, t, &identity.UnavailableError{Reason: "unreachable"}
}
