package cache_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// grant is one grant with its tokens.
type grant struct {
	id, client, user string
	access, refresh  storage.Hash
	code             storage.CodeExchange // redeemed
}

// connect makes a client and a grant of it.
func connect(t testing.TB, s storage.Store) grant {
	t.Helper()
	client, id, browser := oauth.NewID("c"), oauth.NewID("az"), storage.HashOf("browser")
	g := grant{id: oauth.NewID("gr"), client: client}
	verifier, code := oauth.NewVerifier(), oauth.NewCode()
	next := storage.NewTokens{
		Access:  storage.NewToken{Value: oauth.NewAccessToken(), ExpiresAt: start.Add(time.Hour)},
		Refresh: storage.NewToken{Value: oauth.NewRefreshToken(), ExpiresAt: start.Add(24 * time.Hour)},
	}
	g.code = storage.CodeExchange{Code: storage.HashOf(code), ClientID: client, Challenge: oauth.Challenge(verifier), Next: next}
	g.access, g.refresh = storage.HashOf(next.Access.Value), storage.HashOf(next.Refresh.Value)
	_, finishErr := finish(t.Context(), s, client, id, browser, g)
	_, exchangeErr := s.ExchangeCode(t.Context(), g.code, start)
	if err := errors.Join(finishErr, exchangeErr); err != nil {
		t.Fatal(err)
	}
	access, err := s.Access(t.Context(), g.access, start)
	if err != nil {
		t.Fatal(err)
	}
	g.user = access.User.ID
	return g
}

func finish(ctx context.Context, s storage.Store, client, id string, browser storage.Hash, g grant) (storage.Request, error) {
	err := errors.Join(s.CreateClient(ctx, storage.Client{
		ID: client, CreatedAt: start,
		Client: metadata.Client{
			RedirectURIs:  []string{"http://127.0.0.1/cb"},
			GrantTypes:    []string{"authorization_code"},
			ResponseTypes: []string{"code"},
			AuthMethod:    "none",
		},
	}), s.StartAuthorization(ctx, storage.Authorization{
		ID: id, Browser: browser, CreatedAt: start, ExpiresAt: start.Add(time.Minute), Request: storage.Request{
			ClientID: client, RedirectURI: "http://127.0.0.1/cb", Scope: "mcp", CodeChallenge: g.code.Challenge,
		},
	}))
	if err != nil {
		return storage.Request{}, err
	}
	return s.FinishAuthorization(ctx, storage.Completion{
		AuthorizationID: id, Browser: browser, Person: storage.Person{Issuer: "i", Subject: id}, GrantID: g.id,
		ProviderToken: []byte("provider token"),
		Code:          g.code.Code, CodeExpiresAt: start.Add(time.Minute),
	}, start)
}

// ways are the ways in which access ends.
var ways = map[string]func(ctx context.Context, s storage.Store, g grant) error{
	"RevokeToken, access": func(ctx context.Context, s storage.Store, g grant) error {
		return s.RevokeToken(ctx, g.access, g.client, start)
	},
	"RevokeToken, refresh": func(ctx context.Context, s storage.Store, g grant) error {
		return s.RevokeToken(ctx, g.refresh, g.client, start)
	},
	"RevokeGrant": func(ctx context.Context, s storage.Store, g grant) error { return s.RevokeGrant(ctx, g.id, start) },
	"RevokeUserGrant": func(ctx context.Context, s storage.Store, g grant) error {
		return s.RevokeUserGrant(ctx, g.user, g.id, start)
	},
	"DeleteClient": func(ctx context.Context, s storage.Store, g grant) error { return s.DeleteClient(ctx, g.client, start) },
	"RevokeGrants, of a person": func(ctx context.Context, s storage.Store, g grant) error {
		_, err := s.RevokeGrants(ctx, storage.GrantFilter{UserID: g.user}, 10, start)
		return err
	},
	"RevokeGrants, of a client": func(ctx context.Context, s storage.Store, g grant) error {
		_, err := s.RevokeGrants(ctx, storage.GrantFilter{ClientID: g.client}, 10, start)
		return err
	},
	"DisableUser": func(ctx context.Context, s storage.Store, g grant) error {
		_, err := s.DisableUser(ctx, g.user, start)
		return err
	},
	"FinishProviderCheck": func(ctx context.Context, s storage.Store, g grant) error {
		check := storage.ProviderCheck{UserID: g.user, GrantID: g.id, ID: "check", Until: start.Add(time.Minute)}
		return errors.Join(s.StartProviderCheck(ctx, check, start),
			s.FinishProviderCheck(ctx, check, storage.ProviderAnswer{Refused: true}, start))
	},
	"ExchangeCode, again": func(ctx context.Context, s storage.Store, g grant) error {
		_, err := s.ExchangeCode(ctx, g.code, start)
		return spent(err)
	},
	"RotateRefreshToken, again": func(ctx context.Context, s storage.Store, g grant) error {
		rotation := storage.RefreshRotation{Token: g.refresh, ClientID: g.client, Next: storage.NewTokens{
			Access:  storage.NewToken{Value: oauth.NewAccessToken(), ExpiresAt: start.Add(time.Hour)},
			Refresh: storage.NewToken{Value: oauth.NewRefreshToken(), ExpiresAt: start.Add(time.Hour)},
		}}
		if _, err := s.RotateRefreshToken(ctx, rotation, start); err != nil {
			return err
		}
		_, err := s.RotateRefreshToken(ctx, rotation, start)
		return spent(err)
	},
}

