package cimd_test

import (
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestKeySet: 7523-04. Keys are fetched under the rules of documents, cached, and
// asked for again because of an unknown key not more often than every half minute.
func TestKeySet(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	w.PublishJSON("/jwks", publicSet(newKey(t), "one"), nil)
	c := storage.Client{ID: "c_1", Client: metadata.Client{JWKSURI: w.URL + "/jwks"}}
	ask := func(renew bool, want int) {
		t.Helper()
		if _, err := w.KeySet(t.Context(), c, renew); err != nil {
			t.Fatal(err)
		}
		if n := w.Requests("/jwks"); n != want {
			t.Errorf("%d requests, want %d", n, want)
		}
	}
	ask(false, 1)
	ask(false, 1)
	for range 20 {
		ask(true, 1)
	}
	w.clock.advance(29 * time.Second)
	ask(true, 1)
	w.clock.advance(time.Second)
	ask(true, 2)
	for range 20 {
		ask(true, 2)
	}
	w.clock.advance(59 * time.Minute)
	ask(false, 2)
	w.clock.advance(time.Minute)
	ask(false, 3)
	w.Fail(fetchtest.Down)
	w.clock.advance(30 * 24 * time.Hour)
	ask(false, 4) // stale-if-error
	ask(true, 4)
}

// TestKeySetRefuses: 7523-03, 7523-04.
func TestKeySetRefuses(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	key := newKey(t)
	private := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: "k"}}}
	for name, set := range map[string]any{
		"private": private, "none": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}, "no set": []int{1},
	} {
		w.PublishJSON("/"+name, set, nil)
		_, err := w.KeySet(t.Context(), storage.Client{ID: "c_1", Client: metadata.Client{JWKSURI: w.URL + "/" + name}}, false)
		var e *storage.DocumentError
		if !errors.As(err, &e) || !e.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, url := range []string{w.URL + "/missing", "https://10.0.0.1/jwks", "https://localhost:22/jwks"} {
		_, err := w.KeySet(t.Context(), storage.Client{ID: "c_1", Client: metadata.Client{JWKSURI: url}}, false)
		var e *storage.DocumentError
		if !errors.As(err, &e) || e.Invalid || e.URL != url {
			t.Errorf("%s: %v", url, err)
		}
	}
}
