package server_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// meanwhile is a store in which something happens once, just before a sign-in is finished.
type meanwhile struct {
	storage.Store
	once   sync.Once
	happen func()
}

func (m *meanwhile) FinishAuthorization(ctx context.Context, c storage.Completion, now time.Time) (storage.Request, error) {
	m.once.Do(m.happen)
	return m.Store.FinishAuthorization(ctx, c, now)
}

// TestChangedWhileApproved: a client that replaces its registration at the very moment at
// which it is approved gets a code only if the redirect URI is still one of its own.
func TestChangedWhileApproved(t *testing.T) {
	t.Parallel()
	for name, keeps := range map[string]bool{"keeps the redirect URI": true, "gives it up": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			c := s.register()
			b := s.browser()
			consent := b.signIn(c)
			uris := []string{"https://elsewhere.example/cb"}
			if keeps {
				uris = append(uris, c.redirect)
			}
			s.store.Store = &meanwhile{Store: s.store.sound, happen: func() {
				if a := c.put(map[string]any{"redirect_uris": uris}); a.Status != http.StatusOK {
					t.Errorf("%d %s", a.Status, a.Body)
				}
			}}
			p := b.submit(consent, approve)
			if keeps {
				tokensOf(t, c.exchange(p.target(t, c.redirect).Get("code")))
				return
			}
			p.shows(t, http.StatusBadRequest, "")
			if location := p.Header.Get("Location"); location != "" {
				t.Errorf("redirected to %s", location)
			}
			if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM mcpkeep_grants"); n != 0 {
				t.Errorf("%d grants", n)
			}
		})
	}
}
