package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
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

// TestExpiryEndsNoCall: a call continues when its token expires, whether or not the client
// renews that, until the grant is revoked or its user may no longer enter.
func TestExpiryEndsNoCall(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	got := c.connect()
	watch := func(entry *identity.Policy) func() bool {
		cfg := s.config
		cfg.Resources = []server.Resource{{Path: "/mcp", Watched: true, Entry: entry, Handler: http.NotFoundHandler()}}
		srv, err := server.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		stillValid, err := server.Watch(t.Context(), srv, storage.HashOf(got.access))
		if err != nil {
			t.Fatal(err)
		}
		return stillValid
	}
	stillValid, ofAnother := watch(nil), watch(&identity.Policy{Users: []string{"someone-else"}})
	s.clock.advance(s.config.Lifetimes.AccessToken + time.Second)
	if a := s.call(got.access); a.Status != http.StatusUnauthorized {
		t.Fatalf("a new call of the expired token got %d", a.Status)
	}
	if !stillValid() {
		t.Error("an open call ends when its token expires")
	}
	if ofAnother() {
		t.Error("a call of a user who may no longer enter continues after its token has expired")
	}
	renewed := tokensOf(t, c.refresh(got.refresh))
	if !stillValid() {
		t.Error("an open call ends when the client renews its token")
	}
	c.revoke(renewed.refresh)
	if stillValid() {
		t.Error("a call of a revoked grant continues after its token has expired")
	}
}

// TestLargeCallOfUpstream: what is in front of an upstream refuses a large request itself, as its
// clients expect it.
func TestLargeCallOfUpstream(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) {
		set.Resources = []server.Resource{{Path: "/mcp", Watched: true, MaxBody: 10, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > 10 {
				w.WriteHeader(http.StatusTeapot)
			}
		})}}
	})
	a := s.do(http.MethodPost, "/mcp", `{"more than": "10"}`, header{"Authorization": "Bearer " + s.register().connect().access})
	if a.Status != http.StatusTeapot {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}