func spent(err error) error {
	if !errors.Is(err, storage.ErrSpent) {
		return errors.Join(errors.New("want ErrSpent"), err)
	}
	return nil
}

// TestRevocation: guarantee 4. What one process revokes it refuses immediately, and
// another one when its answers are no longer fresh.
func TestRevocation(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		db, clock := newRepo(t, e), newClock()
		here, there := cache.New(db, clock.Now), cache.New(db, clock.Now)
		for name, revoke := range ways {
			g, other := connect(t, here), connect(t, here)
			for _, s := range []storage.Store{here, there} {
				_, err := s.Access(t.Context(), g.access, start)
				want(t, name+": before", err, nil)
			}
			if err := revoke(t.Context(), here, g); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			_, err := here.Access(t.Context(), g.access, start)
			want(t, name+": here, immediately", err, storage.ErrNotFound)
			_, err = here.Access(t.Context(), other.access, start)
			want(t, name+": another grant", err, nil)
			_, err = there.Access(t.Context(), g.access, start)
			want(t, name+": there, from memory", err, nil)
			clock.advance(cache.Fresh)
			_, err = there.Access(t.Context(), g.access, start)
			want(t, name+": there, later", err, storage.ErrNotFound)
		}
	})
}

// TestProfile: what the provider now says about a person is seen here immediately.
func TestProfile(t *testing.T) {
	t.Parallel()
	s := cache.New(newRepo(t, dbtest.SQLite()), newClock().Now)
	g := connect(t, s)
	access, err := s.Access(t.Context(), g.access, start)
	want(t, "before", err, nil)
	person := access.User.Person
	person.Login = "new login"
	check := storage.ProviderCheck{UserID: access.User.ID, GrantID: g.id, ID: "c", Until: start.Add(time.Minute)}
	want(t, "check", s.StartProviderCheck(t.Context(), check, start), nil)
	want(t, "answer", s.FinishProviderCheck(t.Context(), check, storage.ProviderAnswer{Person: &person}, start), nil)
	access, err = s.Access(t.Context(), g.access, start)
	if err != nil || access.User.Login != person.Login {
		t.Errorf("login %q, %v", access.User.Login, err)
	}
}

// TestDeletedClient: what was deleted here is gone immediately, elsewhere when the
// answer is no longer fresh or the current one is asked for; what was created is
// there immediately, everywhere.
func TestDeletedClient(t *testing.T) {
	t.Parallel()
	db, clock := newRepo(t, dbtest.SQLite()), newClock()
	here, there := cache.New(db, clock.Now), cache.New(db, clock.Now)
	for _, s := range []storage.Store{here, there} {
		_, err := s.Client(t.Context(), "c")
		want(t, "before", err, storage.ErrNotFound)
	}
	c := storage.Client{ID: "c", CreatedAt: start, Client: metadata.Client{Name: "one", AuthMethod: "none"}}
	if err := here.CreateClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for _, s := range []storage.Store{here, there} {
		_, err := s.Client(t.Context(), "c")
		want(t, "created", err, nil)
	}
	if err := here.DeleteClient(t.Context(), "c", start); err != nil {
		t.Fatal(err)
	}
	_, err := here.Client(t.Context(), "c")
	want(t, "here", err, storage.ErrNotFound)
	_, err = there.Client(t.Context(), "c")
	want(t, "there, from memory", err, nil)
	_, err = there.CurrentClient(t.Context(), "c")
	want(t, "there, current", err, storage.ErrNotFound)
	_, err = there.Client(t.Context(), "c")
	want(t, "there, afterwards", err, storage.ErrNotFound)
}
