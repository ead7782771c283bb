package adopt

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// bulkWorkers bounds questions that are on their way.
	bulkWorkers = 8
	// bulkRetries is how often a session is tried while the provider is unavailable.
	bulkRetries = 3
	// bulkPatience is how many sessions in a row find it so before a run gives up.
	bulkPatience = 5
)

// BulkSession is a session to take over before one of its tokens comes.
type BulkSession struct {
	ID string
	// Until is when its tokens end; zero for a year from now, the longest that they live.
	Until time.Time
}

// Sessions calls f with sessions to take over, until f fails.
type Sessions func(ctx context.Context, f func(BulkSession) error) error

// longestSession is how long tokens of FastMCP live at most.
const longestSession = 365 * 24 * time.Hour

// BulkResult counts what became of sessions.
type BulkResult struct {
	Adopted int64 `json:"adopted"`
	Known   int64 `json:"already_adopted"`
	// Postponed sessions need a new token of the provider, which they get when one of their
	// tokens comes.
	Postponed int64 `json:"left_for_first_use"`
	Refused   int64 `json:"refused"`     // by the provider or the policy
	Gone      int64 `json:"ended"`       // since they were listed
	Busy      int64 `json:"in_progress"` // at a server
	Unreached int64 `json:"provider_unavailable"`
}

// Done is how many were looked at.
func (r BulkResult) Done() int64 {
	return r.Adopted + r.Known + r.Postponed + r.Refused + r.Gone + r.Busy + r.Unreached
}

// Bulk takes over many sessions. Servers, other runs and FastMCP may work on the same rows:
// each session is taken over once, and no token of the provider is renewed unless Renew says
// so, since FastMCP may be renewing the same one.
type Bulk struct {
	Adopter  *Adopter
	Store    storage.BulkAdoptionStore
	Rate     float64 // questions to the provider per second; 0 for as many as it answers
	Renew    bool    // FastMCP does not run any more
	Progress func(BulkResult)

	mu      sync.Mutex
	result  BulkResult
	failed  error
	missed  int       // sessions in a row that the provider did not answer about
	notTill time.Time // while the provider wants to be left alone
	next    time.Time // the earliest time of the next question
}

