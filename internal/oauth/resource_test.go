package oauth_test

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

func TestRequested(t *testing.T) {
	t.Parallel()
	const (
		public = "https://mcp.example.com"
		local  = "http://127.0.0.1:8080"
		six    = "http://[::1]:80"
	)
	tests := []struct {
		name, base string
		values     []string
		code       oauth.Code
	}{
		{"8707-06 omitted", public, nil, ""},
		{"exact", public, []string{public + "/mcp"}, ""},
		{"8707-04 repeated", public, []string{public + "/mcp", public + "/", public}, ""},
		{"8707-05 upper case", public, []string{"HTTPS://MCP.Example.COM/mcp"}, ""},
		{"8707-05 default port", public, []string{public + ":443/mcp"}, ""},
		{"8707-05 empty port", public, []string{public + ":/mcp"}, ""},
		{"8707-05 bare origin", public, []string{public}, ""},
		{"8707-05 bare origin with slash", public, []string{public + "/"}, ""},
		{"C-06 trailing slash", public, []string{public + "/mcp/"}, ""},
		{"loopback", local, []string{local + "/mcp"}, ""},
		{"IPv6, default port", six, []string{"http://[::1]/mcp"}, ""},
		{"default port configured", public + ":443", []string{public + "/mcp"}, ""},
		{"8707-02 another host", public, []string{"https://evil.example/mcp"}, oauth.InvalidTarget},
		{"8707-02 one of two is foreign", public, []string{public + "/mcp", "https://evil.example/mcp"}, oauth.InvalidTarget},
		{"8707-02 another scheme", public, []string{"http://mcp.example.com/mcp"}, oauth.InvalidTarget},
		{"8707-02 another port", public, []string{public + ":8443/mcp"}, oauth.InvalidTarget},
		{"8707-02 the other scheme's port", public, []string{public + ":80/mcp"}, oauth.InvalidTarget},
		{"8707-02 port of a loopback", local, []string{"http://127.0.0.1:8081/mcp"}, oauth.InvalidTarget},
		{"8707-02 localhost is another host", local, []string{"http://localhost:8080/mcp"}, oauth.InvalidTarget},
		{"8707-02 longer host", public, []string{public + ".evil.example/mcp"}, oauth.InvalidTarget},
		{"8707-02 user information", public, []string{"https://mcp.example.com@evil.example/mcp"}, oauth.InvalidTarget},
		{"8707-02 user information before our host", public, []string{"https://u@mcp.example.com/mcp"}, oauth.InvalidTarget},
		{"8707-05 another path", public, []string{public + "/other"}, oauth.InvalidTarget},
		{"8707-05 longer path", public, []string{public + "/mcp/x"}, oauth.InvalidTarget},
		{"8707-05 path in upper case", public, []string{public + "/MCP"}, oauth.InvalidTarget},
		{"8707-05 encoded path", public, []string{public + "/%6dcp"}, oauth.InvalidTarget},
		{"8707-05 dot segment", public, []string{public + "/./mcp"}, oauth.InvalidTarget},
		{"8707-05 two trailing slashes", public, []string{public + "/mcp//"}, oauth.InvalidTarget},
		{"8707-05 origin with two slashes", public, []string{public + "//"}, oauth.InvalidTarget},
		{"8707-05 query of the client's", public, []string{public + "/mcp?utm_source=x&y=%zz"}, ""},
		{"8707-05 empty query", public, []string{public + "/mcp?"}, ""},
		{"8707-05 query after a slash", public, []string{public + "/mcp/?x=1"}, ""},
		{"8707-05 query of the origin", public, []string{public + "?x=1"}, ""},
		{"8707-05 query with and without", public, []string{public + "/mcp?x=1", public + "/mcp"}, ""},
		{"8707-02 query on another host", public, []string{"https://evil.example/mcp?x=" + public + "/mcp"}, oauth.InvalidTarget},
		{"8707-05 query on another path", public, []string{public + "/other?x=/mcp"}, oauth.InvalidTarget},
		{"8707-01 query and fragment", public, []string{public + "/mcp?x=1#y"}, oauth.InvalidTarget},
		{"8707-01 fragment", public, []string{public + "/mcp#x"}, oauth.InvalidTarget},
		{"8707-01 empty fragment", public, []string{public + "/mcp#"}, oauth.InvalidTarget},
		{"8707-01 relative", public, []string{"/mcp"}, oauth.InvalidTarget},
		{"8707-01 without scheme", public, []string{"//mcp.example.com/mcp"}, oauth.InvalidTarget},
		{"8707-01 opaque", public, []string{"urn:example:mcp"}, oauth.InvalidTarget},
		{"8707-01 empty", public, []string{""}, oauth.InvalidTarget},
		{"8707-01 line break", public, []string{public + "/mcp\n"}, oauth.InvalidTarget},
		{"8707-01 leading space", public, []string{" " + public + "/mcp"}, oauth.InvalidTarget},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := oauth.Resources{oauth.NewResource(tt.base, "/mcp")}.Requested(tt.values)
			got := r.URI
			want := tt.base + "/mcp"
			if tt.code != "" {
				want = ""
			}
			if code := codeOf(t, err); code != tt.code || got != want {
				t.Errorf("Requested(%q) = %q, %v", tt.values, got, err)
			}
		})
	}
}

func TestResourceChallenge(t *testing.T) {
	t.Parallel()
	const metadata = `Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"`
	tests := []struct {
		name   string
		params oauth.ChallengeParams
		want   string
	}{
		{"6750-03 no credentials", oauth.ChallengeParams{}, metadata + `, scope="mcp"`},
		{
			"6750-04 invalid token", oauth.ChallengeParams{Code: oauth.InvalidToken, Description: "expired"},
			metadata + `, scope="mcp", error="invalid_token", error_description="expired"`,
		},
		{
			"RS-05 insufficient scope", oauth.ChallengeParams{Code: oauth.InsufficientScope, Scope: "mcp admin"},
			metadata + `, scope="mcp admin", error="insufficient_scope"`,
		},
		{
			"6750-05 nothing to escape", oauth.ChallengeParams{Code: oauth.InvalidToken, Description: "a\"b\\c\r\nX: y\x00é"},
			metadata + `, scope="mcp", error="invalid_token", error_description="a'bcX: y"`,
		},
		{"a description alone is no error", oauth.ChallengeParams{Description: "x"}, metadata + `, scope="mcp"`},
	}
	wellFormed := regexp.MustCompile(`^Bearer [a-z_]+="[^"\\\x00-\x1f\x7f-\x{10ffff}]*"(, [a-z_]+="[^"\\\x00-\x1f\x7f-\x{10ffff}]*")*$`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := oauth.NewResource("https://mcp.example.com", "/mcp").Challenge(tt.params)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if !wellFormed.MatchString(got) {
				t.Errorf("not one scheme with quoted values: %s", got)
			}
		})
	}
}

// TestResourceStepUp: a challenge keeps what the token has, and may ask for what the
// resource offers.
func TestResourceStepUp(t *testing.T) {
	t.Parallel()
	r := oauth.Resource{Offered: []oauth.Scope{{Name: "t:write"}, {Name: "t:read"}}}
	if got := r.StepUp("mcp t:read offline_access", "t:write"); got != "mcp t:read t:write" {
		t.Errorf("asked for %q", got)
	}
	if got := (oauth.Resource{}).StepUp("mcp", "t:write"); got != "mcp" {
		t.Errorf("a resource without that scope asks for %q", got)
	}
}
