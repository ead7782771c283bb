package main

import (
	"log/slog"
	"strings"
	"testing"
)

// TestEveryoneAsAtFastMCP: "*" means everyone where FastMCP's servers take it so, with a
// warning, and nowhere else.
func TestEveryoneAsAtFastMCP(t *testing.T) {
	for _, tt := range []struct {
		name, own, fastmcp string
		users              []string
		anyone             bool
	}{
		{"FastMCP's variable", "", " * ", []string{"*"}, true},
		{"own variable", "*", "", []string{"*"}, false},
		{"both", "*", "*", []string{"*"}, false},
		{"with a login", "", "*,alice", []string{"*", "alice"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("MCPKEEP_ALLOWED_USERS", tt.own)
			t.Setenv(fastmcpUsernames, tt.fastmcp)
			var said strings.Builder
			f := providerFlags{Provider: "github", AllowedUsers: tt.users}
			if err := f.likeFastMCP(slog.New(slog.NewTextHandler(&said, nil))); err != nil {
				t.Fatal(err)
			}
			if f.AllowAnyone != tt.anyone || (len(f.AllowedUsers) == 0) != tt.anyone || strings.Contains(said.String(), fastmcpUsernames) != tt.anyone {
				t.Errorf("anyone %v, users %q, log %q", f.AllowAnyone, f.AllowedUsers, said.String())
			}
		})
	}
}

// TestCallbackPathAsAtFastMCP: FastMCP adds the first slash of its redirect path, and our own
// setting is taken as it is.
func TestCallbackPathAsAtFastMCP(t *testing.T) {
	for _, tt := range []struct{ own, fastmcp, path, want string }{
		{"", "oauth/cb", "oauth/cb", "/oauth/cb"},
		{"", "/oauth/cb", "/oauth/cb", "/oauth/cb"},
		{"", "", "/auth/callback", "/auth/callback"},
		{"", "oauth/cb", "flag", "flag"},
		{"oauth/cb", "oauth/cb", "oauth/cb", "oauth/cb"},
	} {
		for _, name := range []string{fastmcpGitHubPath, fastmcpGooglePath} {
			t.Setenv(fastmcpGitHubPath, "")
			t.Setenv(fastmcpGooglePath, "")
			t.Setenv("MCPKEEP_CALLBACK_PATH", tt.own)
			t.Setenv(name, tt.fastmcp)
			f := providerFlags{Provider: "github", CallbackPath: tt.path}
			if err := f.likeFastMCP(nil); err != nil || f.CallbackPath != tt.want {
				t.Errorf("%+v: %q, %v", tt, f.CallbackPath, err)
			}
		}
	}
}
