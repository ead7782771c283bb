package app

import (
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// TestState: administrators see this process among the replicas for as long as it serves, and
// the key that seals the rows.
func TestState(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	a, err := Open(t.Context(), Settings{
		BaseURL: "http://127.0.0.1:8080", DatabaseURL: url, Logger: slog.New(slog.DiscardHandler),
		Provider: Provider{Kind: Local, Password: "correct-horse-battery-staple"},
	})
	if err != nil {
		t.Fatal(err)
	}
	conn := dbtest.SQL(t, url)
	const count = "SELECT COUNT(*) FROM mcpkeep_replicas"
	for dbtest.Value[int](t, conn, count) == 0 {
		select {
		case <-t.Context().Done():
			t.Fatal("it never says that it serves")
		case <-time.After(10 * time.Millisecond):
		}
	}
	state, err := a.state(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(state.Replicas) != 1 || state.Replicas[0].ID != state.Self || state.Replicas[0].Name == "" || state.Replicas[0].Version != state.Version {
		t.Errorf("replicas %+v, this one is %q", state.Replicas, state.Self)
	}
	if len(state.Keys) != 1 || state.Keys[0].State != "active, primary" || state.Keys[0].Missing || state.Keys[0].Rows == 0 {
		t.Errorf("keys %+v", state.Keys)
	}
	if state.Schema != db.NeededVersion() || state.Database != "sqlite" || state.Inspected {
		t.Errorf("state %+v", state)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if n := dbtest.Value[int](t, conn, count); n != 0 {
		t.Errorf("%d replicas after the end", n)
	}
}

// TestAnswered: a provider that responds is there, whatever it says; one that does not is not.
func TestAnswered(t *testing.T) {
	t.Parallel()
	respond := true
	a := &answered{base: roundTripper(func(*http.Request) (*http.Response, error) {
		if !respond {
			return nil, io.ErrUnexpectedEOF
		}
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: io.NopCloser(strings.NewReader(""))}, nil
	})}
	ask := func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://provider.example", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := a.RoundTrip(req); err == nil {
			_ = resp.Body.Close()
		}
	}
	respond = false
	if ask(); !a.at().IsZero() {
		t.Error("it answered without an answer")
	}
	respond = true
	if ask(); time.Since(a.at()) > time.Minute {
		t.Errorf("it answered at %v", a.at())
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
