package recheck

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// uses are the confirmations that uses of access tokens have started in this process, by
// grant. They only save questions to the database, which holds the check itself.
type uses struct {
	mu       sync.Mutex
	underWay map[string]*use
}

// use is one of them. Its error is set before done is closed.
type use struct {
	done chan struct{}
	err  error
}

// ConfirmUse makes sure that the person of an access token in use may still sign in: it
// compares the operator's lists with what is stored, see CheckLists, and asks the provider when the last confirmation is older than Every. The call continues
// meanwhile, and a refusal revokes the grant. The call waits for the answer, no longer
// than a refresh, in two cases: no one called for so long that the answer is overdue by
// another Every, unless the provider did not answer the last time; or the grace
// period has passed, after which nothing but a confirmation will do.
//
// Errors are those of Confirm. Within the grace period only ErrRefused and
// storage.ErrNotFound, which say that the session ended, are returned.
func (c *Checker) ConfirmUse(ctx context.Context, a storage.Access) error {
	if err := c.CheckLists(ctx, a.User); err != nil || a.Outage != nil {
		return err // without the database nothing else can be recorded, and the cache sets the limit
	}
	age, every := storage.Age(confirmedAt(a), c.Now()), c.every(a)
	if every <= 0 || age < every || c.isOwn(a.User) {
		return nil
	}
	within := age < c.graceOf(a.User.Limited)
	if within && storage.Ahead(a.RetryAt, c.Now(), storage.LongestRest) {
		return nil
	}
	u := c.startUse(ctx, a.GrantID)
	if within && (age < 2*every || !a.RetryAt.IsZero()) {
		return nil
	}
	select {
	case <-u.done:
	case <-ctx.Done():
		return &identity.UnavailableError{Reason: "no response yet", Cause: ctx.Err()}
	}
	if within && !ended(u.err) {
		return nil
	}
	return u.err
}

// personalEvery is Every for personal tokens if only refreshes ask: they have none.
const personalEvery = time.Hour

// every is how old a confirmation may be before a use of a token asks again; 0 for any age.
func (c *Checker) every(a storage.Access) time.Duration {
	if c.Every <= 0 && a.IsPersonal() {
		return personalEvery
	}
	return c.Every
}

// confirmedAt is when the person of a token was known to be allowed: a token was issued
// to one without a provider's token, whom another provider may have signed in.
func confirmedAt(a storage.Access) time.Time {
	if a.ConfirmedAt.IsZero() {
		return a.IssuedAt
	}
	return a.ConfirmedAt
}

// isOwn reports whether a user signed in with a password here, which no one else can
// take back.
func (c *Checker) isOwn(user storage.User) bool {
	_, redirects := c.Provider.(identity.RedirectProvider)
	return !redirects && user.Issuer == c.Provider.Issuer()
}

// ended reports whether an error says that a session is over.
func ended(err error) bool {
	return errors.Is(err, ErrRefused) || errors.Is(err, storage.ErrNotFound)
}

// startUse confirms the person of a grant in the background, once at a time.
func (c *Checker) startUse(ctx context.Context, grantID string) *use {
	c.uses.mu.Lock()
	defer c.uses.mu.Unlock()
	if u := c.uses.underWay[grantID]; u != nil {
		return u
	}
	if c.uses.underWay == nil {
		c.uses.underWay = make(map[string]*use)
	}
	u := &use{done: make(chan struct{}), err: errPanic}
	c.uses.underWay[grantID] = u
	ctx = storage.WithoutPatience(ctx)
	c.background.Go(func() {
		defer func() { c.endUse(ctx, grantID, u, recover()) }()
		u.err = c.confirmNow(ctx, grantID)
	})
	return u
}

var errPanic = errors.New("the check did not end")

// endUse tells those who wait, and lets the next use ask again.
func (c *Checker) endUse(ctx context.Context, grantID string, u *use, panicked any) {
	if panicked != nil {
		c.Logger.ErrorContext(ctx, "panic", "panic", fmt.Sprint(panicked), "stack", string(debug.Stack()))
	} else if u.err != nil && !ended(u.err) && !errors.Is(u.err, identity.ErrUnavailable) {
		c.Logger.WarnContext(ctx, "could not re-check the user of a call", logging.Error, u.err, logging.GrantID, grantID)
	}
	c.uses.mu.Lock()
	delete(c.uses.underWay, grantID)
	c.uses.mu.Unlock()
	close(u.done)
}

// confirmNow is Confirm for a grant, unless its person was just confirmed: what a call
// knows of that may be half a second old.
func (c *Checker) confirmNow(ctx context.Context, grantID string) error {
	grant, user, err := c.Store.LiveGrant(ctx, grantID, c.Now())
	if err != nil {
		return err
	}
	if grant.Provider.Token != nil && storage.Age(grant.Provider.CheckedAt, c.Now()) < c.Every {
		return nil
	}
	return c.Confirm(ctx, Session{Grant: grant, User: user})
}
