package oauth_test

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

//go:embed testdata/redirect_uris.txt
var redirectURIsFile string

// realRedirectURIs are those of clients in the field, one per line of the file.
var realRedirectURIs = strings.Fields(redirectURIsFile)

// TestParseRedirectURIAccepts: 8252-03.
func TestParseRedirectURIAccepts(t *testing.T) {
	t.Parallel()
	accepted := append([]string{
		"com.example.app:/cb", "com.example.app:/", "com.example.app://oauth2redirect", "myapp:///cb", "myapp://", "MyApp://Callback",
		"http://[::1]:8080/cb", "http://[::1]/cb", "https://[2001:db8::1]/cb", "https://192.0.2.1:8443/cb",
		"https://example.com", "https://example.com:443/cb", "https://EXAMPLE.com/cb", "https://a_b.example.com/cb", "https://intranet/cb",
		"https://xn--bcher-kva.example/cb", "https://example.com/cb?", "https://example.com/a//b", "https://example.com/~a/%7Eb/.well-known/..c",
		"https://example.com/cb?next=https://example.com/?a=b", "https://example.com/*", "https://example.com/" + strings.Repeat("a", 2028),
	}, realRedirectURIs...)
	for _, uri := range accepted {
		if _, err := oauth.ParseRedirectURI(uri); err != nil {
			t.Errorf("%q: %v", uri, err)
		}
	}
}

func TestParseRedirectURIRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"7591-08 not absolute": {
			"", "/cb", "cb", "//example.com/cb", "example.com/cb", "?code=1", "https", "https:", "localhost:8080/cb", "127.0.0.1:8080/cb",
		},
		"7591-08 fragment": {"https://example.com/cb#", "https://example.com/cb#x", "#https://example.com/cb", "com.example.app:/cb#x"},
		"7591-08 user information": {
			"https://claude.ai@evil.example/cb", "https://user:pass@example.com/cb", "https://@example.com/cb", "https://:@example.com/cb",
			"http://localhost@evil.example/cb", "http://localhost:80@evil.example/cb", "http://evil.example@localhost/cb", "myapp://a@b/cb",
		},
		"AS-08 http to another machine": {
			"http://evil.example/cb", "http://127.0.0.1.evil.example/cb", "http://localhost.evil.example/cb", "http://localhost./cb",
			"http://localhostx/cb", "http://xlocalhost/cb", "http://a.localhost/cb", "http://LOCALHOST/cb", "http://192.168.1.5:3000/cb",
			"HTTP://evil.example/cb",
		},
		"8252-06 other spellings of loopback": {
			"http://2130706433/cb", "http://127.1/cb", "http://127.0.1/cb", "http://0x7f.0.0.1/cb", "http://0x7f000001/cb", "http://0177.0.0.1/cb",
			"http://127.0.0.01/cb", "http://127.0.0.1./cb", "http://127.0.0.2/cb", "http://0.0.0.0/cb", "http://0/cb", "http://[::]/cb",
			"http://[::ffff:127.0.0.1]/cb", "http://[::ffff:7f00:1]/cb", "http://[0:0:0:0:0:0:0:1]/cb", "http://[::01]/cb",
			"http://[::1%25lo]/cb", "http://[::1/cb", "http://::1/cb", "http://[::1]x/cb", "http://[::1].evil.example/cb", "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/cb",
		},
		"B4 hosts that parsers read differently": {
			"https://2130706433/cb", "https://0x7f.1/cb", "https://1.2.3/cb", "https://1.2.3.4.5/cb", "https://256.1.1.1/cb", "https://example.com./cb",
			"https://example..com/cb", "https://.example.com/cb", "https://-a.example/cb", "https://a-.example/cb", "https://ex%61mple.com/cb",
			"https://example.com%2eevil.example/cb", "https://example.com%00.evil.example/cb", "https://example.com,evil.example/cb",
			"https://example.com;evil.example/cb", "https://example.com&evil.example/cb", "https://*.example.com/cb", "https://*/cb",
			"https://[::FFFF]/cb", "https://[::ffff:127.0.0.1]/cb", "https://[::ffff:7f00:1]/cb", "https://[fe80::1%25eth0]/cb", "https://[v1.a]/cb", "https://[]/cb", "https://[127.0.0.1]/cb", "https://a]b/cb",
			"https://" + strings.Repeat("a", 64) + ".example/cb", "https://" + strings.Repeat("a.", 127) + "com/cb",
		},
		"B3 names that are not ASCII": {
			"https://bücher.example/cb", "https://claude\u3002ai/cb", "https://cl\u0430ude.ai/cb", "https://xn--/cb", "https://xn--a-.example/cb",
			"https://xn--0.example/cb", "https://xn--zzzzzzzzzz9999999999.example/cb", "https://example.com/\u202ecb", "https://example.com/é",
		},
		"B4 no host": {"https:///cb", "https://", "https://?x", "https://:443/cb", "https:/example.com/cb", "https:example.com/cb", "http:///cb", "http://:8080/cb"},
		"B4 port": {
			"https://example.com:/cb", "https://example.com:0/cb", "https://example.com:65536/cb", "https://example.com:99999999999999999999/cb",
			"https://example.com:-1/cb", "https://example.com:+1/cb", "https://example.com:0443/cb", "https://example.com:1x/cb", "https://example.com:80:80/cb",
			"https://example.com:8_0/cb", "http://localhost:/cb", "http://localhost:0/cb", "http://localhost:65536/cb", "myapp://host:x/cb", "myapp://:1/cb",
		},
		"B4 characters": {
			"https://example.com/a b", " https://example.com/cb", "https://example.com/cb ", "\thttps://example.com/cb", "https://example.com/cb\n",
			"https://exa\tmple.com/cb", "https://example.com\n/cb", "https://example.com/\x00", "https://example.com/\x7f", "ht\ntps://example.com/cb",
			"https:\\\\example.com\\cb", "https://example.com\\@evil.example/cb", "https://evil.example\\.example.com/cb", "https:/\\example.com/cb",
			"https://example.com/<x>", "https://example.com/\"", "https://example.com/`id`", "https://example.com/{x}", "https://example.com/a|b",
			"https://example.com/a^b", "https://example.com/[x]", "https://example.com/cb?a[]=1",
			"https://example.com/%", "https://example.com/%2", "https://example.com/%zz", "https://example.com/cb?%u0041", "https://example.com/\xff",
		},
		"B3 dot segments": {
			"https://example.com/../cb", "https://example.com/a/..", "https://example.com/./cb", "https://example.com/a/.", "https://example.com/%2e%2e/cb",
			"https://example.com/.%2E/cb", "https://example.com/a/%2e/cb", "http://localhost:1/cb/../x", "com.example.app:/../cb",
		},
		"B5 schemes": {
			"javascript:alert(1)", "JaVaScRiPt:alert(1)", "javascript://example.com/%0aalert(1)", " javascript:alert(1)", "java\tscript:alert(1)",
			"java\nscript:alert(1)", "\x01javascript:alert(1)", "%6aavascript:alert(1)", "javascript%3Aalert(1)", "javascript:/alert(1)", "javas\u0441ript:/x",
			"data:text/html,<script>1</script>", "data:/text/html", "DATA://x/y", "vbscript:x", "vbscript:/x", "file:///etc/passwd", "file://host/share",
			"blob:https://example.com/1", "blob:/x", "about:blank", "about:/blank", "ws://example.com/", "wss://example.com/", "ftp://example.com/",
			"mailto:a@example.com", "mailto:/a", "view-source:https://example.com", "view-source:/x", "intent://scan/", "intent:/x", "chrome://settings/",
			"chrome-extension://abc/cb", "moz-extension://abc/cb", "edge://settings", "resource://gre/", "filesystem:https://example.com/", "jar:/x",
			"urn:ietf:wg:oauth:2.0:oob", "tel:123", "tel:/123", "sms:/1", "search-ms:/x", "ms-msdt:/id", "shell:/x", "smb://host/share", "ssh://host/",
		},
		"RFC 3986 §3.1 scheme":          {"1app:/cb", "-app:/cb", ".app:/cb", "+app:/cb", "my app:/cb", "my_app:/cb", ":/cb", "://example.com/cb", "c:/windows/cb", "C:\\cb"},
		"private use, not hierarchical": {"com.example.app:cb", "myapp:", "myapp:?x", "tunnel:https://evil.example/"},
		"length":                        {"https://example.com/" + strings.Repeat("a", 2029)},
	}
	count := 0
	for name, uris := range tests {
		count += len(uris)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, uri := range uris {
				_, err := oauth.ParseRedirectURI(uri)
				if codeOf(t, err) != oauth.InvalidRedirectURI {
					t.Errorf("%q: %v", uri, err)
				}
				if matches([]string{uri}, uri) {
					t.Errorf("%q matches itself though it could not be registered", uri)
				}
				if parsed(uri).IsLoopback() || parsed(uri).Host() != "" {
					t.Errorf("%q has a host", uri)
				}
			}
		})
	}
	if count < 80 {
		t.Errorf("only %d variants", count)
	}
}

