package repo_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// A server that still has a key in front that was retired seals nothing with it:
// every step that would is unavailable, changes nothing, and says what to do.
// What needs no seal goes on.
func TestServerWithARetiredKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		approve(t, w, "flight")
		w.rotated(t, next, w.key)
		behind := w.with(t, w.key, next)
		browser := storage.HashOf("browser late")
		if err := w.with(t, next).StartAuthorization(t.Context(), storage.Authorization{
			ID: "late", Browser: browser, Request: storage.Request{ClientID: "client"}, CreatedAt: now, ExpiresAt: now.Add(time.Minute),
		}); err != nil {
			t.Fatal(err)
		}
		before := dbtest.Dump(t, w.conn)
		token := w.tokens["one"][1].Refresh.Value
		for name, step := range map[string]func() error{
			"register": func() error {
				return behind.CreateClient(t.Context(), storage.Client{ID: "new", AuthMethod: "none", CreatedAt: now})
			},
			"update": func() error {
				is, err := behind.Client(t.Context(), "one")
				if err != nil {
					t.Fatal(err)
				}
				changed := is
				changed.Name = "changed"
				return behind.UpdateClient(t.Context(), is, changed, now)
			},
			"authorize": func() error {
				return behind.StartAuthorization(t.Context(), storage.Authorization{
					ID: "new", Browser: browser, Request: storage.Request{ClientID: "client"}, CreatedAt: now, ExpiresAt: now.Add(time.Minute),
				})
			},
			"finish": func() error {
				_, err := behind.FinishAuthorization(t.Context(), storage.Completion{
					AuthorizationID: "late", Browser: browser, Person: person, ProviderToken: []byte("token"),
					GrantID: "grt_late", Code: storage.HashOf("code late"), CodeExpiresAt: now.Add(time.Minute),
				}, now)
				return err
			},
			"refresh": func() error {
				_, err := behind.RotateRefreshToken(t.Context(), storage.RefreshRotation{
					Token: storage.HashOf(token), ClientID: "client", Grace: time.Minute, Next: newTokens(),
				}, now)
				return err
			},
			"provider check": func() error {
				return behind.StartProviderCheck(t.Context(), storage.ProviderCheck{GrantID: "grt_one", ID: "check", Until: now}, now)
			},
			"password": func() error {
				return behind.SetPassword(t.Context(), storage.Person{Issuer: "local", Subject: "owner"}, "$argon2id$x", true, now)
			},
		} {
			err := step()
			if !errors.Is(err, storage.ErrUnavailable) {
				t.Errorf("%s: %v, want ErrUnavailable", name, err)
			} else if !strings.Contains(err.Error(), w.keyID) || !strings.Contains(err.Error(), "retired: put") {
				t.Errorf("%s: %q does not say what to do about key %s", name, err, w.keyID)
			}
		}
		if dbtest.Dump(t, w.conn) != before {
			t.Error("a step that failed has changed something")
		}
		if err := behind.Ready(t.Context()); !errors.Is(err, repo.ErrKey) || !strings.Contains(err.Error(), "retired: put") {
			t.Errorf("ready: %v", err)
		}
		if _, err := behind.Access(t.Context(), storage.HashOf(w.tokens["one"][1].Access.Value), now); err != nil {
			t.Errorf("access: %v", err)
		}
		if _, err := behind.ExchangeCode(t.Context(), exchangeOf("flight"), now); err != nil {
			t.Errorf("exchange: %v", err)
		}
	})
}
