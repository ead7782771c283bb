package recheck

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// askFor bounds the provider's answer. It is longer than any refresh waits: a
	// provider that renews its token does so for a late answer as well.
	askFor = identity.DefaultTimeout
	// checkLife is when others stop waiting for the replica that asks, which may have
	// died: it says every so often that it lives.
	checkLife   = 10 * time.Second
	extendEvery = 3 * time.Second
	// storeFor is for how long storing the result is tried.
	storeFor = 20 * time.Second
	// restFor is how long a provider is left alone that failed without saying when to
	// ask again.
	restFor = 5 * time.Second
	// storeEvery is how often storing the result is tried while the database is away.
	storeEvery = 250 * time.Millisecond
)

// longAgo is when a token expired that has to be renewed.
var longAgo = time.Unix(1, 0).UTC()

// check is one question to the provider, about the person of a grant.
type check struct {
	storage.ProviderCheck
	provider identity.RedirectProvider
	state    storage.ProviderState
	user     storage.User
	renew    bool // also a token that has not expired
	log      *slog.Logger
	answered chan struct{} // closed once the provider's part is over
	done     chan error    // gets the result, once it is stored
}

// start asks the provider, unless another refresh does, which is storage.ErrSpent. The
// check continues when the client hangs up, and its result is stored: the provider may
// have renewed its token, and then the previous one is worth nothing.
func (c *Checker) start(ctx context.Context, p identity.RedirectProvider, s Session) (*check, error) {
	k := &check{
		ProviderCheck: storage.ProviderCheck{
			UserID: s.User.ID, GrantID: s.Grant.Provider.GrantID, ID: oauth.NewID("pc"),
			Previous: s.Grant.Provider.CheckID, Until: c.Now().Add(checkLife),
		},
		provider: p, state: s.Grant.Provider, user: s.User, renew: s.renew,
		log:      c.Logger.With(logging.UserID, s.User.ID, logging.GrantID, s.Grant.ID),
		answered: make(chan struct{}), done: make(chan error, 1),
	}
	if err := c.Store.StartProviderCheck(ctx, k.ProviderCheck, c.Now()); err != nil {
		return nil, err
	}
	ctx = storage.WithoutPatience(ctx)
	c.background.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				k.log.ErrorContext(ctx, "panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
		}()
		alive, died := context.WithCancel(ctx)
		defer died()
		go c.extend(alive, k.ProviderCheck)
		k.done <- c.run(ctx, k)
	})
	return k, nil
}

// extend keeps a check from being abandoned until the context ends. The check itself
// finds out whether it still counts.
func (c *Checker) extend(ctx context.Context, check storage.ProviderCheck) {
	every := time.NewTicker(extendEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		check.Until = c.Now().Add(checkLife)
		_ = c.Store.ExtendProviderCheck(ctx, check) // until the next time
	}
}

// Wait waits until the checks that Confirm no longer waits for have finished too, or
// the context ends.
func (c *Checker) Wait(ctx context.Context) {
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		c.background.Wait()
	}()
	select {
	case <-finished:
	case <-ctx.Done():
	}
}

// run asks and stores the result. The error is nil when the person was confirmed,
// ErrRefused when refused, or says why nothing is known.
func (c *Checker) run(ctx context.Context, k *check) error {
	result, problem := c.askProvider(ctx, k)
	err := c.store(storage.WithReason(ctx, reasonOf(problem)), k, result)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return &identity.UnavailableError{Reason: "the user signed in again in the meantime, or the response took too long"}
	case err != nil:
		k.log.ErrorContext(ctx, "could not store the sign-in provider's response", logging.Error, err)
		return err
	case result.Refused:
		k.log.WarnContext(ctx, "user is no longer allowed: grants revoked", logging.Event, "sign_in_refused", logging.Reason, reasonOf(problem))
		return ErrRefused
	case problem != nil:
		k.log.WarnContext(ctx, "could not re-check the user with the sign-in provider", logging.Error, problem)
	}
	return problem
}