func TestMatchRedirectURIExact(t *testing.T) {
	t.Parallel()
	for _, uri := range realRedirectURIs {
		if !matches([]string{"https://other.example/", uri}, uri) {
			t.Errorf("C-02: %q does not match itself", uri)
		}
	}
	if matches(nil, realRedirectURIs[0]) || matches([]string{""}, "") {
		t.Error("B3: an empty list matches")
	}
	const registered = "https://claude.ai/api/mcp/auth_callback"
	for _, requested := range []string{
		"https://claude.ai/api/mcp/auth_callback/", "https://claude.ai/api/mcp/auth_callbac", "https://claude.ai/api/mcp/auth_callbackx",
		"https://claude.ai/api/mcp/auth_callback?", "https://claude.ai/api/mcp/auth_callback?x=1", "https://claude.ai/api/mcp/auth_callback#",
		"https://claude.ai/api/mcp/auth_callback/../x", "https://claude.ai/api/mcp/./auth_callback", "https://claude.ai/api/mcp//auth_callback",
		"https://claude.ai//api/mcp/auth_callback", "https://claude.ai/api/mcp/Auth_callback", "https://claude.ai/api/mcp/%61uth_callback",
		"https://claude.ai/api%2Fmcp/auth_callback", "https://Claude.ai/api/mcp/auth_callback", "HTTPS://claude.ai/api/mcp/auth_callback",
		"http://claude.ai/api/mcp/auth_callback", "https://claude.ai:443/api/mcp/auth_callback", "https://claude.ai:8443/api/mcp/auth_callback",
		"https://claude.ai./api/mcp/auth_callback", "https://claude.ai.evil.example/api/mcp/auth_callback", "https://x.claude.ai/api/mcp/auth_callback",
		"https://claude.ai@evil.example/api/mcp/auth_callback", "https://evil.example/claude.ai/api/mcp/auth_callback",
		"https://claude.ai\\.evil.example/api/mcp/auth_callback", "https://claude.ai/api/mcp/auth_callback\n", "https://cl\u0430ude.ai/api/mcp/auth_callback",
		"https://claude.ai", "https://claude.ai/", "",
	} {
		if matches([]string{registered}, requested) {
			t.Errorf("AS-09: %q matches %q", requested, registered)
		}
	}
}

