package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// hangingUp has the client hang up right before a step of the store.
type hangingUp struct {
	storage.Store
	hangUp context.CancelFunc
}

func (h *hangingUp) RefreshGrant(ctx context.Context, token storage.Hash, client string, now time.Time) (storage.Grant, storage.User, error) {
	h.hangUp()
	return h.Store.RefreshGrant(ctx, token, client, now)
}

func (h *hangingUp) Access(ctx context.Context, token storage.Hash, now time.Time) (storage.Access, error) {
	h.hangUp()
	return h.Store.Access(ctx, token, now)
}

func (h *hangingUp) Authorization(ctx context.Context, id string, now time.Time) (storage.Authorization, error) {
	h.hangUp()
	return h.Store.Authorization(ctx, id, now)
}

// TestHangUpIsNoError: a client or browser that hangs up while the database is asked is
// no error in the log, and its request is.
func TestHangUpIsNoError(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c := s.register()
		got := c.connect()
		other := s.replica(func(*server.Config) {}) // knows no access token yet
		sound := s.store.Store
		for path, do := range map[string]func(context.Context) *http.Request{
			"/token": func(ctx context.Context) *http.Request {
				r := httptest.NewRequestWithContext(ctx, http.MethodPost, base+"/token", strings.NewReader(c.refreshForm(got.refresh).Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				return r
			},
			"/mcp": func(ctx context.Context) *http.Request {
				r := httptest.NewRequestWithContext(ctx, http.MethodPost, base+"/mcp", strings.NewReader("{}"))
				r.Header.Set("Authorization", "Bearer "+got.access)
				return r
			},
			"/consent": func(ctx context.Context) *http.Request {
				return httptest.NewRequestWithContext(ctx, http.MethodGet, base+"/consent?id=az_x", http.NoBody)
			},
		} {
			ctx, hangUp := context.WithCancel(t.Context())
			s.store.Store = &hangingUp{Store: sound, hangUp: hangUp}
			other.handler.ServeHTTP(httptest.NewRecorder(), do(ctx))
			if ctx.Err() == nil {
				t.Errorf("%s: the client did not hang up", path)
			}
			hangUp()
			if text := s.log.String(); !strings.Contains(text, `"path":"`+path+`"`) {
				t.Errorf("%s is not in the log", path)
			}
		}
		s.store.Store = sound
		for line := range strings.Lines(s.log.String()) {
			if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, `"level":"WARN"`) {
				t.Error(line)
			}
		}
		s.wantAccess(t, tokensOf(t, c.refresh(got.refresh)).access, true)
	})
}

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
