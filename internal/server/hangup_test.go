package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// leftStore has the browser hang up once its attempt was counted.
type leftStore struct {
	storage.Store
	hangUp context.CancelFunc
}

func (l *leftStore) TryPassword(ctx context.Context, p storage.Person, now time.Time) (storage.User, string, error) {
	user, hash, err := l.Store.TryPassword(ctx, p, now)
	l.hangUp()
	return user, hash, err
}

// TestPasswordOfOneWhoLeft: the right password of a browser that hung up counts as right,
// so that a network that breaks does not throttle its person.
func TestPasswordOfOneWhoLeft(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.browser()
	p := b.visit(s.register().authorizePath())
	action, fields := p.form(t)
	sound := s.store.Store
	for range 7 { // more than are free
		ctx, hangUp := context.WithCancel(t.Context())
		s.store.Store = &leftStore{Store: sound, hangUp: hangUp}
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, s.config.BaseURL+action, strings.NewReader(changed(fields, enter).Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", s.config.BaseURL)
		at, err := url.Parse(s.config.BaseURL)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range b.http.Jar.Cookies(at) {
			r.AddCookie(c)
		}
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
		hangUp()
	}
	s.store.Store = sound
	b.submit(p, enter).shows(t, http.StatusOK, "Approve")
}
