package adopt

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
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// askFor bounds the provider's answer, longer than any request waits: a token that it
	// renews for a late answer is kept as well.
	askFor = identity.DefaultTimeout
	// attemptLife is when others stop waiting for the replica that asks, which may have
	// died: longer than to ask and to store the result, with room for clocks that differ.
	attemptLife = 30 * time.Second
	// restFor is how long a provider is left alone that failed without saying when to ask
	// again, and refusedFor one that refused.
	restFor    = 5 * time.Second
	refusedFor = time.Minute
	// storeEvery is how often storing the result is tried while the database is away.
	storeEvery = 250 * time.Millisecond
)

// attempt is one question to the provider, about the person of a session.
type attempt struct {
	storage.Adoption
	state    storage.AdoptionState
	provider identity.RedirectProvider
	session  storage.ForeignSession
	token    storage.ForeignToken
	log      *slog.Logger
	hold     time.Time     // until when the grant is kept without a token, zero if one was presented
	kept     bool          // the session's refresh token is left alone
	answered chan struct{} // closed once the provider's part is over
	done     chan error    // gets the result, once it is stored
}

// start asks the provider, unless another request does, which is storage.ErrSpent. The
// attempt continues when the client hangs up: the provider may have renewed its token.
func (a *Adopter) start(ctx context.Context, t storage.ForeignToken, s storage.ForeignSession) (*attempt, error) {
	provider, redirects := a.Provider.(identity.RedirectProvider)
	if !redirects {
		return nil, storage.ErrNotFound // a password cannot be asked whose session it is
	}
	ctx = storage.WithoutPatience(ctx)
	k := &attempt{
		Adoption: storage.Adoption{SessionID: s.ID, ID: oauth.NewID("ad"), Until: a.Now().Add(attemptLife)},
		provider: provider, session: s, token: t, log: a.Logger.With(logging.ClientID, t.ClientID),
		answered: make(chan struct{}), done: make(chan error, 1),
	}
	var err error
	if k.state, err = a.Store.StartAdoption(ctx, k.Adoption, a.Now()); err != nil {
		return nil, err
	}
	a.background.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				k.log.ErrorContext(ctx, "panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
		}()
		k.done <- a.run(ctx, k)
	})
	return k, nil
}

// run asks and stores the result. The error is nil when the session was taken over.
func (a *Adopter) run(ctx context.Context, k *attempt) error {
	result, problem := a.ask(ctx, k)
	err := a.store(storage.WithReason(ctx, refusal(problem)), k, result)
	switch {
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrDisabled), errors.Is(err, storage.ErrUnreadable):
		k.log.WarnContext(ctx, "session of FastMCP not taken over", logging.Event, "adoption_refused", logging.Error, err)
		return ErrRefused
	case err != nil:
		k.log.ErrorContext(ctx, "could not store the sign-in provider's response", logging.Error, err)
		return err
	case result.Refused:
		k.log.WarnContext(ctx, "session of FastMCP not taken over", logging.Event, "adoption_refused", logging.Reason, refusal(problem))
		return ErrRefused
	case problem != nil:
		k.log.WarnContext(ctx, "could not ask the sign-in provider about a session of FastMCP", logging.Error, problem)
		return problem
	}
	k.log.InfoContext(ctx, "session of FastMCP taken over", logging.Event, "grant_adopted", logging.GrantID, result.GrantID)
	return nil
}

// ask asks who the session's token belongs to and applies the policy. The provider's new
// token is part of the result in any case.
func (a *Adopter) ask(ctx context.Context, k *attempt) (storage.AdoptionResult, error) {
	defer close(k.answered)
	before := k.before()
	sent := before
	sent.Doubtful = k.state.Doubtful && before.RefreshToken != ""
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	person, token, err := k.provider.Recheck(ctx, sent)
	if err == nil {
		err = a.Policy.Check(person)
	}
	result := storage.AdoptionResult{
		Token: k.token, GrantID: storage.NewOrderedID(storage.GrantIDPrefix, a.Now()), Scope: a.Scope, Resource: a.Resource,
		Renewed: recheck.Renewed(before, token), Doubtful: token.Doubtful, HoldUntil: k.hold,
	}
	if err == nil {
		confirmed := recheck.Profile(person)
		result.Person = &confirmed
		result.ProviderToken, err = identity.EncodeToken(token)
		return result, err
	}
	result, err = a.failed(k, result, err)
	return k.postponed(result, err)
}

// failed is the result of an attempt without a person who may sign in.
func (a *Adopter) failed(k *attempt, result storage.AdoptionResult, err error) (storage.AdoptionResult, error) {
	var refused *identity.RefusedError
	var unavailable *identity.UnavailableError
	switch {
	case errors.As(err, &refused) && (refused.Login != "" || !result.Doubtful || a.Now().Sub(k.state.BeganAt) >= a.Grace):
		result.Refused, result.RetryAt = true, a.Now().Add(refusedFor)
		return result, err
	case refused != nil:
		err = &identity.UnavailableError{Reason: "the token may have been used up", Cause: err}
	}
	result.RetryAt = a.Now().Add(restFor)
	if errors.As(err, &unavailable) && unavailable.RetryAfter > restFor {
		result.RetryAt = a.Now().Add(unavailable.RetryAfter)
	}
	return result, err
}

// store records the result of an attempt, as long as the attempt counts.
func (a *Adopter) store(ctx context.Context, k *attempt, result storage.AdoptionResult) error {
	ctx, cancel := context.WithTimeout(ctx, attemptLife-askFor)
	defer cancel()
	for {
		err := a.Store.FinishAdoption(ctx, k.Adoption, result, a.Now())
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

// refusal is why someone was refused, without the account's name.
func refusal(err error) string {
	var refused *identity.RefusedError
	if errors.As(err, &refused) {
		return refused.Reason
	}
	return ""
}
