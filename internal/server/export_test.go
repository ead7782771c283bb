package server

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// SetDeadlines shortens the deadlines of a server before it serves.
func (s *Server) SetDeadlines(body, answer, write time.Duration) {
	s.deadlines = deadlines{body, answer, write}
}

// Fill takes all places for requests of a kind, those in the line before it as well, until
// empty is called.
func (s *Server) Fill(kind string) (empty func()) {
	full := s.boundsOf(kind)
	for _, b := range full {
		for range cap(b) {
			b <- struct{}{}
		}
	}
	return func() {
		for _, b := range full {
			for range cap(b) {
				<-b
			}
		}
	}
}

// Taken returns how many places for requests of a kind are taken.
func (s *Server) Taken(kind string) int { return len(s.boundsOf(kind)[0]) }

func (s *Server) boundsOf(kind string) []bound {
	b := s.bounds
	if q, ok := map[string]queue{"password": b.password, "assertion": b.assertion}[kind]; ok {
		return []bound{q.places}
	}
	l := map[string]line{
		"registration": b.registration, "management": b.management, "page": b.page, "callback": b.callback, "token": b.token,
		"revocation": b.revocation, "introspection": b.introspection, "verification": b.verification,
	}[kind]
	return []bound{l.places, l.waiting}
}

// AtATime returns how many passwords and how many assertions are verified at a time.
func (s *Server) AtATime() (passwords, assertions int) {
	return cap(s.bounds.password.turn), cap(s.bounds.assertion.turn)
}

// CountVerifications counts the passwords and the assertions that are verified from now on,
// until the test ends.
func (s *Server) CountVerifications(t testing.TB) (passwords, assertions *atomic.Int64) {
	t.Helper()
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	count := func(q *queue) *atomic.Int64 {
		n, turn := new(atomic.Int64), make(chan struct{}) // takes who enters and gives them back
		q.turn = turn
		go func() {
			for {
				select {
				case <-turn:
					n.Add(1)
					turn <- struct{}{}
				case <-ended:
					return
				}
			}
		}()
		return n
	}
	return count(&s.bounds.password), count(&s.bounds.assertion)
}

// Watch returns what reports whether a call of a token that begins now may continue.
func Watch(ctx context.Context, s *Server, token storage.Hash) (stillValid func() bool, _ error) {
	a, err := s.Store.Access(ctx, token, s.Now())
	began := watchedToken{token, a.Resource, a.GrantID, a.IssuedAt, a.ExpiresAt}
	return func() bool { return s.stillValid(ctx, began) }, err
}

// AfterSignIn is where a sign-in leads that says where to continue.
func AfterSignIn(next string) string { return afterSignIn(next) }

// CSRF is the token of a form about a subject, for a cookie.
func CSRF(cookie, subject string) string { return browser(cookie).csrf(subject) }
