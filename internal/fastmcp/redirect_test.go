package fastmcp_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// TestNormalURL: the expected forms are those of pydantic's AnyUrl.
func TestNormalURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://app.example.com":                   "https://app.example.com/",
		"https://app.example.com/":                  "https://app.example.com/",
		"HTTPS://X.Example.com:443/a/":              "https://x.example.com/a/",
		"http://localhost:80":                       "http://localhost/",
		"http://localhost:33418/callback":           "http://localhost:33418/callback",
		"http://[::1]:80/Cb":                        "http://[::1]/Cb",
		"https://x?a=B":                             "https://x/?a=B",
		"https://User@X/":                           "https://User@x/",
		"cursor://anysphere.cursor-retrieval/oauth": "cursor://anysphere.cursor-retrieval/oauth",
		"CURSOR://anysphere.Cursor":                 "cursor://anysphere.Cursor",
		"https://x:8443":                            "https://x:8443/",
		"https://x/%7Euser?redirect=HTTP://Y#Z":     "https://x/%7Euser?redirect=HTTP://Y#Z",
		"com.example.app:/cb":                       "com.example.app:/cb",
		"":                                          "",
	} {
		if got := fastmcp.NormalURL(text); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
		if again := fastmcp.NormalURL(want); again != want {
			t.Errorf("%s is not stable: %s", want, again)
		}
	}
	if !fastmcp.HasURL([]string{"https://a/", "https://b/"}, "https://B") || fastmcp.HasURL([]string{"https://a/x"}, "https://a/X") {
		t.Error("the list is not compared in this form")
	}
}
