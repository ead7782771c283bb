package cimd_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// keptDocument is a document as FastMCP 3 and later store it, with every null.
func keptDocument(id string) map[string]any {
	return map[string]any{
		"client_id": id, "client_name": "Kept", "client_uri": nil, "logo_uri": nil, "redirect_uris": []string{"http://127.0.0.1/cb"},
		"token_endpoint_auth_method": "none", "grant_types": []string{"authorization_code"}, "response_types": []string{"code"}, "scope": nil,
		"contacts": nil, "tos_uri": nil, "policy_uri": nil, "jwks_uri": nil, "jwks": nil, "software_id": nil, "software_version": nil,
	}
}

// keeping is the database of a FastMCP server that fetched a document.
func keeping(t *testing.T, id string, document map[string]any, at time.Time) storage.Store {
	t.Helper()
	url := dbtest.SQLite().URL(t)
	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}
	row, err := json.Marshal(map[string]any{
		"client_id": id, "redirect_uris": nil, "token_endpoint_auth_method": "none", "client_secret": nil, "client_name": "Kept",
		"cimd_document": document, "cimd_fetched_at": float64(at.Unix()) + 0.25,
	})
	if err != nil {
		t.Fatal(err)
	}
	value, err := fastmcp.Seal(keys, row)
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Exec(t, dbtest.SQL(t, url), "INSERT INTO oauth_clients (key, value) VALUES ($1, $2)", fastmcp.ClientKey(id), string(value))
	return repo.New(dbtest.Open(t, url), keys)
}

// TestKeptDocument: the document that FastMCP fetched stands in while its site cannot be
// reached, unless it is another client's. What the site says goes first, and a document there
// that is not valid is its last word.
func TestKeptDocument(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	at := w.clock.Now().Add(-time.Hour)
	id, other := w.Publish("/c.json"), w.Publish("/other.json")
	invalid := w.Publish("/invalid.json", map[string]any{"client_id": "https://other.test/c.json"})
	store := w.ClientStore(keeping(t, id, keptDocument(id), at))
	if _, err := w.ClientStore(keeping(t, invalid, keptDocument(invalid), at)).Client(t.Context(), invalid); !errors.Is(err, storage.ErrDocument) {
		t.Errorf("a document that is not valid: %v", err)
	}
	w.Fail(fetchtest.Down)
	got, err := store.Client(t.Context(), id)
	if err != nil || got.Name != "Kept" || got.Origin != storage.OriginDocument || !got.Unconfirmed || !got.Away {
		t.Errorf("got %+v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"http://127.0.0.1/cb"}, got.RedirectURIs); diff != "" || !got.ConfirmedAt.Equal(at.Add(time.Second/4)) {
		t.Errorf("confirmed at %v %s", got.ConfirmedAt, diff)
	}
	if _, err := w.ClientStore(keeping(t, other, keptDocument(id), at)).Client(t.Context(), other); !errors.Is(err, storage.ErrDocument) {
		t.Errorf("another client's document: %v", err)
	}
	w.Fail(nil)
	w.clock.advance(time.Hour)
	if got, err := store.Client(t.Context(), id); err != nil || got.Name == "Kept" || got.Unconfirmed {
		t.Errorf("the site is back: %+v, %v", got, err)
	}
}
