package recheck_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	issuer = "https://login.example"
	grace  = time.Hour
)

// provider is one whose answers tests choose.
type provider struct {
	identity.RedirectProvider
	mu    sync.Mutex
	asked []identity.Token
	takes time.Duration
	err   error
	who   string // subject of the person it names
	gives string // refresh token of its answers

	renamed string // login of the person it names, "" for alice
}

func (*provider) Issuer() string { return issuer }

func (p *provider) Recheck(ctx context.Context, t identity.Token) (identity.Person, identity.Token, error) {
	p.mu.Lock()
	p.asked = append(p.asked, t)
	takes, err := p.takes, p.err
	next := t
	next.RefreshToken, next.Doubtful = p.gives, t.Doubtful && err != nil
	who := identity.Person{Issuer: issuer, Subject: p.who, Login: cmp.Or(p.renamed, "alice")}
	p.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return identity.Person{}, t, &identity.UnavailableError{Reason: "slow", Cause: ctx.Err()}
	}
	return who, next, err
}

func (p *provider) calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

// store is the database with one session, as the contract of storage.Store has it.
type store struct {
	mu      sync.Mutex
	grant   storage.Grant
	user    storage.User
	revoked []string // reasons
	away    bool

	extended int
}

func (s *store) session() recheck.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return recheck.Session{Token: "token", Grant: s.grant, User: s.user}
}

func (s *store) RefreshGrant(context.Context, storage.Hash, string, time.Time) (storage.Grant, storage.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revoked != nil {
		return storage.Grant{}, storage.User{}, storage.ErrNotFound
	}
	return s.grant, s.user, nil
}

func (s *store) LiveGrant(ctx context.Context, _ string, now time.Time) (storage.Grant, storage.User, error) {
	return s.RefreshGrant(ctx, "", "", now)
}

func (s *store) RevokeGrant(ctx context.Context, _ string, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = append(s.revoked, storage.ActorOf(ctx).Reason)
	return nil
}

func (s *store) RevokeGrants(ctx context.Context, f storage.GrantFilter, _ int, now time.Time) (int64, error) {
	if f != (storage.GrantFilter{UserID: s.user.ID}) {
		return 0, errAny
	}
	if s.isAway() {
		return 0, storage.ErrUnavailable
	}
	return 1, s.RevokeGrant(ctx, "", now)
}

func (s *store) isAway() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}

func (s *store) StartProviderCheck(_ context.Context, c storage.ProviderCheck, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Previous != s.grant.Provider.CheckID || s.grant.Provider.CheckUnderWay(now) {
		return storage.ErrSpent
	}
	s.grant.Provider.CheckID, s.grant.Provider.CheckUntil = c.ID, c.Until
	return nil
}

func (s *store) ExtendProviderCheck(_ context.Context, c storage.ProviderCheck) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ID != s.grant.Provider.CheckID || s.grant.Provider.CheckUntil.IsZero() {
		return storage.ErrNotFound
	}
	s.grant.Provider.CheckUntil = c.Until
	s.extended++
	return nil
}

func (s *store) FinishProviderCheck(ctx context.Context, c storage.ProviderCheck, a storage.ProviderAnswer, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.grant.Provider
	switch {
	case s.away:
		return storage.ErrUnavailable
	case c.ID != p.CheckID || p.CheckUntil.IsZero():
		return storage.ErrNotFound
	}
	p.CheckUntil, p.RetryAt = time.Time{}, a.RetryAt
	s.user.Limited = a.Limited || s.user.Limited && a.Person == nil
	if a.Token != nil {
		p.Token = a.Token
	}
	if a.Person != nil {
		p.CheckedAt = now
	}
	if a.Refused {
		s.revoked = append(s.revoked, storage.ActorOf(ctx).Reason)
	}
	return nil
}

// set is a checker with its surroundings: alice's session, confirmed a while ago.
type set struct {
	*store
	*provider
	checker *recheck.Checker
}

func newSet(t *testing.T, confirmed time.Duration) *set {
	t.Helper()
	token, err := identity.EncodeToken(identity.Token{Issuer: issuer, AccessToken: "access", RefreshToken: "first"})
	if err != nil {
		t.Fatal(err)
	}
	s := &set{provider: &provider{who: "1", gives: "second"}, store: &store{
		user:  storage.User{ID: "u_1", Person: storage.Person{Issuer: issuer, Subject: "1", Login: "alice"}},
		grant: storage.Grant{ID: "gr_1", UserID: "u_1", Provider: storage.ProviderState{GrantID: "gr_1", Token: token, CheckedAt: time.Now().Add(-confirmed)}},
	}}
	s.checker = s.replica(s.provider)
	t.Cleanup(func() { s.checker.Wait(context.Background()) })
	return s
}

