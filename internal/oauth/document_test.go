package oauth_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

const documentURL = "https://client.example/oauth/client.json"

func TestIsMetadataURL(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		documentURL:                                           true,
		"https://client.example/c":                            true,
		"https://client.example/c/":                           true,
		"https://client.example/c?v=1":                        true, // discouraged, not forbidden
		"https://client.example:8443/c":                       true, // the fetch decides about ports
		"https://127.0.0.1/c":                                 true, // and about addresses
		"https://Client.Example/c":                            true,
		"https://client.example/%41":                          true,
		"https://client.example":                              false,
		"https://client.example/":                             false,
		"https://client.example?x=/c":                         false,
		"http://client.example/c":                             false,
		"http://localhost/c":                                  false,
		"com.example.app:/c":                                  false,
		"HTTPS://client.example/c":                            false,
		"https:/client.example/c":                             false,
		"https:client.example/c":                              false,
		"https:///c":                                          false,
		"https://client.example/c#x":                          false,
		"https://client.example/c#":                           false,
		"https://u@client.example/c":                          false,
		"https://u:p@client.example/c":                        false,
		"https://@client.example/c":                           false,
		"https://client.example/a/../c":                       false,
		"https://client.example/./c":                          false,
		"https://client.example/a/%2e%2e/c":                   false,
		"https://client.example/a/%2E/c":                      false,
		"https://client.example/..":                           false,
		`https://client.example\@evil.example/c`:              false,
		`https://client.example/a\..\c`:                       false,
		"https://client.example/a b":                          false,
		" https://client.example/c":                           false,
		"https://client.example/c\n":                          false,
		"https://client.example/ü":                            false,
		"https://clïent.example/c":                            false,
		"https://client.example:0/c":                          false,
		"https://client.example:/c":                           false,
		"https://2130706433/c":                                false,
		"https://0x7f.1/c":                                    false,
		"https://127.1/c":                                     false,
		"https://[::ffff:127.0.0.1]/c":                        false,
		"https://client.example/" + strings.Repeat("x", 2048): false,
		"c_abcdefgh":                                          false, "": false, "urn:x:y": false, "ftp://client.example/c": false,
	} {
		if got := oauth.IsMetadataURL(id); got != want {
			t.Errorf("CIMD-01: IsMetadataURL(%q) = %t", id, got)
		}
	}
	if h := oauth.MetadataHost("https://Client.Example:8443/c"); h != "client.example" {
		t.Errorf("host %q", h)
	}
	if h := oauth.MetadataHost("https://client.example/"); h != "" {
		t.Errorf("host %q of no client id", h)
	}
}

// document is a good document with changes; nil removes a member.
func document(changes map[string]any) []byte {
	m := map[string]any{
		"client_id": documentURL, "client_name": "Client", "redirect_uris": []any{"https://client.example/cb"},
		"token_endpoint_auth_method": "none",
	}
	maps.Copy(m, changes)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	body, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return body
}

