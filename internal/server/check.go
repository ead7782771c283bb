package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// checkTimeout bounds the question. It is longer than anybody waits for the
	// answer: a provider that renews its token does so for a late answer as well.
	checkTimeout = identity.DefaultTimeout
	// checkLife is after what time nobody waits any more for the one who asked, who
	// may be dead: longer than to ask and to write down what came of it, with room
	// for clocks that differ.
	checkLife = 30 * time.Second
	// checkRest is how long a provider is left alone that failed without saying when
	// to ask again.
	checkRest = 5 * time.Second
	// keepEvery is how often a database that is away is tried with the answer.
	keepEvery = 250 * time.Millisecond
)

// providerCheck is one question to the provider, about the person of a grant.
type providerCheck struct {
	storage.ProviderCheck
	state storage.ProviderState
	user  storage.User
	log   *slog.Logger
}

// startCheck asks the provider, unless somebody else does. The question goes on
// when the client hangs up, and its answer is kept: the provider may have renewed
// its token, and then the one before is worth nothing.
func (s *Server) startCheck(r *http.Request, g storage.Grant, user storage.User) (answered <-chan error, err error) {
	ctx := context.WithoutCancel(r.Context())
	c := &providerCheck{
		ProviderCheck: storage.ProviderCheck{
			UserID: user.ID, GrantID: g.Provider.GrantID, ID: oauth.NewID("pc"),
			Previous: g.Provider.CheckID, Until: s.Now().Add(checkLife),
		},
		state: g.Provider, user: user, log: s.log(r).With("user_id", user.ID, "grant_id", g.ID),
	}
	if err := s.Store.StartProviderCheck(ctx, c.ProviderCheck, s.Now()); err != nil {
		return nil, err
	}
	result := make(chan error, 1)
	s.background.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				c.log.Error("panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
		}()
		result <- s.runCheck(ctx, c)
	})
	return result, nil
}

// Wait waits until what goes on behind finished requests has finished too, or the
// context ends.
func (s *Server) Wait(ctx context.Context) {
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		s.background.Wait()
	}()
	select {
	case <-finished:
	case <-ctx.Done():
	}
}

// runCheck asks and keeps the answer. The error is nil when the person was
// confirmed, errInvalidGrant when refused, or says why nothing is known.
func (s *Server) runCheck(ctx context.Context, c *providerCheck) error {
	answer, problem := s.ask(ctx, c)
	err := s.keepAnswer(withReason(ctx, reasonOf(problem)), c, answer)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return &identity.UnavailableError{Reason: "the person has signed in anew meanwhile, or the answer took too long"}
	case err != nil:
		c.log.Error("could not keep the sign-in provider's answer", "error", err)
		return err
	case answer.Refused:
		c.log.Warn("person may no longer sign in: grants revoked", "event", "sign_in_refused", "reason", reasonOf(problem))
		return errInvalidGrant
	case problem != nil:
		c.log.Warn("could not ask the sign-in provider again", "error", problem)
	}
	return problem
}

// ask puts the question and judges the person by the policy. The provider's new token
// is part of the answer whatever else is.
func (s *Server) ask(ctx context.Context, c *providerCheck) (storage.ProviderAnswer, error) {
	before, err := identity.DecodeToken(c.state.Token)
	if err != nil {
		return storage.ProviderAnswer{}, err
	}
	asked := before
	asked.Doubtful = before.Doubtful || before.RefreshToken != "" && c.state.CheckAbandoned(s.Now())
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	person, token, err := s.Upstream.Recheck(ctx, asked)
	if err == nil {
		err = s.judge(person, c.user)
	}
	answer, err := s.answerOf(c, person, token, err)
	if token != before {
		var encoding error
		answer.Token, encoding = identity.EncodeToken(token)
		err = errors.Join(err, encoding)
	}
	return answer, err
}

// answerOf says what an answer comes to.
func (s *Server) answerOf(
	c *providerCheck, person identity.Person, token identity.Token, err error,
) (storage.ProviderAnswer, error) {
	if err == nil {
		confirmed := personOf(person)
		return storage.ProviderAnswer{Person: &confirmed}, nil
	}
	if s.isDefinite(err, token, c.state) {
		return storage.ProviderAnswer{Refused: true}, err
	}
	if errors.Is(err, identity.ErrRefused) {
		err = &identity.UnavailableError{Reason: "the token may only be spent", Cause: err}
	}
	return storage.ProviderAnswer{RetryAt: s.Now().Add(restAfter(err))}, err
}

// judge says whether the person that the provider named is the one on record and
// may still enter.
func (s *Server) judge(person identity.Person, user storage.User) error {
	if person.Subject != user.Subject {
		return &identity.RefusedError{Login: person.Login, Reason: "the provider's token belongs to another account"}
	}
	return s.Policy.Check(person)
}

// isDefinite says whether an error is the provider's or the policy's no. A token that
// the provider does not take is none while it may only be spent, by somebody who died
// before the answer came: then the session goes on for the grace period, and after
// that the person has to sign in again.
func (s *Server) isDefinite(err error, token identity.Token, p storage.ProviderState) bool {
	var refusal *identity.RefusedError
	if !errors.As(err, &refusal) {
		return false
	}
	return refusal.Login != "" || !token.Doubtful || s.Now().Sub(p.CheckedAt) >= s.Lifetimes.ProviderGrace
}

// restAfter is how long to leave a provider alone that did not answer.
func restAfter(err error) time.Duration {
	var unavailable *identity.UnavailableError
	if errors.As(err, &unavailable) && unavailable.RetryAfter > checkRest {
		return unavailable.RetryAfter
	}
	return checkRest
}

// keepAnswer records what came of a check, as long as the check counts.
func (s *Server) keepAnswer(ctx context.Context, c *providerCheck, a storage.ProviderAnswer) error {
	ctx, cancel := context.WithTimeout(ctx, checkLife-checkTimeout)
	defer cancel()
	for {
		err := s.Store.FinishProviderCheck(ctx, c.ProviderCheck, a, s.Now())
		if !errors.Is(err, storage.ErrUnavailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(keepEvery):
		}
	}
}

// reasonOf is why somebody was refused, without the account's name, which may be an
// e-mail address and is kept sealed.
func reasonOf(err error) string {
	var refusal *identity.RefusedError
	if errors.As(err, &refusal) {
		return refusal.Reason
	}
	return ""
}