// replica is another process on the same database.
func (s *set) replica(p identity.Provider) *recheck.Checker {
	return recheck.New(recheck.Config{
		Store: s.store, Provider: p, Policy: identity.Policy{Users: []string{"alice"}}, Grace: grace, Every: every,
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
}

func (s *set) token(t *testing.T) identity.Token {
	t.Helper()
	s.mu().Lock()
	defer s.mu().Unlock()
	token, err := identity.DecodeToken(s.grant.Provider.Token)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (s *set) mu() *sync.Mutex { return &s.store.mu }

var (
	errAway    = &identity.UnavailableError{Reason: "away", RetryAfter: time.Minute}
	errRefused = &identity.RefusedError{Reason: "the token was revoked"}
)

// TestConfirm: only a definite no ends a session; without an answer it lasts for the
// grace period.
func TestConfirm(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		confirmed time.Duration // how long ago
		change    func(*set)
		want      error
		asked     int
		ended     bool
	}{
		"confirmed":                       {0, func(*set) {}, nil, 1, false},
		"confirmed after a long time":     {100 * grace, func(*set) {}, nil, 1, false},
		"repeated":                        {100 * grace, func(s *set) { s.grant.Spent = true }, nil, 1, false},
		"repeated, refused":               {0, func(s *set) { s.grant.Spent, s.err = true, errRefused }, recheck.ErrRefused, 1, true},
		"refused by the provider":         {0, func(s *set) { s.err = errRefused }, recheck.ErrRefused, 1, true},
		"refused by the policy":           {0, func(s *set) { s.renamed = "mallory" }, recheck.ErrRefused, 1, true},
		"another account":                 {0, func(s *set) { s.who = "2" }, recheck.ErrRefused, 1, true},
		"away, in the grace period":       {grace - time.Second, func(s *set) { s.err = errAway }, nil, 1, false},
		"away, after the grace period":    {grace, func(s *set) { s.err = errAway }, identity.ErrUnavailable, 1, false},
		"misconfigured, in the period":    {0, func(s *set) { s.err = identity.ErrMisconfigured }, nil, 1, false},
		"slow, in the grace period":       {0, func(s *set) { s.takes = time.Minute }, nil, 1, false},
		"slow, after the grace period":    {grace, func(s *set) { s.takes = time.Minute }, identity.ErrUnavailable, 1, false},
		"not to be asked yet":             {0, func(s *set) { s.grant.Provider.RetryAt = time.Now().Add(time.Minute) }, nil, 0, false},
		"not to be asked yet, too late":   {grace, func(s *set) { s.grant.Provider.RetryAt = time.Now().Add(time.Minute) }, identity.ErrUnavailable, 0, false},
		"signed in by another provider":   {0, func(s *set) { s.user.Issuer = "https://other.example" }, recheck.ErrRefused, 0, true},
		"without a token of the provider": {0, func(s *set) { s.grant.Provider.Token = nil }, recheck.ErrRefused, 0, true},
		"the owner, with a provider now":  {0, func(s *set) { s.user.Issuer = identity.Local{}.Issuer() }, recheck.ErrRefused, 0, true},
		"the owner, with the password":    {100 * grace, func(s *set) { s.local() }, nil, 0, false},
		"someone else, with the password": {0, func(s *set) { s.local(); s.user.Issuer = issuer }, recheck.ErrRefused, 0, true},
		"a token that does not decode":    {grace, func(s *set) { s.grant.Provider.Token = []byte("{") }, errAny, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSet(t, tt.confirmed)
				tt.change(s)
				began := time.Now()
				err := s.checker.Confirm(t.Context(), s.session())
				if took := time.Since(began); took > 4*time.Second {
					t.Errorf("the client had to wait %v", took)
				}
				if tt.want == errAny && err == nil || tt.want != errAny && !errors.Is(err, tt.want) { //nolint:errorlint // the very one
					t.Errorf("error %v, want %v", err, tt.want)
				}
				if s.calls() != tt.asked || (s.revoked != nil) != tt.ended {
					t.Errorf("asked %d times, revoked %q; want %d, %t", s.calls(), s.revoked, tt.asked, tt.ended)
				}
			})
		})
	}
}

var errAny = errors.New("any error")

func (s *set) local() {
	s.checker = s.replica(identity.Local{})
	s.user.Issuer = identity.Local{}.Issuer()
}

