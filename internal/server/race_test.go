package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

const rivals = 64

// race posts a form to /token from many connections concurrently, to two replicas.
func race(t *testing.T, s *site, form url.Values) []answer {
	t.Helper()
	return raceOf(t, s, http.MethodPost, "/token", form.Encode(), header{"Content-Type": "application/x-www-form-urlencoded"})
}

// raceOf sends one request from many connections concurrently, to two replicas.
func raceOf(t *testing.T, s *site, method, path, body string, h header) []answer {
	t.Helper()
	var addresses [2]string
	for i := range addresses {
		srv := httptest.NewServer(s.replica(func(*server.Config) {}).handler)
		t.Cleanup(srv.Close)
		addresses[i] = srv.URL
	}
	answers, begin := make([]answer, rivals), make(chan struct{})
	var wg sync.WaitGroup
	for i := range answers {
		req, err := http.NewRequestWithContext(t.Context(), method, addresses[i%len(addresses)]+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = hostOf(base)
		for name, value := range h {
			req.Header.Set(name, value)
		}
		wg.Go(func() {
			<-begin
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			answers[i] = read(t, resp)
		})
	}
	close(begin)
	wg.Wait()
	return answers
}

// TestConcurrentRedemption: C2, guarantee 2. One of many tries wins; the others
// are reuse, so in the end nothing of the code is worth anything.
func TestConcurrentRedemption(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c := s.register()
		winners := 0
		for _, a := range race(t, s, c.exchangeForm(c.code("mcp"))) {
			if a.Status == http.StatusOK {
				winners++
				s.wantAccess(t, tokensOf(t, a).access, false)
				continue
			}
			a.want(t, http.StatusBadRequest, "invalid_grant")
		}
		if winners != 1 {
			t.Errorf("%d of %d redemptions won", winners, rivals)
		}
	})
}

// TestConcurrentRefresh: 2.1-02, C5, guarantee 3. All get the same successor.
func TestConcurrentRefresh(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c := s.register()
		answers := race(t, s, c.refreshForm(c.connect().refresh))
		first := tokensOf(t, answers[0])
		for _, a := range answers[1:] {
			if got := tokensOf(t, a); got != first {
				t.Errorf("two successors of one token")
			}
		}
		s.wantAccess(t, first.access, true)
	})
}
