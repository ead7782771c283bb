package server_test

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestSlowKeysTakeNoPlace: who waits for the keys of a client takes no place among those that
// wait for a signature to be verified.
func TestSlowKeysTakeNoPlace(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	srv := s.exposed(t)
	key := newSigner(t, "one")
	byKey := map[string]any{"token_endpoint_auth_method": "private_key_jwt"}
	asked, respond := make(chan struct{}), make(chan struct{})
	s.publisher.Handle("/slow", func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-respond
		http.NotFound(w, nil)
	})
	slow := s.register(byKey, map[string]any{"jwks_uri": s.publisher.URL + "/slow"})
	quick := s.register(byKey, map[string]any{"jwks": key.set()})
	var all sync.WaitGroup
	all.Go(func() {
		slow.refresh("x", key.assert(t, slow)).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	})
	<-asked
	if n := srv.Taken("assertion"); n != 0 {
		t.Errorf("%d places are taken", n)
	}
	quick.refresh("x", key.assert(t, quick)).want(t, http.StatusBadRequest, "invalid_grant")
	close(respond)
	all.Wait()
}

// accessStore records which access checks share the connections of other work.
type accessStore struct {
	storage.Store
	shared []bool
}

func (s *accessStore) Access(ctx context.Context, token storage.Hash, now time.Time) (storage.Access, error) {
	s.shared = append(s.shared, storage.SharesConnections(ctx))
	return s.Store.Access(ctx, token, now)
}

// TestStrangersIntrospect: a client that registered itself asks on no connection that access
// checks have of their own, and no one asks the database about a token whose form is wrong.
func TestStrangersIntrospect(t *testing.T) {
	t.Parallel()
	s := start(t)
	store := &accessStore{Store: s.store.Store}
	s.store.Store = store
	stranger, rs := s.registerWithSecret(), s.resourceServer(separate)
	damaged := []byte(oauth.NewAccessToken())
	damaged[10] ^= 1
	for _, token := range []string{"x", string(damaged), oauth.NewRefreshToken()} {
		stranger.introspect(token).wantInactive(t)
		rs.introspect(token).wantInactive(t)
	}
	if len(store.shared) != 0 {
		t.Errorf("the database was asked %d times about made-up tokens", len(store.shared))
	}
	stranger.introspect(oauth.NewAccessToken()).wantInactive(t)
	rs.introspect(oauth.NewAccessToken()).wantInactive(t)
	if len(store.shared) != 2 || !store.shared[0] || store.shared[1] {
		t.Errorf("shared connections: %v, want the stranger alone on them", store.shared)
	}
	rs.secret = "wrong"
	rs.introspect(oauth.NewAccessToken()).want(t, http.StatusUnauthorized, "invalid_client")
	s.form("/introspect", url.Values{"client_id": {"unknown"}, "client_secret": {"x"}, "token": {oauth.NewAccessToken()}}).
		want(t, http.StatusUnauthorized, "invalid_client")
	if len(store.shared) != 2 {
		t.Error("a token was looked up for a client that did not authenticate")
	}
}
