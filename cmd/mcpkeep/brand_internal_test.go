package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// TestBadBrand: one line that names the variable, exit status 2, and nothing changed.
func TestBadBrand(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct{ variable, value, want string }{
		{"MCPKEEP_LOGO", file("text.png", "hello"), "MCPKEEP_LOGO (--logo): neither a PNG nor an SVG image; want the path of"},
		{"MCPKEEP_LOGO", file("large.svg", strings.Repeat(" ", 256<<10+1)), "MCPKEEP_LOGO (--logo): larger than 256 kB"},
		{"MCPKEEP_LOGO", file("script.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "MCPKEEP_LOGO (--logo): <script> is not allowed"},
		{"MCPKEEP_LOGO", filepath.Join(dir, "none.svg"), "MCPKEEP_LOGO (--logo): no such file or directory"},
		{"MCPKEEP_ACCENT", "green", `MCPKEEP_ACCENT (--accent): "green" is not a color; want a color such as #0b6152`},
		{"MCPKEEP_SUPPORT", "call me", `MCPKEEP_SUPPORT (--support): "call me" is not usable; want a mail address`},
		{"MCPKEEP_TERMS_URL", "http://example.com", `MCPKEEP_TERMS_URL (--terms-url): "http://example.com" is not usable; want an https URL`},
		{"MCPKEEP_PRIVACY_URL", "javascript:alert(1)", "MCPKEEP_PRIVACY_URL (--privacy-url): "},
		{"MCPKEEP_NAME", "Verified by this server", "MCPKEEP_NAME (--name): "},
		{"MCPKEEP_NAME", "Acme\u3164tools", "cannot be seen"},
	} {
		database := filepath.Join(dir, "test.db")
		got := command(t, map[string]string{"DATABASE_URL": "sqlite:" + database, tt.variable: tt.value}, "serve")
		got.wants(t, exitUsage, tt.want)
		if got.out != "" || strings.Count(got.err, "\n") != 1 {
			t.Errorf("%s=%s: not one line: %q, %q", tt.variable, tt.value, got.out, got.err)
		}
		if _, err := os.Stat(database); err == nil {
			t.Errorf("%s=%s: a database was made", tt.variable, tt.value)
		}
	}
}

// TestBrand: the settings reach the pages.
func TestBrand(t *testing.T) {
	logo := filepath.Join(t.TempDir(), "logo.svg")
	if err := os.WriteFile(logo, []byte(`<svg xmlns="http://www.w3.org/2000/svg"><circle r="4" fill="#f00"/></svg>`), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"DATABASE_URL": dbtest.SQLite().URL(t), "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}
	address := served(t, env, "--logo", logo, "--support", "help@example.com", "--accent", "#1e40af",
		"--terms-url", "https://example.com/terms", "--privacy-url", "https://example.com/privacy")
	for path, wants := range map[string][]string{
		"/logo":           {`<circle r="4"`},
		"/consent?flow=x": {"--accent: #1e40af;", "mailto:help@example.com", "https://example.com/terms", "https://example.com/privacy", `src="/logo"`},
	} {
		resp, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		for _, want := range wants {
			if err != nil || !strings.Contains(string(body), want) {
				t.Errorf("%s: %v, lacks %s", path, err, want)
			}
		}
	}
}
