package recheck

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// waitFor is how long Confirm waits for the provider, whichever replica asks it:
	// clients wait for tokens five seconds or so.
	waitFor = 4 * time.Second
	// pollEvery is how often Confirm looks for the result of another one's check.
	pollEvery = 100 * time.Millisecond
)

// ErrRefused means that the person may no longer sign in. Their grant is revoked.
var ErrRefused = errors.New("the person may no longer sign in")

// Store keeps grants and checks. It is the part of storage.Store that this package
// uses; the promises are written there.
type Store interface {
	RefreshGrant(ctx context.Context, token storage.Hash, clientID string, now time.Time) (storage.Grant, storage.User, error)
	LiveGrant(ctx context.Context, grantID string, now time.Time) (storage.Grant, storage.User, error)
	RevokeGrant(ctx context.Context, grantID string, now time.Time) error
	RevokeGrants(ctx context.Context, f storage.GrantFilter, limit int, now time.Time) (int64, error)
	StartProviderCheck(ctx context.Context, c storage.ProviderCheck, now time.Time) error
	ExtendProviderCheck(ctx context.Context, c storage.ProviderCheck) error
	FinishProviderCheck(ctx context.Context, c storage.ProviderCheck, a storage.ProviderAnswer, now time.Time) error
}

// Config is what a checker is made of. All of it is required.
type Config struct {
	Store    Store
	Provider identity.Provider
	Policy   identity.Policy
	// Grace is how long after the last confirmation a session lasts whose person the
	// provider cannot be asked about; 0 for not at all.
	Grace time.Duration
	// Every is how old a confirmation may be before a use of an access token asks again;
	// 0 for any age.
	Every  time.Duration
	Logger *slog.Logger
	Now    func() time.Time
}

// Checker asks the provider.
type Checker struct {
	Config
	background sync.WaitGroup
	uses       uses
}

// New returns a checker.
func New(cfg Config) *Checker { return &Checker{Config: cfg} }

// Session is a session that a client wants to refresh, as storage.GrantStore's
// RefreshGrant returned it, or one in use, as LiveGrant did.
type Session struct {
	Token storage.Hash // the refresh token that was presented; "" for a session in use
	Grant storage.Grant
	User  storage.User
	renew bool // the token is refused although it has not expired
}

// Confirm makes sure that the person of a session may still sign in. The operator's lists
// are compared with what is stored of the person, see CheckLists. Then the provider is
// asked, once for all refreshes at the same time. While there is no answer, sessions last
// until the last confirmation is older than the grace period; after that the refresh has
// to be repeated, and nothing is lost; a limit that only this account has met shortens
// that period to Every.
//
// Errors are ErrRefused, identity.ErrUnavailable and identity.ErrMisconfigured, or those of
// the store: storage.ErrNotFound when the session ended meanwhile.
func (c *Checker) Confirm(ctx context.Context, s Session) error {
	if err := c.CheckLists(ctx, s.User); err != nil {
		return err
	}
	provider, redirects := c.Provider.(identity.RedirectProvider)
	switch {
	case s.User.Issuer != c.Provider.Issuer():
		return c.endForeign(ctx, s)
	case !redirects:
		return nil // the password is the permission
	case s.Grant.Provider.Token == nil:
		return c.endForeign(ctx, s)
	}
	return c.confirm(ctx, provider, s)
}

// lookAgain reads the grant and the user of a session once more.
func (c *Checker) lookAgain(ctx context.Context, s Session) (Session, error) {
	var err error
	if s.Token == "" {
		s.Grant, s.User, err = c.Store.LiveGrant(ctx, s.Grant.ID, c.Now())
	} else {
		s.Grant, s.User, err = c.Store.RefreshGrant(ctx, s.Token, s.Grant.ClientID, c.Now())
	}
	return s, err
}

// confirm starts a check or waits for the one that is under way.
func (c *Checker) confirm(ctx context.Context, p identity.RedirectProvider, s Session) error {
	waiting, cancel := context.WithTimeout(ctx, waitFor)
	defer cancel()
	first, began := s.Grant.Provider, c.Now()
	for !checkedSince(first, s.Grant.Provider) && !storage.Ahead(s.Grant.Provider.RetryAt, c.Now(), storage.LongestRest) {
		if !s.Grant.Provider.CheckUnderWay(c.Now()) {
			k, err := c.start(waiting, p, s)
			if err == nil {
				return c.await(waiting, k, s, began)
			}
			if !errors.Is(err, storage.ErrSpent) {
				return err
			}
		}
		select {
		case <-waiting.Done():
			return c.withinGrace(s, began, waiting.Err())
		case <-time.After(pollEvery):
			storage.Excuse(waiting, pollEvery)
		}
		var err error
		before := s
		s, err = c.lookAgain(waiting, s)
		switch {
		case waiting.Err() != nil:
			return c.withinGrace(before, began, waiting.Err())
		case err != nil:
			return err
		}
	}
	return c.withinGrace(s, began, nil)
}

// checkedSince reports whether the provider was asked since the first look: a check that
// was not there or under way then has finished, or there was another sign-in.
func checkedSince(first, now storage.ProviderState) bool {
	finished := now.CheckUntil.IsZero() && (now.CheckID != first.CheckID || !first.CheckUntil.IsZero())
	return finished || now.GrantID != first.GrantID
}

// await waits for the result of a check that this refresh started: for the provider, whose
// time is its own, and then for the database to store it.
func (c *Checker) await(ctx context.Context, k *check, s Session, began time.Time) error {
	asked := time.Now()
	select {
	case <-k.answered:
	case <-ctx.Done():
	}
	storage.Excuse(ctx, time.Since(asked))
	storing, cancel := storage.Step(ctx)
	defer cancel()
	var err error
	select {
	case err = <-k.done:
	case <-storing.Done():
		err = &identity.UnavailableError{Reason: "no response yet", Cause: storing.Err()}
	}
	if errors.Is(err, identity.ErrUnavailable) || errors.Is(err, identity.ErrMisconfigured) {
		return c.withinGrace(s, began, err)
	}
	return err
}

// withinGrace returns nil when the provider has confirmed the person since the refresh
// began, or within the grace period before. The cause is why it was not asked now.
func (c *Checker) withinGrace(s Session, began time.Time, cause error) error {
	p, now := s.Grant.Provider, c.Now()
	grace := c.graceOf(s.User.Limited || isLimited(cause))
	if age := storage.Age(p.CheckedAt, now); age <= now.Sub(began.Truncate(time.Second)) || age < grace {
		return nil
	}
	unconfirmed := &identity.UnavailableError{
		Reason:     "the provider has not confirmed the user within the grace period",
		RetryAfter: max(0, p.RetryAt.Sub(now)), Cause: cause,
	}
	var unavailable *identity.UnavailableError
	if errors.As(cause, &unavailable) {
		unconfirmed.RetryAfter = unavailable.RetryAfter
	}
	return unconfirmed
}

// endForeign ends the session of a user whom the configured provider does not know:
// another one signed them in.
func (c *Checker) endForeign(ctx context.Context, s Session) error {
	return c.end(ctx, s, "signed in with a provider that is no longer configured")
}

// end revokes the grant of a session whose user has to sign in again.
func (c *Checker) end(ctx context.Context, s Session, reason string) error {
	c.Logger.WarnContext(ctx, "user is no longer allowed: grant revoked",
		logging.Event, "sign_in_refused", logging.UserID, s.User.ID, logging.GrantID, s.Grant.ID, logging.Reason, reason)
	err := c.Store.RevokeGrant(storage.WithReason(ctx, reason), s.Grant.ID, c.Now())
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return ErrRefused
}
