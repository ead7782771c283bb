package repo_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// A server that still has a key in front that was retired seals nothing with it:
// every step that would is unavailable, changes nothing, and says what to do.
// What needs no seal continues.
func TestServerWithARetiredKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := repotest.NewWorld(t, e), keyring.Generate()
		repotest.Approve(t, w, "flight")
		keys := rekey.New(dbtest.Open(t, w.URL), repotest.Ring(t, next, w.Key))
		if _, err := keys.Rotate(t.Context(), rekey.Rotation{Now: time.Now}); err != nil {
			t.Fatal(err)
		}
		behind := w.With(t, w.Key, next)
		browser := storage.HashOf("browser late")
		if err := w.With(t, next).StartAuthorization(t.Context(), storage.Authorization{
			ID: "late", Browser: browser, Request: storage.Request{ClientID: "client"}, CreatedAt: repotest.Now, ExpiresAt: repotest.Now.Add(time.Minute),
		}); err != nil {
			t.Fatal(err)
		}
		before := dbtest.Dump(t, w.Conn)
		token := w.Tokens["one"][1].Refresh.Value
		for name, step := range map[string]func() error{
			"register": func() error {
				return behind.CreateClient(t.Context(), storage.Client{ID: "new", CreatedAt: repotest.Now, Client: metadata.Client{AuthMethod: "none"}})
			},
			"update": func() error {
				is, err := behind.Client(t.Context(), "one")
				if err != nil {
					t.Fatal(err)
				}
				changed := is
				changed.Name = "changed"
				return behind.UpdateClient(t.Context(), is, changed, repotest.Now)
			},
			"authorize": func() error {
				return behind.StartAuthorization(t.Context(), storage.Authorization{
					ID: "new", Browser: browser, Request: storage.Request{ClientID: "client"}, CreatedAt: repotest.Now, ExpiresAt: repotest.Now.Add(time.Minute),
				})
			},
			"finish": func() error {
				_, err := behind.FinishAuthorization(t.Context(), storage.Completion{
					AuthorizationID: "late", Browser: browser, Person: repotest.Person, ProviderToken: []byte("token"),
					GrantID: "grt_late", Code: storage.HashOf("code late"), CodeExpiresAt: repotest.Now.Add(time.Minute),
				}, repotest.Now)
				return err
			},
			"refuse": func() error {
				_, err := behind.RefuseAuthorization(t.Context(), "late", browser, repotest.Person, repotest.Now)
				return err
			},
			"refresh": func() error {
				_, err := behind.RotateRefreshToken(t.Context(), storage.RefreshRotation{
					Token: storage.HashOf(token), ClientID: "client", Grace: time.Minute, Next: repotest.NewTokens(),
				}, repotest.Now)
				return err
			},
			"provider check": func() error {
				return behind.StartProviderCheck(t.Context(), storage.ProviderCheck{GrantID: "grt_one", ID: "check", Until: repotest.Now}, repotest.Now)
			},
			"password": func() error {
				return behind.SetPassword(t.Context(), storage.Person{Issuer: "local", Subject: "owner"}, "$argon2id$x", true, repotest.Now)
			},
		} {
			err := step()
			if !errors.Is(err, storage.ErrUnavailable) {
				t.Errorf("%s: %v, want ErrUnavailable", name, err)
			} else if !strings.Contains(err.Error(), w.KeyID) || !strings.Contains(err.Error(), "retired: put") {
				t.Errorf("%s: %q does not say what to do about key %s", name, err, w.KeyID)
			}
		}
		if dbtest.Dump(t, w.Conn) != before {
			t.Error("a step that failed has changed something")
		}
		if err := behind.Ready(t.Context()); !errors.Is(err, sealed.ErrKey) || !strings.Contains(err.Error(), "retired: put") {
			t.Errorf("ready: %v", err)
		}
		if _, err := behind.Access(t.Context(), storage.HashOf(w.Tokens["one"][1].Access.Value), repotest.Now); err != nil {
			t.Errorf("access: %v", err)
		}
		if _, err := behind.ExchangeCode(t.Context(), repotest.ExchangeOf("flight"), repotest.Now); err != nil {
			t.Errorf("exchange: %v", err)
		}
	})
}
