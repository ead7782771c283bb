package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// watchEvery is how often the tokens of open requests are checked again. Two rounds, the
// second of which may wait for the database, stay within five seconds.
const watchEvery = 2 * time.Second

// watch ends requests whose access ends while they are open: event streams, and calls that
// take long. It has a goroutine while there are any.
type watch struct {
	every time.Duration
	// valid reports whether a token still lets its request continue.
	valid func(context.Context, watchedToken) bool

	mu   sync.Mutex
	open map[watchedUse]*watched
}

// watchedUse is that of a token at an MCP server: personal tokens may be for several.
type watchedUse struct {
	hash     storage.Hash
	resource string
}

// watchedToken is what is known of a token with open requests.
type watchedToken struct {
	hash            storage.Hash
	resource        string
	grantID         string
	issued, expires time.Time
}

func (t watchedToken) use() watchedUse { return watchedUse{t.hash, t.resource} }

// watched are the open requests of a token.
type watched struct {
	token    watchedToken
	requests map[*context.CancelCauseFunc]struct{}
}

// begin returns a context that is canceled, with principal.ErrEnded, when the token is no
// longer valid. done must be called when the request ends.
func (w *watch) begin(ctx context.Context, token watchedToken) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = make(map[watchedUse]*watched)
		go w.run(context.WithoutCancel(ctx))
	}
	of := w.open[token.use()]
	if of == nil {
		of = &watched{token, make(map[*context.CancelCauseFunc]struct{})}
		w.open[token.use()] = of
	}
	of.requests[&cancel] = struct{}{}
	return ctx, func() {
		cancel(nil)
		w.mu.Lock()
		defer w.mu.Unlock()
		if delete(of.requests, &cancel); len(of.requests) == 0 {
			delete(w.open, token.use())
		}
	}
}

// run checks the open requests until there are none.
func (w *watch) run(ctx context.Context) {
	for {
		time.Sleep(w.every)
		tokens, ok := w.tokens()
		if !ok {
			return
		}
		for _, token := range tokens {
			if !w.valid(ctx, token) {
				w.end(token.use())
			}
		}
	}
}

// tokens returns those of open requests. It reports false, and the goroutine ends, when
// there are none.
func (w *watch) tokens() (list []watchedToken, _ bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.open) == 0 {
		w.open = nil
		return nil, false
	}
	for _, of := range w.open {
		list = append(list, of.token)
	}
	return list, true
}

func (w *watch) end(use watchedUse) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if of := w.open[use]; of != nil {
		for cancel := range of.requests {
			(*cancel)(principal.ErrEnded)
		}
	}
}

// serveWatched serves a request for the resource at index i until its access ends. A request
// that has no response then gets the challenge of a new one.
func (s *Server) serveWatched(w http.ResponseWriter, r *http.Request, i int, a storage.Access, next http.Handler) {
	token, _ := bearerToken(r) // which was just checked
	watched, done := s.watch.begin(r.Context(), watchedToken{storage.HashOf(token), a.Resource, a.GrantID, a.IssuedAt, a.ExpiresAt})
	defer done()
	serveAuthenticated(w, r.WithContext(watched), next)
	if rec, ok := w.(*recorder); ok && rec.status == 0 && errors.Is(context.Cause(watched), principal.ErrEnded) {
		s.challenge(w, r, s.nameOf(r).resources[i], errInvalidToken)
	}
}

// stillValid is the check of a new call, without recording a use. A token that has expired
// ends nothing while its grant lives: clients renew it, which no open request hears of. Personal
// ones are not renewed. A database or provider that does not answer ends nothing either: it
// refuses the next request.
func (s *Server) stillValid(ctx context.Context, token watchedToken) bool {
	now := s.Now()
	access, err := s.Store.Access(ctx, token.hash, now)
	if errors.Is(err, storage.ErrNotFound) && !now.Before(token.expires) {
		if access, err = s.accessOfGrant(ctx, token, now); err == nil && access.IsPersonal() {
			return false
		}
	}
	if err == nil && access.IsPersonal() {
		if !s.mayHavePersonal(access.User) {
			return false
		}
		access = s.at(access, s.canonical(token.resource))
	}
	if err == nil {
		err = s.recheck.ConfirmUse(ctx, access)
	}
	if err == nil && s.mayEnter(access.Resource, recheck.PersonOf(access.User.Person)) != nil {
		return false
	}
	return !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, recheck.ErrRefused)
}

// accessOfGrant is what a token that has expired would stand for.
func (s *Server) accessOfGrant(ctx context.Context, token watchedToken, now time.Time) (storage.Access, error) {
	grant, user, err := s.Store.LiveGrant(ctx, token.grantID, now)
	return storage.Access{
		GrantID: grant.ID, ClientID: grant.ClientID, User: user, Scope: grant.Scope, Resource: grant.Resource,
		IssuedAt: token.issued, ExpiresAt: token.expires, LastUsedAt: grant.LastUsedAt,
		ConfirmedAt: grant.Provider.CheckedAt, RetryAt: grant.Provider.RetryAt,
	}, err
}
