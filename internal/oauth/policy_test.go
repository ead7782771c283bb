package oauth_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

func policy(tb testing.TB, mode oauth.RegistrationMode, places ...string) oauth.RegistrationPolicy {
	tb.Helper()
	p, err := oauth.NewRegistrationPolicy(mode, places)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// TestRegistrationPolicy: B6.
func TestRegistrationPolicy(t *testing.T) {
	t.Parallel()
	listed := policy(t, oauth.RegistrationAllowlist, "claude.ai", " CLAUDE.com ", "keep.example:8443", "cursor:", "[2001:db8::1]", "a.example:443")
	onlyLoopback := policy(t, oauth.RegistrationAllowlist)
	tests := []struct {
		name   string
		policy oauth.RegistrationPolicy
		uri    string
		code   oauth.Code // "" when it may register
	}{
		{"zero value", oauth.RegistrationPolicy{}, "https://evil.example/cb", ""},
		{"open", policy(t, oauth.RegistrationOpen), "https://evil.example/cb", ""},
		{"IPv4 loopback", onlyLoopback, "http://127.0.0.1:5/cb", ""},
		{"IPv6 loopback", onlyLoopback, "http://[::1]:5/cb", ""},
		{"localhost", onlyLoopback, "http://localhost/cb", ""},
		{"localhost as a scheme's host", onlyLoopback, "evil://localhost/cb", oauth.InvalidRedirectURI},
		{"nothing is listed", onlyLoopback, "https://claude.ai/cb", oauth.InvalidRedirectURI},
		{"listed", listed, "https://claude.ai/any/path?x", ""},
		{"listed, default port", listed, "https://claude.ai:443/cb", ""},
		{"listed in another case", listed, "https://Claude.COM/cb", ""},
		{"listed with port", listed, "https://keep.example:8443/cb", ""},
		{"listed with default port", listed, "https://a.example/cb", ""},
		{"listed IPv6", listed, "https://[2001:db8::1]/cb", ""},
		{"listed scheme", listed, "cursor://anysphere.cursor-mcp/oauth/callback", ""},
		{"another port", listed, "https://claude.ai:8443/cb", oauth.InvalidRedirectURI},
		{"port left out", listed, "https://keep.example/cb", oauth.InvalidRedirectURI},
		{"another scheme", listed, "cursorx://anysphere.cursor-mcp/", oauth.InvalidRedirectURI},
		{"listed host, private scheme", listed, "evil://claude.ai/cb", oauth.InvalidRedirectURI},
		{"B3 subdomain", listed, "https://x.claude.ai/cb", oauth.InvalidRedirectURI},
		{"B3 suffix", listed, "https://claude.ai.evil.example/cb", oauth.InvalidRedirectURI},
		{"B3 prefix", listed, "https://evilclaude.ai/cb", oauth.InvalidRedirectURI},
		{"B3 user information", listed, "https://claude.ai@evil.example/cb", oauth.InvalidRedirectURI},
		{"B3 in the path", listed, "https://evil.example/claude.ai", oauth.InvalidRedirectURI},
		{"B4 backslash", listed, `https://evil.example\.claude.ai/cb`, oauth.InvalidRedirectURI},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, uris := range [][]string{{tt.uri}, {"http://localhost:1/x", tt.uri}, {tt.uri, "http://localhost:1/x"}} {
				err := tt.policy.Check(redirects(uris)...)
				if tt.code == "" && err != nil || tt.code != "" && codeOf(t, err) != tt.code {
					t.Errorf("Check(%q) = %v, want %q", uris, err, tt.code)
				}
			}
		})
	}
}

func TestRegistrationClosed(t *testing.T) {
	t.Parallel()
	closed := policy(t, oauth.RegistrationClosed, "claude.ai")
	for _, uris := range [][]string{nil, {"https://claude.ai/cb"}, {"http://127.0.0.1/cb"}} {
		var refused *oauth.Error
		if err := closed.Check(redirects(uris)...); !errors.As(err, &refused) || refused.Code != oauth.AccessDenied || refused.Status != 403 {
			t.Errorf("%q: %v", uris, err)
		}
	}
	if !closed.Closed() || policy(t, oauth.RegistrationAllowlist).Closed() || (oauth.RegistrationPolicy{}).Closed() {
		t.Error("Closed() is wrong")
	}
}

func TestRegistrationPolicyRefuses(t *testing.T) {
	t.Parallel()
	for _, place := range []string{
		"", "*", "*.example.com", "https://claude.ai", "claude.ai/", "claude.ai/cb", "u@claude.ai", "claude.ai:0", "claude.ai:x", "a b",
		"javascript:", "https:", "http:", "cursor://", "2130706433", "claude.ai.", "bücher.example", "claude.ai?x", "claude.ai#x", "[::1", "data:",
	} {
		if _, err := oauth.NewRegistrationPolicy(oauth.RegistrationAllowlist, []string{place}); err == nil || !strings.Contains(err.Error(), "want a host") {
			t.Errorf("%q: %v", place, err)
		}
	}
	if _, err := oauth.NewRegistrationPolicy("shut", nil); err == nil || !strings.Contains(err.Error(), "allowlist") {
		t.Errorf("mode: %v", err)
	}
}