func TestParseMetadataDocument(t *testing.T) {
	t.Parallel()
	const both = "private_key_jwt none"
	tests := map[string]struct {
		changes map[string]any
		methods string // in order of preference
		uris    string
	}{
		"CIMD-06 minimal":                            {map[string]any{"token_endpoint_auth_method": nil}, "none", ""},
		"CIMD-07 singular":                           {nil, "none", ""},
		"CIMD-07 plural":                             {map[string]any{"token_endpoint_auth_method": nil, "token_endpoint_auth_methods_supported": []string{"tls_client_auth", "none"}}, "none", ""},
		"CIMD-07 singular and plural":                {map[string]any{"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_methods_supported": []string{"none"}, "jwks_uri": "https://client.example/jwks"}, both, ""},
		"CIMD-07 plural, both":                       {map[string]any{"token_endpoint_auth_method": nil, "token_endpoint_auth_methods_supported": []string{"none", "private_key_jwt"}, "jwks_uri": "https://keys.example/jwks"}, both, ""},
		"CIMD-07 singular of no use":                 {map[string]any{"token_endpoint_auth_method": "tls_client_auth", "token_endpoint_auth_methods_supported": []string{"none"}}, "none", ""},
		"CIMD-07 keys":                               {map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": keySet(t, ecKey.Public())}, "private_key_jwt", ""},
		"CIMD-07 no keys, but none":                  {map[string]any{"token_endpoint_auth_methods_supported": []string{"private_key_jwt"}}, "none", ""},
		"CIMD-07 secrets among those that it can do": {map[string]any{"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "none"}}, "none", ""},
		"CIMD-06 unknown members":                    {map[string]any{"x": map[string]any{"y": []int{1}}, "contacts": 5, "client_id_issued_at": 1}, "none", ""},
		"CIMD-06 unknown types":                      {map[string]any{"grant_types": []string{"urn:x", "authorization_code", "refresh_token"}, "response_types": []string{"token", "code"}}, "none", ""},
		"CIMD-06 null members":                       {map[string]any{"jwks": json.RawMessage("null"), "client_secret": json.RawMessage("null"), "logo_uri": json.RawMessage("null")}, "none", ""},
		"CIMD-10 loopback without port":              {map[string]any{"redirect_uris": []string{"http://localhost/callback", "http://127.0.0.1/callback"}}, "none", "http://localhost/callback http://127.0.0.1/callback"},
		"CIMD-10 private-use scheme":                 {map[string]any{"redirect_uris": []string{"cursor://anysphere.cursor-mcp/oauth/callback"}}, "none", "cursor://anysphere.cursor-mcp/oauth/callback"},
		"one URI that cannot be registered":          {map[string]any{"redirect_uris": []string{"http://evil.example/cb", "javascript:alert(1)", "https://client.example/cb"}}, "none", "https://client.example/cb"},
		"CIMD-14 logo of any kind":                   {map[string]any{"logo_uri": "data:image/png;base64,AA", "tos_uri": 5}, "none", ""},
		"client_uri of any kind":                     {map[string]any{"client_uri": "javascript:alert(1)"}, "none", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := oauth.ParseMetadataDocument(documentURL, document(tt.changes))
			if err != nil {
				t.Fatal(err)
			}
			if tt.uris == "" {
				tt.uris = "https://client.example/cb"
			}
			if diff := cmp.Diff(strings.Fields(tt.uris), got.RedirectURIs); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(strings.Fields(tt.methods), got.AuthMethods); diff != "" || got.AuthMethod != got.AuthMethods[0] {
				t.Error(diff)
			}
			if got.Name != "Client" || got.URI != "" || got.Scope == "" || got.NeedsSecret() {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestParseMetadataDocumentRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]map[string]any{
		"CIMD-02 another client_id":              {"client_id": "https://client.example/oauth/other.json"},
		"CIMD-02 another host":                   {"client_id": "https://evil.example/oauth/client.json"},
		"CIMD-02 another spelling of the host":   {"client_id": "https://CLIENT.example/oauth/client.json"},
		"CIMD-02 the default port":               {"client_id": "https://client.example:443/oauth/client.json"},
		"CIMD-02 a slash more":                   {"client_id": documentURL + "/"},
		"CIMD-02 an escape":                      {"client_id": "https://client.example/oauth/client%2Ejson"},
		"CIMD-02 no client_id":                   {"client_id": nil},
		"CIMD-02 client_id of another type":      {"client_id": []string{documentURL}},
		"CIMD-05 client_secret":                  {"client_secret": "x"},
		"CIMD-05 empty client_secret":            {"client_secret": ""},
		"CIMD-05 client_secret_expires_at":       {"client_secret_expires_at": 0},
		"CIMD-05 client_secret_post":             {"token_endpoint_auth_method": "client_secret_post"},
		"CIMD-05 client_secret_basic":            {"token_endpoint_auth_method": "client_secret_basic"},
		"CIMD-05 client_secret_jwt":              {"token_endpoint_auth_method": "client_secret_jwt"},
		"CIMD-05 and none":                       {"token_endpoint_auth_method": "client_secret_post", "token_endpoint_auth_methods_supported": []string{"none"}},
		"CIMD-05 secrets are all that it can":    {"token_endpoint_auth_method": nil, "token_endpoint_auth_methods_supported": []string{"client_secret_post"}},
		"CIMD-06 no client_name":                 {"client_name": nil},
		"CIMD-06 empty client_name":              {"client_name": ""},
		"CIMD-06 client_name that shows nothing": {"client_name": "\u202e\u200b "},
		"CIMD-06 no redirect_uris":               {"redirect_uris": nil},
		"CIMD-06 empty redirect_uris":            {"redirect_uris": []string{}},
		"CIMD-06 redirect_uris of another type":  {"redirect_uris": "https://client.example/cb"},
		"CIMD-06 no redirect URI of use":         {"redirect_uris": []string{"http://evil.example/cb", "data:,x"}},
		"CIMD-06 no grant of ours":               {"grant_types": []string{"client_credentials"}},
		"CIMD-06 no response type of ours":       {"response_types": []string{"token"}},
		"CIMD-07 no method of ours":              {"token_endpoint_auth_method": "tls_client_auth"},
		"CIMD-07 method of another type":         {"token_endpoint_auth_method": 1},
		"CIMD-07 methods of another type":        {"token_endpoint_auth_methods_supported": "none"},
		"CIMD-07 private_key_jwt without keys":   {"token_endpoint_auth_method": "private_key_jwt"},
		"CIMD-07 jwks and jwks_uri":              {"token_endpoint_auth_method": "private_key_jwt", "jwks": keySet(t, ecKey.Public()), "jwks_uri": "https://client.example/jwks"},
		"CIMD-07 jwks_uri without TLS":           {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://client.example/jwks"},
		"CIMD-07 jwks_uri with user":             {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://u@client.example/jwks"},
		"CIMD-05 a private key":                  {"token_endpoint_auth_method": "private_key_jwt", "jwks": keySet(t, ecKey)},
		"CIMD-07 HS256":                          {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://client.example/jwks", "token_endpoint_auth_signing_alg": "HS256"},
	}
	for name, changes := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := oauth.ParseMetadataDocument(documentURL, document(changes)); err == nil {
				t.Errorf("got %+v", got)
			} else if code := codeOf(t, err); code != oauth.InvalidClientMetadata && code != oauth.InvalidRedirectURI {
				t.Errorf("code %s", code)
			}
		})
	}
	for _, body := range []string{
		"", "null", "[]", `"x"`, "<html>", string(document(nil)) + "{}", "\ufeff" + string(document(nil)),
		strings.Replace(string(document(nil)), "{", `{"client_id":"https://evil.example/x",`, 1), // a member twice
		strings.Repeat("[", 100_000),
	} {
		if got, err := oauth.ParseMetadataDocument(documentURL, []byte(body)); err == nil {
			t.Errorf("%.40q: got %+v", body, got)
		}
	}
}

// FuzzParseMetadataDocument: what is accepted is the document of its URL, holds no
// secret, and leads to no address that a client could not register.
func FuzzParseMetadataDocument(f *testing.F) {
	f.Add(document(nil))
	f.Add(document(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": keySet(f, ecKey.Public())}))
	f.Add(document(map[string]any{"redirect_uris": []string{"http://localhost/callback", "x"}, "token_endpoint_auth_methods_supported": []string{"none"}}))
	f.Fuzz(func(t *testing.T, body []byte) {
		reg, err := oauth.ParseMetadataDocument(documentURL, body)
		if err != nil {
			codeOf(t, err)
			return
		}
		var m map[string]any
		if err := json.Unmarshal(body, &m); err != nil || m["client_id"] != documentURL || m["client_secret"] != nil {
			t.Errorf("accepted %s: %v", body, err)
		}
		if reg.Name == "" || len(reg.RedirectURIs) == 0 || len(reg.AuthMethods) == 0 || reg.NeedsSecret() {
			t.Errorf("got %+v", reg)
		}
		for _, uri := range reg.RedirectURIs {
			if _, err := oauth.ParseRedirectURI(uri); err != nil {
				t.Errorf("redirect URI %q: %v", uri, err)
			}
		}
		if reg.JWKS != "" {
			if _, err := oauth.ParseKeySet([]byte(reg.JWKS)); err != nil {
				t.Errorf("keys %s: %v", reg.JWKS, err)
			}
		}
	})
}