// TestReason: the reason of a refusal is recorded, without the account's name.
func TestReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, 0)
		s.err = &identity.RefusedError{Login: "alice@example.com", Reason: "the account is suspended"}
		_ = s.checker.Confirm(t.Context(), s.session())
		if len(s.revoked) != 1 || s.revoked[0] != "the account is suspended" {
			t.Errorf("reasons %q", s.revoked)
		}
	})
}

// TestOneAsks: of refreshes at the same time, at two replicas, one asks. What it learns
// holds for all, and its new token is stored.
func TestOneAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, 100*grace)
		s.takes = time.Second
		replicas := []*recheck.Checker{s.checker, s.replica(s.provider)}
		session := s.session() // all look before one asks
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				if err := replicas[i%2].Confirm(t.Context(), session); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if s.calls() != 1 || s.token(t).RefreshToken != "second" {
			t.Errorf("asked %d times, refresh token %q", s.calls(), s.token(t).RefreshToken)
		}
	})
}

// TestOthersLearnTheNo: those who wait for another one's check learn that the session
// ended.
func TestOthersLearnTheNo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, 0)
		s.takes, s.err = time.Second, errRefused
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				err := s.checker.Confirm(t.Context(), s.session())
				if !errors.Is(err, recheck.ErrRefused) && !errors.Is(err, storage.ErrNotFound) {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// TestLateAnswer: a check continues when the client hangs up and when the database is
// away for a moment, and its result is stored.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, 100*grace)
		s.takes = 2 * time.Second
		s.away = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.checker.Confirm(ctx, s.session()); !errors.Is(err, identity.ErrUnavailable) {
			t.Errorf("hung up: %v", err)
		}
		time.Sleep(3 * time.Second)
		s.mu().Lock()
		s.away = false
		s.mu().Unlock()
		s.checker.Wait(t.Context())
		if s.token(t).RefreshToken != "second" || !s.grant.Provider.CheckUntil.IsZero() {
			t.Errorf("refresh token %q, under way until %v", s.token(t).RefreshToken, s.grant.Provider.CheckUntil)
		}
		if since := time.Since(s.grant.Provider.CheckedAt); since > time.Second {
			t.Errorf("confirmed %v ago", since)
		}
	})
}

// TestCheckLives: while a replica waits for the provider, its check is not abandoned; once
// it has died, it is within ten seconds.
func TestCheckLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, 0)
		s.takes = 9500 * time.Millisecond
		if err := s.checker.Confirm(t.Context(), s.session()); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			p := s.session().Grant.Provider
			if finished := p.CheckUntil.IsZero(); !finished && (!p.CheckUnderWay(time.Now()) || p.CheckUnderWay(time.Now().Add(10*time.Second))) {
				t.Errorf("at %v the check counts until %v", time.Now(), p.CheckUntil)
			}
			time.Sleep(time.Second)
		}
		s.checker.Wait(t.Context())
		if !s.session().Grant.Provider.CheckUntil.IsZero() || s.extended < 2 {
			t.Errorf("extended %d times, under way until %v", s.extended, s.grant.Provider.CheckUntil)
		}
	})
}

// TestAbandonedCheck: another replica died while it asked. Its token may be spent, so a
// refusal of it ends nothing before the grace period has passed.
func TestAbandonedCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		confirmed time.Duration
		want      error
	}{{0, nil}, {2 * grace, recheck.ErrRefused}} {
		synctest.Test(t, func(t *testing.T) {
			s := newSet(t, tt.confirmed)
			s.err = errRefused
			s.grant.Provider.CheckID, s.grant.Provider.CheckUntil = "pc_dead", time.Now()
			if err := s.checker.Confirm(t.Context(), s.session()); !errors.Is(err, tt.want) {
				t.Errorf("confirmed %v ago: %v, want %v", tt.confirmed, err, tt.want)
			}
			if s.calls() != 1 || !s.asked[0].Doubtful {
				t.Errorf("asked with %d tokens, doubtful %t", s.calls(), s.asked[0].Doubtful)
			}
		})
	}
}

// TestRest: a provider that failed is left alone for as long as it says, or for a moment.
func TestRest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		rest time.Duration
	}{{errAway, time.Minute}, {&identity.UnavailableError{Reason: "away", Cause: net.ErrClosed}, 5 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			s := newSet(t, 0)
			s.err = tt.err
			for _, step := range []struct {
				later time.Duration
				asked int
			}{{0, 1}, {tt.rest - time.Second, 1}, {time.Second, 2}} {
				time.Sleep(step.later)
				if err := s.checker.Confirm(t.Context(), s.session()); err != nil || s.calls() != step.asked {
					t.Errorf("%v later: %v, asked %d times, want %d", step.later, err, s.calls(), step.asked)
				}
			}
		})
	}
}
