package oauth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

func TestParseScope(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, scope string
		want        []string
	}{
		{"C-14 empty", "", nil},
		{"spaces only", "  ", nil},
		{"order and repetition", "b a  b c", []string{"b", "a", "c"}},
		{"6749-19 a tab is no separator", "a\tb", []string{"a\tb"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, oauth.ParseScope(tt.scope)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGrantable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, requested, want string
	}{
		{"C-14 empty means the default", "", "mcp"},
		{"C-14 blank means the default", "   ", "mcp"},
		{"AS-22 both", "mcp offline_access", "mcp offline_access"},
		{"order is kept, repetition is not", "offline_access mcp mcp", "offline_access mcp"},
		{"6749-19 unknown is left out", "openid mcp email", "mcp"},
		{"6749-19 nothing left gets the default", "openid email profile", "mcp"},
		{"6749-19 nothing left to do anything with", "openid offline_access", "mcp offline_access"},
		{"6749-19 a broader scope opens the server", "openid mcp:manage", "mcp:manage"},
		{"6749-19 case matters", "MCP:MANAGE", "mcp"},
		{"6749-19 only a space separates", "mcp:manage\toffline_access", "mcp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := oauth.Grantable(tt.requested, oauth.Resource{}); got != tt.want {
				t.Errorf("Grantable(%q) = %q, want %q", tt.requested, got, tt.want)
			}
		})
	}
}

// TestGrantableForResource: the default is what the resource needs.
func TestGrantableForResource(t *testing.T) {
	t.Parallel()
	admin := oauth.Resource{Scopes: []string{oauth.ScopeAdmin}}
	for requested, want := range map[string]string{"": "mcp:admin", "openid": "mcp:admin", "mcp": "mcp"} {
		if got := oauth.Grantable(requested, admin); got != want {
			t.Errorf("6749-19: %q: %q, want %q", requested, got, want)
		}
	}
}

func TestNarrow(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, granted, requested, want string }{
		{"6749-18 omitted means the same", "mcp offline_access", "", "mcp offline_access"},
		{"6749-18 fewer", "mcp offline_access", "mcp", "mcp"},
		{"C-06 more is left out", "mcp", "mcp offline_access", "mcp"},
		{"C6 nothing that was granted", "mcp", "offline_access admin", "mcp"},
		{"6749-18 nothing to do anything with", "mcp offline_access", "offline_access openid", "mcp offline_access"},
		{"same in another order", "mcp offline_access", "offline_access mcp", "offline_access mcp"},
		{"a scope of another program's grant stays", "read write", "write", "write"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := oauth.Narrow(tt.granted, tt.requested); got != tt.want {
				t.Errorf("Narrow(%q, %q) = %q, want %q", tt.granted, tt.requested, got, tt.want)
			}
		})
	}
}

func TestHas(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, granted, needed string
		want                  bool
	}{
		{"itself", "mcp", "mcp", true},
		{"among others", "offline_access mcp", "mcp", true},
		{"RS-06 all of several", "mcp offline_access", "offline_access mcp", true},
		{"RS-06 one of several", "mcp", "mcp offline_access", false},
		{"another", "offline_access", "mcp", false},
		{"part of a name", "mcpx", "mcp", false},
		{"nothing granted", "", "mcp", false},
		{"nothing needed", "mcp", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := oauth.Has(tt.granted, tt.needed); got != tt.want {
				t.Errorf("Has(%q, %q) = %t", tt.granted, tt.needed, got)
			}
		})
	}
}

func TestDescribeScopes(t *testing.T) {
	t.Parallel()
	got := oauth.DescribeScopes("offline_access unknown mcp")
	var names []string
	for _, s := range got {
		if s.Description == "" {
			t.Errorf("scope %s has no description", s.Name)
		}
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{oauth.ScopeOfflineAccess, oauth.ScopeMCP}, names); diff != "" {
		t.Error(diff)
	}
}

func TestScopeLists(t *testing.T) {
	t.Parallel()
	t.Run("AS-22 the authorization server's", func(t *testing.T) {
		t.Parallel()
		if diff := cmp.Diff([]string{"mcp", "offline_access"}, oauth.AdvertisedScopes()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("RS-08 the resource's", func(t *testing.T) {
		t.Parallel()
		if diff := cmp.Diff([]string{"mcp"}, oauth.BasicScopes()); diff != "" {
			t.Error(diff)
		}
	})
}
