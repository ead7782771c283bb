package upstreams_test

import (
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// TestProviderToken: the token goes into a header that nothing else sets, over a connection
// that keeps it secret.
func TestProviderToken(t *testing.T) {
	t.Parallel()
	near := `"url": "http://127.0.0.1:9000"`
	for entry, want := range map[string]string{
		near:                                "",
		near + `, "provider_token": "none"`: "",
		near + `, "provider_token": "x-github-token"`:                                    "X-Github-Token",
		near + `, "provider_token": "Authorization"`:                                     "Authorization",
		`"url": "unix:/run/a.sock:/mcp", "provider_token": "X-Token"`:                    "X-Token",
		`"url": "https://mcp.example.com", "provider_token": "X-Token"`:                  "X-Token",
		near + `, "headers": {"Authorization": "Bearer a"}, "provider_token": "X-Token"`: "X-Token",
		near + `, "forward_headers": ["X-Tenant"], "provider_token": "X-Token"`:          "X-Token",
		`"url": "http://localhost:9000/mcp", "disabled": false, "provider_token": "X-T"`: "X-T",
	} {
		if got := parse(t, `{"mcpServers": {"a": {`+entry+`}}}`).Upstreams[0].ProviderToken.Header; got != want {
			t.Errorf("%s: %q, want %q", entry, got, want)
		}
	}
	for entry, want := range map[string]string{
		`"url": "http://10.0.0.1/mcp", "provider_token": "X-Token"`:                            "f.yaml:1:71: the token would cross a network unencrypted",
		`"url": "http://tickets/mcp", "provider_token": "X-Token"`:                             "unencrypted",
		near + `, "headers": {"x-token": "a"}, "provider_token": "X-Token"`:                    "X-Token is in headers as well",
		near + `, "headers": {"authorization": "Bearer a"}, "provider_token": "Authorization"`: "Authorization is in headers as well",
		near + `, "forward_headers": ["X-Token"], "provider_token": "x-token"`:                 "X-Token is in forward_headers as well",
		near + `, "provider_token": ["X-Token"]`:                                               "a list here",
		near + `, "provider_token": true`:                                                      "true or false here",
		`"command": "sh", "provider_token": "X-Token"`:                                         "provider_token has no meaning for a server with a command",
	} {
		_, err := upstreams.Parse("f.yaml", []byte(`{"mcpServers": {"a": {`+entry+`}}}`), options())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", entry, err, want)
		}
	}
	for _, name := range []string{
		"", "two words", "X-Mcpkeep-User", "x_mcpkeep_email", "Mcp-Session-Id", "Host", "Connection", "Content-Length", "Transfer-Encoding", "Cookie",
		"Forwarded", "X-Forwarded-For", "Proxy-Authorization", "Te", "Upgrade", "Accept", "Content-Type", "User-Agent", "Last-Event-Id", "Traceparent", "Sec-Fetch-Site",
	} {
		text := `{"mcpServers": {"a": {` + near + `, "provider_token": "` + name + `"}}}`
		if _, err := upstreams.Parse("f.yaml", []byte(text), options()); err == nil {
			t.Errorf("the header %q was taken", name)
		}
	}
	a, b := parse(t, `{"mcpServers": {"a": {`+near+`, "provider_token": "X-A"}}}`).Upstreams[0], parse(t, "\n"+`{"mcpServers": {"a": {`+near+`, "provider_token": "X-A"}}}`).Upstreams[0]
	if !a.Equal(b) {
		t.Error("an entry that moved is another one")
	}
}
