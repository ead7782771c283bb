package recheck_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// renewing is a provider that renews tokens which have expired, each once.
type renewing struct {
	provider
	renewals int
}

func (p *renewing) Recheck(ctx context.Context, t identity.Token) (identity.Person, identity.Token, error) {
	who, _, err := p.provider.Recheck(ctx, t)
	if err != nil || t.RefreshToken == "" || t.Expiry.IsZero() || time.Now().Before(t.Expiry) {
		return who, t, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.renewals++
	t.AccessToken, t.RefreshToken = fmt.Sprint("access ", p.renewals), fmt.Sprint("refresh ", p.renewals)
	t.Expiry = time.Now().Add(8 * time.Hour)
	return who, t, nil
}

func (p *renewing) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.renewals
}

// leases are the database's.
type leases struct {
	mu    sync.Mutex
	held  map[string]string
	until map[string]time.Time
}

func (l *leases) LeaseRenewal(_ context.Context, user, upstream, holder string, until, now time.Time) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := user + " " + upstream
	if now.Before(l.until[name]) {
		return false, nil
	}
	l.held[name], l.until[name] = holder, until
	return true, nil
}

func (l *leases) EndRenewal(_ context.Context, user, upstream, holder string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if name := user + " " + upstream; l.held[name] == holder {
		delete(l.until, name)
	}
	return nil
}

// lent is alice's session with a token, on two replicas.
type lent struct {
	*set
	at       *renewing
	replicas []*recheck.Tokens
}

func newLent(t *testing.T, token identity.Token) *lent {
	t.Helper()
	l := &lent{set: newSet(t, 0), at: &renewing{provider: provider{who: "1"}}}
	token.Issuer, token.AccessToken = issuer, "access 0"
	l.put(t, token)
	shared := &leases{held: map[string]string{}, until: map[string]time.Time{}}
	for range 2 {
		l.replicas = append(l.replicas, &recheck.Tokens{Checker: l.replica(l.at), Renewals: shared})
	}
	t.Cleanup(func() {
		for _, r := range l.replicas {
			r.Wait(context.Background())
		}
	})
	return l
}

func (l *lent) put(t *testing.T, token identity.Token) {
	t.Helper()
	text, err := identity.EncodeToken(token)
	if err != nil {
		t.Fatal(err)
	}
	l.grant.Provider.Token = text
}

// fail makes the provider fail.
func (l *lent) fail(err error) {
	l.at.mu.Lock()
	defer l.at.mu.Unlock()
	l.at.err = err
}

// TestToken: a token is given out as it is until it has expired, and is renewed then. One that
// cannot be renewed ends the session.
func TestToken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		expires time.Duration // from now; 0 for never
		refresh string
		change  func(*lent)
		want    string
		err     error
		asked   int
		ended   bool
	}{
		"one that never expires":          {0, "", nil, "access 0", nil, 0, false},
		"one that is good":                {time.Minute, "refresh 0", nil, "access 0", nil, 0, false},
		"expired":                         {-time.Hour, "refresh 0", nil, "access 1", nil, 1, false},
		"refused":                         {-time.Hour, "refresh 0", func(l *lent) { l.at.err = errRefused }, "", recheck.ErrRefused, 1, true},
		"away":                            {-time.Hour, "refresh 0", func(l *lent) { l.at.err = errAway }, "", identity.ErrUnavailable, 1, false},
		"slow":                            {-time.Hour, "refresh 0", func(l *lent) { l.at.takes = time.Hour }, "", identity.ErrUnavailable, 1, false},
		"misconfigured":                   {-time.Hour, "refresh 0", func(l *lent) { l.at.err = identity.ErrMisconfigured }, "", identity.ErrUnavailable, 1, false},
		"expired, not to be renewed":      {-time.Hour, "", nil, "", recheck.ErrRefused, 0, true},
		"about to, not to be renewed":     {time.Second, "", nil, "access 0", nil, 0, false},
		"of another provider":             {0, "", func(l *lent) { l.user.Issuer = "https://other.example" }, "", recheck.ErrRefused, 0, true},
		"none":                            {0, "", func(l *lent) { l.grant.Provider.Token = nil }, "", recheck.ErrRefused, 0, true},
		"of a session that has ended":     {0, "", func(l *lent) { l.revoked = []string{"by the user"} }, "", storage.ErrNotFound, 0, true},
		"the provider is not to be asked": {-time.Hour, "refresh 0", func(l *lent) { l.grant.Provider.RetryAt = time.Now().Add(time.Minute) }, "", identity.ErrUnavailable, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				token := identity.Token{RefreshToken: tt.refresh}
				if tt.expires != 0 {
					token.Expiry = time.Now().Add(tt.expires).UTC()
				}
				l := newLent(t, token)
				if tt.change != nil {
					tt.change(l)
				}
				got, err := l.replicas[0].Token(t.Context(), "gr_1")
				if got != tt.want || !errors.Is(err, tt.err) {
					t.Errorf("got %q, %v; want %q, %v", got, err, tt.want, tt.err)
				}
				if l.at.calls() != tt.asked || (l.revoked != nil) != tt.ended {
					t.Errorf("asked %d times, revoked %q; want %d, %v", l.at.calls(), l.revoked, tt.asked, tt.ended)
				}
			})
		})
	}
}