// askProvider asks who the token belongs to and applies the policy. The provider's new
// token is part of the result in any case.
func (c *Checker) askProvider(ctx context.Context, k *check) (storage.ProviderAnswer, error) {
	defer close(k.answered)
	before, err := identity.DecodeToken(k.state.Token)
	if err != nil {
		return storage.ProviderAnswer{}, err
	}
	before = Upstream(before, k.state.Upstream)
	sent := before
	sent.Doubtful = before.Doubtful || before.RefreshToken != "" && k.state.CheckAbandoned(c.Now())
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	if k.renew && sent.RefreshToken != "" {
		sent.Expiry = longAgo
	}
	person, token, err := k.provider.Recheck(ctx, sent)
	if token.Expiry.Equal(longAgo) {
		token.Expiry = before.Expiry
	}
	if err == nil {
		err = c.checkPerson(person, k.user)
	}
	result, err := c.resultOf(k, person, token, err)
	if token != before {
		var encoding error
		result.Token, encoding = identity.EncodeToken(token)
		err = errors.Join(err, encoding)
	}
	if k.state.Upstream != nil {
		result.Upstream = Renewed(before, token)
	}
	return result, err
}

// resultOf is what the provider's answer means for the person.
func (c *Checker) resultOf(
	k *check, person identity.Person, token identity.Token, err error,
) (storage.ProviderAnswer, error) {
	if err == nil {
		confirmed := Profile(person)
		return storage.ProviderAnswer{Person: &confirmed}, nil
	}
	if c.isDefinite(err, token, k.state) {
		return storage.ProviderAnswer{Refused: true}, err
	}
	if errors.Is(err, identity.ErrRefused) {
		err = &identity.UnavailableError{Reason: "the token may have been used up", Cause: err}
	}
	return storage.ProviderAnswer{
		RetryAt: c.Now().Add(restAfter(err)), Limited: isLimited(err),
	}, err
}

// checkPerson refuses a person who is not the one on record or may not sign in any
// more.
func (c *Checker) checkPerson(person identity.Person, user storage.User) error {
	if person.Subject != user.Subject {
		return &identity.RefusedError{Login: person.Login, Reason: "the provider's token belongs to a different account"}
	}
	return c.Policy.Check(person)
}

// isDefinite reports whether an error is the provider's or the policy's no. A token that
// the provider refuses says nothing while it may only be spent, by a replica that died
// before the answer came: then the session lasts for the grace period, and after that
// the person has to sign in again.
func (c *Checker) isDefinite(err error, token identity.Token, p storage.ProviderState) bool {
	var refusal *identity.RefusedError
	if !errors.As(err, &refusal) {
		return false
	}
	return refusal.Login != "" || !token.Doubtful || storage.Age(p.CheckedAt, c.Now()) >= c.Grace
}

// restAfter is how long to leave a provider alone that did not answer.
func restAfter(err error) time.Duration {
	var unavailable *identity.UnavailableError
	if errors.As(err, &unavailable) && unavailable.RetryAfter > restFor {
		return unavailable.RetryAfter
	}
	return restFor
}

// store records the result of a check, as long as the check counts.
func (c *Checker) store(ctx context.Context, k *check, result storage.ProviderAnswer) error {
	ctx, cancel := context.WithTimeout(ctx, storeFor)
	defer cancel()
	for {
		err := c.Store.FinishProviderCheck(ctx, k.ProviderCheck, result, c.Now())
		if !errors.Is(err, storage.ErrUnavailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(storeEvery):
		}
	}
}

// reasonOf is why someone was refused, without the account's name, which may be an
// email address and is stored encrypted only.
func reasonOf(err error) string {
	var refusal *identity.RefusedError
	if errors.As(err, &refusal) {
		return refusal.Reason
	}
	return ""
}
