package server

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
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
	valid func(ctx context.Context, token storage.Hash) bool

	mu   sync.Mutex
	open map[storage.Hash]map[*context.CancelCauseFunc]struct{}
}

// begin returns a context that is canceled, with principal.ErrEnded, when the token is no
// longer valid. done must be called when the request ends.
func (w *watch) begin(ctx context.Context, token storage.Hash) (watched context.Context, done func()) {
	watched, cancel := context.WithCancelCause(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = make(map[storage.Hash]map[*context.CancelCauseFunc]struct{})
		go w.run(context.WithoutCancel(ctx))
	}
	if w.open[token] == nil {
		w.open[token] = make(map[*context.CancelCauseFunc]struct{})
	}
	w.open[token][&cancel] = struct{}{}
	return watched, func() {
		cancel(nil)
		w.mu.Lock()
		defer w.mu.Unlock()
		if delete(w.open[token], &cancel); len(w.open[token]) == 0 {
			delete(w.open, token)
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
				w.end(token)
			}
		}
	}
}

// tokens returns those of open requests. It reports false, and the goroutine ends, when
// there are none.
func (w *watch) tokens() ([]storage.Hash, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.open) == 0 {
		w.open = nil
		return nil, false
	}
	return slices.Collect(maps.Keys(w.open)), true
}

func (w *watch) end(token storage.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for cancel := range w.open[token] {
		(*cancel)(principal.ErrEnded)
	}
}

// serveWatched serves a request for the resource at index i until its access ends. A request
// that has no response then gets the challenge of a new one.
func (s *Server) serveWatched(w http.ResponseWriter, r *http.Request, i int, next http.Handler) {
	token, _ := bearerToken(r) // which was just checked
	watched, done := s.watch.begin(r.Context(), storage.HashOf(token))
	defer done()
	serveAuthenticated(w, r.WithContext(watched), next)
	if rec, ok := w.(*recorder); ok && rec.status == 0 && errors.Is(context.Cause(watched), principal.ErrEnded) {
		s.challenge(w, r, s.nameOf(r).resources[i], errInvalidToken)
	}
}

// stillValid is the check of a new call, without recording a use. A database or provider
// that does not answer ends nothing: it refuses the next request.
func (s *Server) stillValid(ctx context.Context, token storage.Hash) bool {
	access, err := s.Store.Access(ctx, token, s.Now())
	if err == nil {
		err = s.recheck.ConfirmUse(ctx, access)
	}
	if err == nil && s.mayEnter(access.Resource, recheck.PersonOf(access.User.Person)) != nil {
		return false
	}
	return !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, recheck.ErrRefused)
}