func TestMatchRedirectURILoopback(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, registered string
		match, differ    []string
	}{
		{
			"8252-01 IPv4", "http://127.0.0.1:8080/cb",
			[]string{"http://127.0.0.1:8080/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://127.0.0.1/cb"},
			[]string{
				"http://localhost:8080/cb", "http://[::1]:8080/cb", "https://127.0.0.1:8080/cb", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/cb/",
				"http://127.0.0.1:8080/cbx", "http://127.0.0.1:8080/CB", "http://127.0.0.1:8080/cb?", "http://127.0.0.1:8080/cb?x", "http://127.0.0.1:8080/%63b",
				"http://127.0.0.1:0/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:080/cb", "http://127.0.0.1:8080@evil.example/cb",
				"http://127.0.0.1:8080//cb", "http://127.0.0.1:8080/x/../cb", "http://127.0.0.1.evil.example:8080/cb", "http://127.0.0.2:8080/cb", "http://127.1:8080/cb",
				"http://127.0.0.1:8080/cb#x", "http://2130706433:8080/cb", "http://[::ffff:127.0.0.1]:8080/cb", "http://127.0.0.1:8080\\@evil.example/cb",
			},
		},
		{
			"8252-01 IPv6", "http://[::1]:8080/cb",
			[]string{"http://[::1]/cb", "http://[::1]:9/cb"}, []string{"http://127.0.0.1/cb", "http://localhost/cb", "http://[0:0:0:0:0:0:0:1]/cb", "http://[::2]/cb"},
		},
		{
			"8252-02 localhost", "http://localhost:8080/cb",
			[]string{"http://localhost/cb", "http://localhost:9/cb"},
			[]string{"http://127.0.0.1:8080/cb", "http://LOCALHOST:8080/cb", "http://localhost.:8080/cb", "http://localhost.evil.example:8080/cb", "http://localhost@evil.example/cb"},
		},
		{
			"CIMD-10 registered without port", "http://localhost/callback",
			[]string{"http://localhost:63277/callback"}, []string{"http://localhost:63277/"},
		},
		{
			"empty path equals slash", "http://127.0.0.1:33418",
			[]string{"http://127.0.0.1:33418/", "http://127.0.0.1:5", "http://127.0.0.1/"}, []string{"http://127.0.0.1:33418//", "http://127.0.0.1:33418?"},
		},
		{
			"slash equals empty path", "http://127.0.0.1:33418/", []string{"http://127.0.0.1", "http://127.0.0.1:4"}, []string{"http://127.0.0.1/x"},
		},
		{
			"8252-01 query is exact", "http://127.0.0.1:1/cb?a=1&b=2",
			[]string{"http://127.0.0.1:2/cb?a=1&b=2"},
			[]string{"http://127.0.0.1:1/cb", "http://127.0.0.1:1/cb?b=2&a=1", "http://127.0.0.1:1/cb?a=1&b=2&a=1", "http://127.0.0.1:1/cb?a=1&b=2&"},
		},
		{
			"https is exact", "https://localhost:8080/cb", []string{"https://localhost:8080/cb"}, []string{"https://localhost:9/cb", "https://localhost/cb", "http://localhost:8080/cb"},
		},
		{
			"private use is exact", "myapp://localhost:8080/cb", []string{"myapp://localhost:8080/cb"}, []string{"myapp://localhost:9/cb", "MYAPP://localhost:8080/cb"},
		},
		{"a registered URI of no use does not match", "http://localhost:8080/a/../cb", nil, []string{"http://localhost:9/cb", "http://localhost:8080/a/../cb"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, uri := range tt.match {
				if !matches([]string{tt.registered}, uri) {
					t.Errorf("%q does not match %q", uri, tt.registered)
				}
			}
			for _, uri := range tt.differ {
				if matches([]string{tt.registered}, uri) {
					t.Errorf("%q matches %q", uri, tt.registered)
				}
			}
		})
	}
}

func TestRedirectHost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		uri, host string
		loopback  bool
	}{
		{"https://Claude.AI:8443/cb", "claude.ai", false},
		{"https://[2001:db8::1]:8443/cb", "[2001:db8::1]", false},
		{"http://localhost:1/cb", "localhost", true},
		{"https://localhost:1/cb", "localhost", true},
		{"http://127.0.0.1/cb", "127.0.0.1", true},
		{"http://[::1]/cb", "[::1]", true},
		{"https://127.0.0.2/cb", "127.0.0.2", false},
		{"evil://claude.ai/cb", "", false},
		{"myapp://localhost/cb", "", false},
		{"com.example.app:/cb", "", false},
	}
	for _, tt := range tests {
		if got := parsed(tt.uri).Host(); got != tt.host {
			t.Errorf("RedirectHost(%q) = %q", tt.uri, got)
		}
		if got := parsed(tt.uri).IsLoopback(); got != tt.loopback {
			t.Errorf("IsLoopback(%q) = %t", tt.uri, got)
		}
	}
}

// matches parses and matches a requested redirect URI.
func matches(registered []string, requested string) bool {
	u, err := oauth.ParseRedirectURI(requested)
	return err == nil && u.Matches(registered)
}

// parsed is the zero value for what is no redirect URI.
func parsed(uri string) oauth.RedirectURI {
	u, err := oauth.ParseRedirectURI(uri)
	if err != nil {
		return oauth.RedirectURI{}
	}
	return u
}

func redirects(uris []string) []oauth.RedirectURI {
	var list []oauth.RedirectURI
	for _, uri := range uris {
		list = append(list, parsed(uri))
	}
	return list
}
