package app_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/app"
)

// TestOwnDocuments: a client ID at any name of this server is no document: the server would
// fetch it from itself.
func TestOwnDocuments(t *testing.T) {
	t.Parallel()
	origins := []string{"https://127.0.0.1:8443", "https://[::1]:8443", "https://localhost", "https://keep.invalid:9443"}
	a, err := app.Open(t.Context(), app.Settings{
		BaseURL: origins[0], Names: origins[1:], DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "test.db"),
		Provider: app.Provider{Kind: app.Local, Password: "correct-horse-battery-staple"}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	handler := a.Handler(nil)
	for _, origin := range append(origins, "https://127.0.0.1", "https://LOCALHOST:9443") {
		query := url.Values{"client_id": {origin + "/app.json"}, "redirect_uri": {"http://127.0.0.1/callback"}, "response_type": {"code"}}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, origins[0]+"/authorize?"+query.Encode(), nil)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "This app is not registered") {
			t.Errorf("%s: %d %s", origin, w.Code, w.Body)
		}
	}
}
