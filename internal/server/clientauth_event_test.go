package server_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestClientRefusedEvent: a client on record that does not authenticate is in the audit
// trail; one that is not on record, or does, is not.
func TestClientRefusedEvent(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register(map[string]any{"token_endpoint_auth_method": "client_secret_post"})
	got := c.connect()
	c.refresh(got.refresh).want(t, http.StatusOK, "")
	c.refresh("x", url.Values{"client_id": {"unknown"}}).want(t, http.StatusUnauthorized, "invalid_client")
	for what, a := range map[string]answer{
		"token": c.refresh("x", url.Values{"client_secret": {"wrong"}}), "revoke": c.revoke("x", url.Values{"client_secret": nil}),
	} {
		if a.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", what, a.Status)
		}
	}
	events, err := s.store.ListEvents(t.Context(), storage.EventFilter{Type: storage.EventClientRefused}, "", 10)
	if err != nil || len(events) != 2 {
		t.Fatalf("%+v, %v, want 2 events", events, err)
	}
	for _, e := range events {
		if e.ClientID != c.id || e.Actor != storage.ActorClient || e.Detail != "wrong or missing secret" || e.Reference == "" {
			t.Errorf("%+v", e)
		}
	}
}