// TestTokenRenewedOnce: of many calls on two replicas, one renews a token that has expired.
func TestTokenRenewedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLent(t, identity.Token{RefreshToken: "refresh 0", Expiry: time.Now().Add(-time.Second).UTC()})
		l.at.takes = time.Second
		l.everyReplica(t, "access 1", func(r *recheck.Tokens) (string, error) { return r.Token(t.Context(), "gr_1") })
	})
}

// everyReplica wants the same token for many calls on each replica, and one renewal.
func (l *lent) everyReplica(t *testing.T, want string, call func(*recheck.Tokens) (string, error)) {
	t.Helper()
	var calls sync.WaitGroup
	for _, r := range l.replicas {
		for range 10 {
			calls.Go(func() {
				if got, err := call(r); got != want || err != nil {
					t.Errorf("got %q, %v; want %q", got, err, want)
				}
			})
		}
	}
	calls.Wait()
	if n := l.at.count(); n != 1 {
		t.Errorf("%d renewals, want one", n)
	}
}

// TestRenewedOnce: of many refusals on two replicas, one renews the token; the others get the
// same.
func TestRenewedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLent(t, identity.Token{RefreshToken: "refresh 0", Expiry: time.Now().Add(time.Hour).UTC()})
		l.at.takes = time.Second
		l.everyReplica(t, "access 1", func(r *recheck.Tokens) (string, error) { return r.Renew(t.Context(), "gr_1", "tickets", "access 0") })
	})
}

// TestRenew: a refusal renews a token that has not expired, once in five minutes for each
// upstream, on all replicas.
func TestRenew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLent(t, identity.Token{RefreshToken: "refresh 0"})
		for i, step := range []struct {
			later             time.Duration
			replica           int
			upstream, refused string
			want              string
			err               error
		}{
			{0, 0, "tickets", "access 0", "access 1", nil},
			{0, 1, "tickets", "access 0", "access 1", nil}, // what was renewed meanwhile
			{0, 0, "tickets", "access 1", "", recheck.ErrNotRenewed},
			{4 * time.Minute, 1, "tickets", "access 1", "", recheck.ErrNotRenewed},
			{0, 1, "notes", "access 1", "access 2", nil},
			{0, 0, "tickets", "access 1", "access 2", nil},
			{time.Minute, 1, "tickets", "access 2", "access 3", nil},
		} {
			time.Sleep(step.later)
			got, err := l.replicas[step.replica].Renew(t.Context(), "gr_1", step.upstream, step.refused)
			if got != step.want || !errors.Is(err, step.err) {
				t.Errorf("step %d: %q, %v; want %q, %v", i, got, err, step.want, step.err)
			}
		}
		if n := l.at.count(); n != 3 {
			t.Errorf("%d renewals, want 3", n)
		}
		if token := l.token(t); token.Expiry.Before(time.Now()) {
			t.Errorf("the token counts as expired since %v", token.Expiry)
		}
	})
}

// TestRenewFails: a provider that says no ends the session; one that does not answer may be
// asked again later, and one that has no other token may not.
func TestRenewFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		refresh string
		change  func(*lent)
		err     error
		ended   bool
		then    string // after the provider recovered and rested
	}{
		"refused":        {"refresh 0", func(l *lent) { l.fail(errRefused) }, recheck.ErrRefused, true, ""},
		"away":           {"refresh 0", func(l *lent) { l.fail(errAway) }, identity.ErrUnavailable, false, "access 1"},
		"no other token": {"", func(*lent) {}, recheck.ErrNotRenewed, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLent(t, identity.Token{RefreshToken: tt.refresh, Expiry: time.Now().Add(time.Hour).UTC()})
				before := l.token(t)
				tt.change(l)
				renew := func(replica int) (string, error) {
					return l.replicas[replica].Renew(t.Context(), "gr_1", "tickets", "access 0")
				}
				for i := range 3 {
					if got, err := renew(i % 2); got != "" || !errors.Is(err, tt.err) && (i == 0 || !tt.ended) {
						t.Errorf("try %d: %q, %v; want %v", i, got, err, tt.err)
					}
				}
				if l.at.calls() != 1 || (l.revoked != nil) != tt.ended {
					t.Errorf("asked %d times, revoked %q", l.at.calls(), l.revoked)
				}
				if token := l.token(t); !token.Expiry.Equal(before.Expiry) {
					t.Errorf("the token expires at %v instead of %v", token.Expiry, before.Expiry)
				}
				l.fail(nil)
				time.Sleep(time.Minute + time.Second)
				if got, _ := renew(0); got != tt.then {
					t.Errorf("later: %q, want %q", got, tt.then)
				}
			})
		})
	}
}