// Run takes over sessions. What it has done stays when it is interrupted, and another run
// continues. The error is that of the store, or ErrUnavailable of identity when the provider
// stayed away.
func (b *Bulk) Run(ctx context.Context, sessions Sessions) (BulkResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan BulkSession)
	var workers sync.WaitGroup
	for range bulkWorkers {
		workers.Go(func() {
			for s := range queue {
				if err := b.one(ctx, s); err != nil {
					b.fail(err)
					cancel()
				}
			}
		})
	}
	err := sessions(ctx, func(s BulkSession) error {
		select {
		case queue <- s:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	close(queue)
	workers.Wait()
	b.fail(cmp.Or(err, ctx.Err()))
	return b.result, b.failed
}

// fail keeps the first error.
func (b *Bulk) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = cmp.Or(b.failed, err)
}

// count counts a session.
func (b *Bulk) count(add func(*BulkResult)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	add(&b.result)
	if b.Progress != nil {
		b.Progress(b.result)
	}
}

// one takes over a session, or counts why not.
func (b *Bulk) one(ctx context.Context, s BulkSession) error {
	for try := 0; ; try++ {
		counted, err := b.try(ctx, s)
		var unavailable *identity.UnavailableError
		switch {
		case err == nil:
			b.count(counted)
			return nil
		case !errors.As(err, &unavailable):
			return err
		case unavailable.Own, errors.Is(unavailable.Cause, identity.ErrRefused): // this session alone
			b.count(func(r *BulkResult) { r.Unreached++ })
			return nil
		case try == bulkRetries:
			return b.miss(err)
		}
		b.rest(max(restFor, unavailable.RetryAfter))
	}
}

// miss counts a session that the provider did not answer about, and gives up after some.
func (b *Bulk) miss(err error) error {
	b.count(func(r *BulkResult) {
		r.Unreached++
		b.missed++
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.missed < bulkPatience {
		return nil
	}
	return err
}

// try makes one attempt, which returns how to count it.
func (b *Bulk) try(ctx context.Context, s BulkSession) (func(*BulkResult), error) {
	now := b.Adopter.Now()
	session, err := b.Store.SessionByID(ctx, s.ID, now)
	switch {
	case isGone(err):
		return func(r *BulkResult) { r.Gone++ }, nil
	case err != nil:
		return nil, err
	case session.GrantID != "":
		return func(r *BulkResult) { r.Known++ }, nil
	case !session.RefusedAt.IsZero() && now.Before(session.RetryAt):
		return func(r *BulkResult) { r.Refused++ }, nil
	case now.Before(session.CheckUntil):
		return func(r *BulkResult) { r.Busy++ }, nil
	case !b.Renew && expiresSoon(session.Upstream, now):
		return func(r *BulkResult) { r.Postponed++ }, nil
	}
	if err := b.Adopter.knows(ctx, session.ClientID); isGone(err) {
		return func(r *BulkResult) { r.Gone++ }, nil
	} else if err != nil {
		return nil, err
	}
	if err := b.wait(ctx, session.RetryAt); err != nil {
		return nil, err
	}
	return b.ask(ctx, s, session)
}

func isGone(err error) bool {
	return errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrUnreadable)
}

// expiresSoon reports whether a token would have to be renewed to ask.
func expiresSoon(u storage.UpstreamTokens, now time.Time) bool {
	const leeway = 5 * time.Minute
	return !u.ExpiresAt.IsZero() && !now.Add(leeway).Before(u.ExpiresAt)
}

// ask asks the provider whose a session is, and stores the result.
func (b *Bulk) ask(ctx context.Context, s BulkSession, session storage.ForeignSession) (func(*BulkResult), error) {
	provider, redirects := b.Adopter.Provider.(identity.RedirectProvider)
	if !redirects {
		return nil, identity.ErrMisconfigured
	}
	k := &attempt{
		Adoption: storage.Adoption{SessionID: s.ID, ID: oauth.NewID("ad"), Until: b.Adopter.Now().Add(attemptLife)},
		provider: provider, session: session, token: storage.ForeignToken{ClientID: session.ClientID},
		log: b.Adopter.Logger.With(logging.ClientID, session.ClientID), hold: s.Until, answered: make(chan struct{}),
	}
	if k.hold.IsZero() {
		k.hold = b.Adopter.Now().Add(longestSession)
	}
	if !b.Renew {
		k.session.Upstream.RefreshToken = "" // so that it cannot be used
	}
	var err error
	if k.state, err = b.Adopter.Store.StartAdoption(ctx, k.Adoption, b.Adopter.Now()); errors.Is(err, storage.ErrSpent) {
		return func(r *BulkResult) { r.Busy++ }, nil
	} else if err != nil {
		return nil, err
	}
	k.kept = !b.Renew && session.Upstream.RefreshToken != ""
	err = b.Adopter.run(context.WithoutCancel(ctx), k) // a renewed token must be stored
	switch {
	case errors.Is(err, errPostponed):
		return func(r *BulkResult) { r.Postponed++ }, nil
	case errors.Is(err, ErrRefused):
		return func(r *BulkResult) { r.Refused++ }, nil
	case err != nil:
		return nil, err
	}
	return func(r *BulkResult) {
		r.Adopted++
		b.missed = 0
	}, nil
}

// wait paces the questions: it returns when the next one may be asked.
func (b *Bulk) wait(ctx context.Context, notBefore time.Time) error {
	for {
		b.mu.Lock()
		now := time.Now()
		at := latest(now, b.notTill, b.next, now.Add(time.Until(notBefore)))
		if !at.After(now) {
			if b.Rate > 0 {
				b.next = now.Add(time.Duration(float64(time.Second) / b.Rate))
			}
			b.mu.Unlock()
			return ctx.Err()
		}
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(at)):
		}
	}
}

func latest(times ...time.Time) time.Time {
	var last time.Time
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// rest leaves the provider alone.
func (b *Bulk) rest(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notTill = latest(b.notTill, time.Now().Add(d))
}

// errPostponed means that the provider refused a token that FastMCP may have renewed.
var errPostponed = errors.New("the session is left for its first use")

// postponed turns a refusal of an access token into nothing: without the refresh token,
// which is not used here, it says little.
func (k *attempt) postponed(result storage.AdoptionResult, err error) (storage.AdoptionResult, error) {
	var refused *identity.RefusedError
	if k.kept && errors.As(err, &refused) && refused.Login == "" {
		result.Refused, result.RetryAt = false, time.Time{}
		return result, errPostponed
	}
	return result, err
}

// before is the provider's token of a session.
func (k *attempt) before() identity.Token {
	return recheck.Upstream(identity.Token{Issuer: k.provider.Issuer()}, &k.session.Upstream)
}
