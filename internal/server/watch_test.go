package server_test

import (
	"net/http"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/server"
)

// TestCallEndsWithItsAccess: a call that is running when its grant is revoked is canceled and
// gets the challenge, which has the client sign in again. One of another grant continues.
func TestCallEndsWithItsAccess(t *testing.T) {
	t.Parallel()
	running, finish := make(chan bool, 2), make(chan bool)
	s := start(t, func(set *setup) {
		set.Resources = []server.Resource{{Path: "/mcp", Watched: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running <- true
			select {
			case <-r.Context().Done():
			case <-finish:
				w.WriteHeader(http.StatusAccepted)
			}
		})}}
	})
	c, other := s.register(), s.register()
	got, kept := c.connect(), other.connect()
	ended, continued := make(chan answer, 1), make(chan answer, 1)
	go func() { ended <- s.callAt("/mcp", got.access) }()
	go func() { continued <- s.callAt("/mcp", kept.access) }()
	<-running
	<-running
	c.revoke(got.refresh)
	if a := <-ended; a.Status != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("the call of the revoked grant got %d %v", a.Status, a.Header)
	}
	close(finish)
	if a := <-continued; a.Status != http.StatusAccepted {
		t.Errorf("the other call got %d", a.Status)
	}
}
