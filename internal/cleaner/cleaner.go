package cleaner

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// every is how long all replicas rest after one of them has cleaned.
	every = 4 * time.Minute
	// lookEvery is how often each replica looks whether it is time.
	lookEvery = 30 * time.Second
	// leaseTime is how long a lease lasts, and renewEvery how often its holder renews it.
	leaseTime, renewEvery = time.Minute, 15 * time.Second
	// rowsAtOnce is how many rows of a kind, and tokensAtOnce how many of the
	// provider's tokens, are done in a row.
	rowsAtOnce, tokensAtOnce = 1000, 20
)

// Store is what the cleaner needs of the store.
type Store interface {
	// DeleteExpired is storage.Maintenance's.
	DeleteExpired(ctx context.Context, now time.Time, keep storage.Retention, limit int) (int64, error)
	// LeaseCleaning makes holder the one that cleans until the given time, and says
	// whether it is: of any number of replicas one is.
	LeaseCleaning(ctx context.Context, holder string, until, now time.Time) (bool, error)
	// EndCleaning ends the lease of holder. No one gets it before freeAt.
	EndCleaning(ctx context.Context, holder string, freeAt time.Time) error
}

// Cleaner cleans.
type Cleaner struct {
	Store Store
	// ReturnTokens returns up to limit unneeded tokens to the sign-in provider and says
	// how many there were.
	ReturnTokens func(ctx context.Context, limit int) (int, error)
	Keep         storage.Retention
	Now          func() time.Time
	Log          *slog.Logger

	holder string
}

// Run cleans until the context ends.
func (c *Cleaner) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		c.Round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Cleaned counts what was removed.
type Cleaned struct {
	Rows           int64 // that were expired or too old
	ProviderTokens int64 // that no one needed
}

// Round cleans if it is time and no other replica does, and reports whether it did.
func (c *Cleaner) Round(ctx context.Context) bool {
	_, held, err := c.Once(ctx)
	if (!held || errors.Is(err, errLost)) && err != nil && ctx.Err() == nil {
		c.Log.WarnContext(ctx, "could not lease the cleaning", "error", err)
	}
	return held
}

// Once is Round with what it removed, also before an error. Without the lease, held is false.
func (c *Cleaner) Once(ctx context.Context) (done Cleaned, held bool, err error) {
	if c.holder == "" {
		c.holder = rand.Text()
	}
	if held, err = c.lease(ctx); !held || err != nil {
		return done, false, err
	}
	work, lost := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		c.renew(work, lost)
	}()
	done, err = c.clean(work)
	if cause := context.Cause(work); errors.Is(cause, errLost) {
		err = cause
	}
	lost(nil)
	<-renewed
	next := c.Now()
	if err == nil {
		next = next.Add(every)
	}
	c.end(ctx, next)
	return done, true, err
}

// errLost ends the work of one whose lease another process has.
var errLost = errors.New("another process cleans by now")

// lease takes or renews the lease.
func (c *Cleaner) lease(ctx context.Context) (bool, error) {
	now := c.Now()
	return c.Store.LeaseCleaning(ctx, c.holder, now.Add(leaseTime), now)
}

// renew keeps the lease until the work ends, and ends the work when it is lost.
func (c *Cleaner) renew(work context.Context, lost context.CancelCauseFunc) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-work.Done():
			return
		case <-tick.C:
			if held, err := c.lease(work); !held || err != nil {
				lost(errors.Join(errLost, err))
				return
			}
		}
	}
}

// end gives the lease back, also while the program ends: others need not wait.
func (c *Cleaner) end(ctx context.Context, freeAt time.Time) {
	const timeout = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if err := c.Store.EndCleaning(ctx, c.holder, freeAt); err != nil {
		c.Log.WarnContext(ctx, "could not end the lease of the cleaning", "error", err)
	}
}

// clean does all that there is to do.
func (c *Cleaner) clean(ctx context.Context) (Cleaned, error) {
	var done Cleaned
	for {
		returned, err := c.ReturnTokens(ctx, tokensAtOnce)
		done.ProviderTokens += int64(returned)
		if err != nil && ctx.Err() == nil {
			c.Log.WarnContext(ctx, "could not take the sign-in provider's tokens that no one needs", "error", err)
		}
		deleted, deleteErr := c.Store.DeleteExpired(ctx, c.Now(), c.Keep, rowsAtOnce)
		done.Rows += deleted
		if deleteErr != nil && ctx.Err() == nil {
			c.Log.WarnContext(ctx, "could not delete expired rows", "error", deleteErr)
		}
		if deleted > 0 || returned > 0 {
			c.Log.DebugContext(ctx, "cleaned", "rows", deleted, "provider_tokens", returned)
		}
		if err = cmp.Or(deleteErr, err, ctx.Err()); err != nil || deleted < rowsAtOnce && returned < tokensAtOnce {
			return done, err
		}
	}
}
