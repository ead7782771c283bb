package server_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// heldStore keeps registrations waiting.
type heldStore struct {
	storage.Store
	held    sync.WaitGroup
	release chan struct{}
}

func (h *heldStore) RegisterClient(ctx context.Context, c storage.Client, ceiling storage.Ceiling) error {
	h.held.Done()
	<-h.release
	return h.Store.RegisterClient(ctx, c, ceiling)
}

// TestBounds: what exceeds the bound of its kind is refused immediately, with Retry-After,
// and other kinds are served. A request whose body does not come takes no place.
func TestBounds(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	got := c.connect()
	const most = 64
	held := &heldStore{Store: s.store.Store, release: make(chan struct{})}
	held.held.Add(most)
	s.store.Store = held
	slow, body := io.Pipe()
	var all sync.WaitGroup
	registration := func(body io.Reader) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, base+"/register", body)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		return w
	}
	const metadata = `{"redirect_uris":["http://127.0.0.1/callback"],"token_endpoint_auth_method":"none"}`
	all.Go(func() { registration(slow) })
	time.Sleep(50 * time.Millisecond)
	for range most {
		all.Go(func() {
			if w := registration(strings.NewReader(metadata)); w.Code != http.StatusCreated {
				t.Errorf("one within the bound: %d %s", w.Code, w.Body)
			}
		})
	}
	held.held.Wait()
	w := registration(strings.NewReader(metadata))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "temporarily_unavailable") {
		t.Errorf("one more: %d %v %s", w.Code, w.Header(), w.Body)
	}
	s.wantAccess(t, got.access, true)
	tokensOf(t, c.refresh(got.refresh))
	s.form("/token", url.Values{"client_id": {c.id}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}}).want(t, http.StatusBadRequest, "invalid_grant")
	close(held.release)
	_ = body.Close()
	all.Wait()
	s.store.Store = held.Store
	s.register()
}
