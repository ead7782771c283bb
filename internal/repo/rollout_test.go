package repo_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestRollout: while a new key is rolled out, a replica that lacks it answers
// "try again" about rows that it cannot open. It must not say that they are
// damaged or unknown, which would send clients away.
func TestRollout(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		d := e.Open(t)
		oldKey, newKey := keyring.Generate(), keyring.Generate()
		before := repo.New(d, repotest.Ring(t, oldKey))
		after := repo.New(d, repotest.Ring(t, newKey, oldKey))
		for _, r := range []*repo.Repo{before, after} {
			if err := r.CheckKeys(t.Context(), repotest.Now); err != nil {
				t.Fatal(err)
			}
		}
		client := storage.Client{ID: "c_new", CreatedAt: repotest.Now, Client: metadata.Client{RedirectURIs: []string{"http://127.0.0.1/cb"}, AuthMethod: "none"}}
		a := storage.Authorization{
			ID: "az_new", Browser: storage.HashOf("b"), Request: storage.Request{ClientID: "c_new"},
			CreatedAt: repotest.Now, ExpiresAt: repotest.Now.Add(time.Minute),
		}
		if err := errors.Join(after.CreateClient(t.Context(), client), after.StartAuthorization(t.Context(), a)); err != nil {
			t.Fatal(err)
		}
		_, clientErr := before.Client(t.Context(), "c_new")
		_, signInErr := before.Authorization(t.Context(), "az_new", repotest.Now)
		for what, err := range map[string]error{"client": clientErr, "sign-in": signInErr} {
			if !errors.Is(err, storage.ErrUnavailable) || errors.Is(err, storage.ErrUnreadable) {
				t.Errorf("%s of the new key: %v, want ErrUnavailable", what, err)
			}
		}
		if _, err := after.Client(t.Context(), "c_new"); err != nil {
			t.Error(err)
		}
		if err := before.Ready(t.Context()); err == nil {
			t.Error("a replica without a key on record is ready")
		}
	})
}
