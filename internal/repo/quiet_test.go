package repo_test

import (
	"cmp"
	"errors"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// quietSteps leave no event. Done twice, each of them fails or counts twice.
var quietSteps = map[string]preparation{
	"begin": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		repotest.Begin(t, r, id+" before")
		a, err := r.Authorization(t.Context(), id+" before", repotest.Now)
		if err != nil {
			t.Fatal(err)
		}
		a.ID, a.Browser, a.StateHash = id, storage.HashOf("browser "+id), storage.HashOf("state "+id)
		return func() error {
			if err := r.RestoreAuthorization(t.Context(), a); err != nil {
				return err
			}
			_, err := r.Authorization(t.Context(), id, repotest.Now)
			return err
		}
	},
	"assertion": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		use := func() error {
			return r.UseAssertion(t.Context(), "client", storage.HashOf(id), repotest.Now.Add(time.Minute), repotest.Now)
		}
		return use
	},
	"ask about a sign-in": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		repotest.Begin(t, r, id)
		return func() error {
			return r.AskAboutSignIn(t.Context(), id, storage.HashOf("browser "+id), repotest.Now.Add(time.Minute), repotest.Now)
		}
	},
	"keep an answer": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		repotest.Begin(t, r, id)
		return func() error {
			return r.KeepAnswer(t.Context(), id, storage.HashOf("browser "+id), &storage.SignInAnswer{}, repotest.Now)
		}
	},
	"check a person": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		repotest.Connect(t, r, id)
		check := storage.ProviderCheck{GrantID: "grt_" + id, ID: "check " + id, Until: repotest.Now.Add(time.Minute)}
		return func() error { return r.StartProviderCheck(t.Context(), check, repotest.Now) }
	},
	"finish a check": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		repotest.Connect(t, r, id)
		check := storage.ProviderCheck{GrantID: "grt_" + id, ID: "check " + id, Until: repotest.Now.Add(time.Minute)}
		if err := r.StartProviderCheck(t.Context(), check, repotest.Now); err != nil {
			t.Fatal(err)
		}
		return func() error {
			return r.FinishProviderCheck(t.Context(), check, storage.ProviderAnswer{RetryAt: repotest.Now}, repotest.Now)
		}
	},
	"try a password": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		person := storage.Person{Issuer: "local", Subject: id}
		if err := r.SetPassword(t.Context(), person, "hash", true, repotest.Now); err != nil {
			t.Fatal(err)
		}
		const free = 5 // attempts
		for range free - 1 {
			if _, _, err := r.TryPassword(t.Context(), person, repotest.Now); err != nil {
				t.Fatal(err)
			}
		}
		return func() error {
			_, _, err := r.TryPassword(t.Context(), person, repotest.Now)
			return err
		}
	},
	"claim a document": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		return func() error { return r.ClaimDocument(t.Context(), claimOf(id), repotest.Now) }
	},
	"fail a document": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		c := claimOf(id)
		if err := r.ClaimDocument(t.Context(), c, repotest.Now); err != nil {
			t.Fatal(err)
		}
		return func() error {
			return r.FailDocument(t.Context(), storage.FailedDocument{
				ClientID: c.ClientID, URL: c.URL, Lease: c.Lease, Failure: "away", RetryAt: repotest.Now,
			})
		}
	},
	"unknown client": func(t *testing.T, r *repo.Repo, id string) func() error {
		t.Helper()
		return func() error {
			again, err := r.SeeUnknownClient(t.Context(), storage.HashOf(id), repotest.Now)
			if again {
				err = cmp.Or(err, errors.New("seen for the first time, it was seen before"))
			}
			return err
		}
	},
}

func claimOf(id string) storage.DocumentClaim {
	return storage.DocumentClaim{
		ClientID: "https://a.example/" + id, URL: "https://a.example/" + id, Site: "a.example", Lease: "lease " + id,
		Until: repotest.Now.Add(time.Minute), Limit: storage.FetchLimit{Since: repotest.Now, PerSite: 100, All: 100},
	}
}
