package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
)

// TestSlowDocuments: while the site of a made-up client hangs and more requests name it than
// there are places for, registered clients have their sign-in page and their tokens.
func TestSlowDocuments(t *testing.T) {
	s := start(t, publishing(fetchtest.New(t)))
	honest := s.register()
	got := honest.connect()
	release := make(chan struct{})
	s.publisher.Handle("*", func(http.ResponseWriter, *http.Request) { <-release })
	c := s.published("/c.json")
	c.id = s.publisher.URL + "/slow.json"
	form := url.Values{"client_id": {c.id}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}}.Encode()
	var all sync.WaitGroup
	var ended atomic.Int64
	const flood, waiters = 260, 96
	for range flood {
		all.Go(func() {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, base+c.authorizePath(), nil)
			s.handler.ServeHTTP(httptest.NewRecorder(), r)
			ended.Add(1)
		})
		all.Go(func() {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, base+"/token", strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			s.handler.ServeHTTP(httptest.NewRecorder(), r)
			ended.Add(1)
		})
	}
	deadline := time.Now().Add(30 * time.Second)
	for ended.Load() < 2*flood-waiters { // what waits is bounded, and the rest is refused
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d requests were refused", ended.Load(), 2*flood)
		}
		time.Sleep(time.Millisecond)
	}
	if ended.Load() == 2*flood {
		t.Error("no request was refused before the site took too long")
	}
	if a := s.get(honest.authorizePath(), asProgram); a.Status != http.StatusOK {
		t.Errorf("sign-in page: %d %s", a.Status, a.brief())
	}
	if a := honest.refresh(got.refresh); a.Status != http.StatusOK {
		t.Errorf("refresh: %d %s", a.Status, a.brief())
	}
	close(release)
	all.Wait()
}
