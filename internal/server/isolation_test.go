package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	people      = 50
	callsOfEach = 40
)

// TestPeopleAreIsolated: D4, D2, C15. Fifty people concurrently over a few shared
// connections, through whatever the server remembers of tokens: no one ever gets
// what is another's, and a session id of someone else changes nothing.
func TestPeopleAreIsolated(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		srv := httptest.NewServer(s.replica(func(*server.Config) {}).handler)
		t.Cleanup(srv.Close)
		shared := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 8, MaxIdleConnsPerHost: 8}}
		c := s.register()
		var wg sync.WaitGroup
		for i := range people {
			name := fmt.Sprintf("person-%02d", i)
			who := storage.Person{Issuer: "https://idp.example", Subject: name, Login: name, Name: name}
			token := tokensOf(t, c.exchange(c.codeOf(who, "mcp"))).access
			wg.Go(func() {
				for range callsOfEach {
					if !onlyAbout(t, shared, srv.URL, token, name) {
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

var somebody = regexp.MustCompile(`person-\d\d`)

// onlyAbout calls whoami and reports whether the answer is about this person alone.
func onlyAbout(t *testing.T, client *http.Client, address, token, name string) bool {
	t.Helper()
	body := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami"}}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/mcp", body)
	if err != nil {
		t.Error(err)
		return false
	}
	req.Host = hostOf(base)
	for k, v := range map[string]string{
		"Authorization": "Bearer " + token, "Content-Type": "application/json",
		"Accept": "application/json, text/event-stream", "Mcp-Session-Id": "session-of-someone-else",
	} {
		req.Header.Set(k, v)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return false
	}
	a := read(t, resp)
	names := somebody.FindAllString(a.Body, -1)
	for _, other := range names {
		if other != name {
			t.Errorf("%s got what is %s's: %s", name, other, a.Body)
			return false
		}
	}
	if a.Status != http.StatusOK || len(names) == 0 {
		t.Errorf("%s: %d %s", name, a.Status, a.Body)
		return false
	}
	return true
}
