package oauth_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

func TestBuildRedirect(t *testing.T) {
	t.Parallel()
	success := oauth.RedirectParams{Code: "mkc_1", State: "s", Issuer: "https://i.example"}
	const answer = "code=mkc_1&state=s&iss=https%3A%2F%2Fi.example"
	tests := []struct {
		name, uri string
		params    oauth.RedirectParams
		want      string
	}{
		{"9207-01 success", "https://a.example/cb", success, "https://a.example/cb?" + answer},
		{
			"6749-07 error", "https://a.example/cb",
			oauth.RedirectParams{Error: oauth.AccessDenied, ErrorDescription: "no, thanks", State: "s", Issuer: "https://i.example"},
			"https://a.example/cb?error=access_denied&error_description=no%2C%20thanks&state=s&iss=https%3A%2F%2Fi.example",
		},
		{"no state sent", "https://a.example/cb", oauth.RedirectParams{Code: "c", Issuer: "i"}, "https://a.example/cb?code=c&iss=i"},
		{"6749-05 own query is kept as it is", "https://a.example/cb?b=%7e&a=1&a=+2&c", success, "https://a.example/cb?b=%7e&a=1&a=+2&c&" + answer},
		{"empty query", "https://a.example/cb?", success, "https://a.example/cb?" + answer},
		{"no path", "http://127.0.0.1:33418", success, "http://127.0.0.1:33418?" + answer},
		{"C-12 private use", "com.example.app:/cb", success, "com.example.app:/cb?" + answer},
		{"9207-03 iss", "https://a.example/cb?iss=evil", success, "https://a.example/cb?" + answer},
		{
			"9207-03 all of ours, anywhere", "https://a.example/cb?code=1&x=1&state=2&error=3&y=2&error_description=4&error_uri=5&iss=6", success,
			"https://a.example/cb?x=1&y=2&" + answer,
		},
		{"9207-03 encoded name", "https://a.example/cb?i%73s=evil&x", success, "https://a.example/cb?x&" + answer},
		{"9207-03 repeated", "https://a.example/cb?iss=1&iss=2&x&iss", success, "https://a.example/cb?x&" + answer},
		{"9207-03 behind a semicolon", "https://a.example/cb?x=1;iss=evil;y=2", success, "https://a.example/cb?x=1;y=2&" + answer},
		{"9207-03 a space around the name", "https://a.example/cb?+iss=1&%20code=2&x", success, "https://a.example/cb?x&" + answer},
		{"similar names stay", "https://a.example/cb?issuer=1&ISS=2&xcode=3", success, "https://a.example/cb?issuer=1&ISS=2&xcode=3&" + answer},
		{
			"6750-05 description", "https://a.example/cb", oauth.RedirectParams{Error: oauth.ServerError, ErrorDescription: "a\r\n\"b"},
			"https://a.example/cb?error=server_error&error_description=a%27b",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, oauth.BuildRedirect(tt.uri, tt.params)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// State comes back the same for those who decode forms and for those who decode
// percent signs only.
func TestBuildRedirectState(t *testing.T) {
	t.Parallel()
	for _, state := range []string{
		"+ % = / & # ? ;", "%2B+%20", "a b", "\x00\r\n\xff", "é\u202e😀", `{"a":"b"}`, "==", "eyJ.a-_~", " ",
	} {
		u, err := url.Parse(oauth.BuildRedirect("https://a.example/cb?x=1", oauth.RedirectParams{Code: "c", State: state}))
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Query()["state"]; !cmp.Equal(got, []string{state}) {
			t.Errorf("6749-08: state %q came back as %q", state, got)
		}
		raw := u.RawQuery[len("x=1&code=c&state="):]
		if got, err := url.PathUnescape(raw); err != nil || got != state {
			t.Errorf("6749-08: state %q came back as %q without form decoding", state, got)
		}
	}
}
