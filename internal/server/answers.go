package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// askLife is when a replica that asks the provider counts as dead: longer than the
	// provider may take.
	askLife = 2 * identity.DefaultTimeout
	// keepEvery is how often storing an answer is tried while the database is away.
	keepEvery = 250 * time.Millisecond
	// maxAnswers bounds those that wait to be stored.
	maxAnswers = 1000
)

// errAskedElsewhere: the browser came back twice, or another replica has the answer.
var errAskedElsewhere = &pageError{
	status: http.StatusServiceUnavailable, title: "Not available right now",
	message: "Your sign-in is still being completed. Nothing was lost. Try again in a moment.",
	code:    oauth.TemporarilyUnavailable,
}

// answers are the provider's answers that could not be stored yet, by sign-in. Each stays
// until it is stored or the sign-in expires.
type answers struct {
	mu      sync.Mutex
	waiting map[string]storage.SignInAnswer
	storing sync.WaitGroup
}

func (a *answers) get(id string) (storage.SignInAnswer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	answer, ok := a.waiting[id]
	return answer, ok
}

// add reports whether the answer was not there before, and there is room.
func (a *answers) add(id string, answer storage.SignInAnswer) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.waiting[id]; ok || len(a.waiting) >= maxAnswers {
		return false
	}
	if a.waiting == nil {
		a.waiting = make(map[string]storage.SignInAnswer)
	}
	a.waiting[id] = answer
	return true
}

func (a *answers) remove(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, id)
}

// wait waits until all are stored, or the context ends.
func (a *answers) wait(ctx context.Context) {
	stored := make(chan struct{})
	go func() {
		defer close(stored)
		a.storing.Wait()
	}()
	select {
	case <-stored:
	case <-ctx.Done():
	}
}

// whoSignedIn returns the provider's answer: the one that was kept, or a new one. With an
// answer, the error is about someone who may not sign in. The database is written before the
// provider is asked, so that one that is away costs the user nothing, and no one else asks
// with the same code meanwhile; that is impossible for a sign-in that is not stored.
func (s *Server) whoSignedIn(
	r *http.Request, p identity.RedirectProvider, a storage.Authorization, stored bool, code string,
) (storage.SignInAnswer, error) {
	answer, kept := s.answers.get(a.ID)
	if a.Request.Answer != nil {
		answer, kept = *a.Request.Answer, true
	}
	if kept {
		return answer, s.admit(a.Request, recheck.PersonOf(answer.Person))
	}
	if err := s.claimQuestion(r, a, stored); err != nil {
		return storage.SignInAnswer{}, err
	}
	ctx := context.WithoutCancel(r.Context()) // the code is good once, also when the browser hangs up
	person, token, err := p.Exchange(ctx, identity.ExchangeRequest{
		Code: code, Verifier: a.Request.Verifier, Nonce: a.Request.Nonce, RedirectURI: s.callbackURL(),
		Foreign: a.Request.Transaction != "",
	})
	var refusal *identity.RefusedError
	if err != nil && stored && !errors.As(err, &refusal) {
		if kept := s.Store.KeepAnswer(ctx, a.ID, a.Browser, nil, s.Now()); kept != nil {
			s.Logger.WarnContext(ctx, "could not let the sign-in be repeated immediately", logging.Error, kept)
		}
	}
	if err != nil {
		return storage.SignInAnswer{}, err
	}
	sealable, err := identity.EncodeToken(token)
	if err != nil {
		return storage.SignInAnswer{}, err
	}
	return storage.SignInAnswer{Person: recheck.Profile(person), Token: sealable}, s.admit(a.Request, person)
}

// claimQuestion makes this request the one that asks about a sign-in.
func (s *Server) claimQuestion(r *http.Request, a storage.Authorization, stored bool) error {
	if !stored {
		return nil
	}
	err := s.Store.AskAboutSignIn(r.Context(), a.ID, a.Browser, s.Now().Add(askLife), s.Now())
	if errors.Is(err, storage.ErrSpent) {
		return errAskedElsewhere
	}
	return flowError(err)
}

// tryAgain keeps the answer if the error says that the sign-in can be finished later, and
// returns the error.
func (s *Server) tryAgain(r *http.Request, a storage.Authorization, stored bool, answer storage.SignInAnswer, err error) error {
	if errors.Is(err, storage.ErrUnavailable) {
		s.keepAnswer(r.Context(), a, stored, answer)
	}
	return err
}

// keepAnswer makes "try again" true on a page that says that a sign-in could not be
// finished: this replica has the answer, and all have it once it is stored.
func (s *Server) keepAnswer(ctx context.Context, a storage.Authorization, stored bool, answer storage.SignInAnswer) {
	if !s.answers.add(a.ID, answer) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.ExpiresAt.Sub(s.Now()))
	s.answers.storing.Go(func() {
		defer cancel()
		defer s.answers.remove(a.ID)
		for {
			err := s.restore(ctx, a, stored)
			if err == nil {
				err = s.Store.KeepAnswer(ctx, a.ID, a.Browser, &answer, s.Now())
			}
			if !errors.Is(err, storage.ErrUnavailable) {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(keepEvery):
			}
		}
	})
}
