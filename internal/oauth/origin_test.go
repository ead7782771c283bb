package oauth_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

func TestOriginSpelling(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://mcp.example.com": "https://mcp.example.com", "HTTPS://MCP.example.COM:443": "https://mcp.example.com",
		"https://mcp.example.com:80": "https://mcp.example.com:80", "http://localhost:80": "http://localhost",
		"http://[0:0::1]:8080": "http://[::1]:8080", "http://[::1]:80": "http://[::1]", "http://10.0.0.7:8080": "http://10.0.0.7:8080",
		"https://bücher.example": "https://xn--bcher-kva.example", "https://BÜCHER.example:443": "https://xn--bcher-kva.example",
		"https://b%C3%BCcher.example": "https://xn--bcher-kva.example", "https://XN--BCHER-KVA.example": "https://xn--bcher-kva.example",
		"https://日本語。example:8443": "https://xn--wgv71a119e.example:8443", "http://mcp_keep:8080": "http://mcp_keep:8080",

		"https://mcp.example.com/": "", "https://mcp.example.com/x": "", "https://mcp.example.com?x": "", "https://mcp.example.com?": "",
		"https://mcp.example.com#x": "", "https://mcp.example.com#": "", "https://u@mcp.example.com": "", "mcp.example.com": "", "https://": "",
		"null": "", "": "", "ftp://mcp.example.com": "", "https://xn--a.example": "", "http://[fe80::1%25eth0]": "", "https://:443": "",

		// No client can connect to these; a listener on loopback is yet to pick its port.
		"https://*.example.com": "", "https://a..example": "", "https://-a.example": "", "https://a.example.": "", "https://.example": "",
		"https://a.example:0": "", "http://127.0.0.1:0": "http://127.0.0.1:0", "http://[::1]:0": "http://[::1]:0", "https://a.example:65536": "", "https://a.example:0443": "", "https://a.example:65535": "https://a.example:65535",
		"https://2130706433": "", "https://127.1": "", "https://a.example;b.example": "", "https://a.example,b.example": "", "https://a example": "",
	} {
		got, ok := oauth.Origin(given)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %t, want %q", given, got, ok, want)
		}
	}
}

// TestOriginPolicyRefused: schemes that any page can have are never listed.
func TestOriginPolicyRefused(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{
		"", ":", "*", "http:", "https:", "HTTPS:", "file:", "data:", "blob:", "about:", "javascript:", "null", "null:", "ws:", "file://", "data:text/html",
		"https://app.example/", "https://app.example/x", "https://*.example", "app.example", "chrome-extension://", "chrome-extension://x/y", "app", "a b:",
	} {
		if _, err := oauth.NewOriginPolicy([]string{entry}); err == nil {
			t.Errorf("%q can be listed", entry)
		}
	}
}
