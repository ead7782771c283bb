package mcpkeep_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mcpkeep/mcpkeep"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// TestPool: mcpkeep runs on a program's own pool of one connection, and leaves it open.
func TestPool(t *testing.T) {
	t.Parallel()
	cfg, err := pgxpool.ParseConfig(dbtest.Postgres().URL(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxConns = 1
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	keep, err := mcpkeep.Open(t.Context(), mcpkeep.Config{
		BaseURL: "https://mcp.example.com", Pool: pool, Keys: keyring.Generate(), Logger: slog.New(slog.DiscardHandler),
		Provider: mcpkeep.GitHub("id", "secret"), Allow: mcpkeep.Allow{Anyone: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "https://mcp.example.com/register", strings.NewReader(`{"redirect_uris":["http://127.0.0.1/cb"]}`))
	r.Header.Set("Content-Type", "application/json")
	keep.Handler(nil).ServeHTTP(w, r)
	if w.Code != http.StatusCreated {
		t.Errorf("registration: %d %s", w.Code, w.Body)
	}
	if err := keep.Close(); err != nil {
		t.Error(err)
	}
	var clients int
	if err := pool.QueryRow(context.Background(), "SELECT COUNT(*) FROM oauth_clients").Scan(&clients); err != nil || clients != 1 {
		t.Errorf("the pool afterwards: %d clients, %v", clients, err)
	}
}

// TestTwoDatabases: a pool and a URL are one too many, and the error names both fields.
func TestTwoDatabases(t *testing.T) {
	t.Parallel()
	_, err := mcpkeep.Open(t.Context(), mcpkeep.Config{BaseURL: "http://127.0.0.1:1", DatabaseURL: "postgres://u:sesame@h/d", Pool: new(pgxpool.Pool)})
	if err == nil || !strings.Contains(err.Error(), "Config.Pool") || !strings.Contains(err.Error(), "Config.DatabaseURL") || strings.Contains(err.Error(), "sesame") {
		t.Error(err)
	}
}

// TestDocIsShort: a reviewer reads the list of what is exported in one look.
func TestDocIsShort(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "doc", "github.com/mcpkeep/mcpkeep").Output()
	if n := strings.Count(string(out), "\n"); err != nil || n == 0 || n > 70 {
		t.Errorf("go doc prints %d lines, %v; want at most 70", n, err)
	}
}
