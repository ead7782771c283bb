package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// TestDoctorAt: a version at an address of its own must be ready and use this database. What
// it says about the base URL does not count.
func TestDoctorAt(t *testing.T) {
	env, store := deployment(t, dbtest.SQLite())
	id, err := store.InstanceID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	status, body := http.StatusOK, ""
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ready" {
			t.Errorf("it asks for %s", r.URL)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer site.Close()
	env["MCPKEEP_BASE_URL"] = "https://mcp.example.com"
	for _, tt := range []struct {
		status int
		body   string
		exit   int
		want   string
	}{
		{http.StatusOK, `{"status":"ready","instance":"` + id + `"}`, exitOK, "uses this database"},
		{http.StatusOK, `{"status":"ready","instance":"other"}`, exitFailed, "another mcpkeep answers at " + site.URL},
		{http.StatusServiceUnavailable, `{"status":"not ready","reason":"no key","instance":"` + id + `"}`, exitFailed, "not ready: no key"},
		{http.StatusForbidden, `<html>`, exitFailed, "no mcpkeep answers (403 Forbidden)"},
	} {
		status, body = tt.status, tt.body
		command(t, env, "doctor", "--at", site.URL+"/").wants(t, tt.exit, tt.want)
	}
	site.Close()
	command(t, env, "doctor", "--at", site.URL).wants(t, exitFailed, "does not answer")
	for _, bad := range []string{"example.com", "ftp://example.com", "https://example.com/mcp", "https://u:secret@example.com"} {
		got := command(t, env, "doctor", "--at", bad)
		got.wants(t, exitUsage, "--at")
		if strings.Contains(got.err, "secret") {
			t.Error("a password is shown")
		}
	}
}
