package oauth_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

var issuedAt = time.Unix(1_795_000_000, 0)

// requests returns the registration requests in testdata by client.
func requests(tb testing.TB) map[string][]byte {
	tb.Helper()
	const suffix = ".request.json"
	files, err := filepath.Glob("testdata/registration/*" + suffix)
	if err != nil || len(files) == 0 {
		tb.Fatalf("no requests: %v", err)
	}
	byClient := map[string][]byte{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		byClient[strings.TrimSuffix(filepath.Base(file), suffix)] = body
	}
	return byClient
}

// TestRegistrationOfClients registers the clients of the field: Claude Code,
// Codex, Inspector, mcp-remote, mcporter and OpenCode with what they were seen to
// send, the others with what their makers describe.
func TestRegistrationOfClients(t *testing.T) {
	t.Parallel()
	for client, body := range requests(t) {
		t.Run("C-01 "+client, func(t *testing.T) {
			t.Parallel()
			reg, err := oauth.ParseRegistration(body)
			if err != nil {
				t.Fatal(err)
			}
			secret := ""
			if reg.NeedsSecret() {
				secret = "mks_secret"
			}
			want, err := os.ReadFile("testdata/registration/" + client + ".response.json")
			if err != nil {
				t.Fatal(err)
			}
			got := marshal(t, respond(reg, secret))
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
			checkResponse(t, reg, got)
		})
	}
}

// respond answers a registration at a server of the tests.
func respond(reg oauth.Registration, secret string) oauth.ClientInformation {
	return reg.Response("https://keep.example", oauth.Issued{ClientID: "c_1", Secret: secret, Token: "mkg_token", At: issuedAt})
}

// checkResponse checks what holds for every answer.
func checkResponse(t *testing.T, reg oauth.Registration, response string) {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(response), &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range members {
		if value == nil || value == "" {
			t.Errorf("7591-14: %s is %v", name, value)
		}
	}
	_, secret := members["client_secret"]
	expires, hasExpiry := members["client_secret_expires_at"]
	if secret != hasExpiry || hasExpiry && expires != 0.0 {
		t.Errorf("7591-03: client_secret %t, client_secret_expires_at %v", secret, expires)
	}
	if secret != reg.NeedsSecret() {
		t.Errorf("7591-05: client_secret %t with %s", secret, reg.AuthMethod)
	}
	if members["client_id_issued_at"] != float64(issuedAt.Unix()) {
		t.Errorf("7591-03: client_id_issued_at is %v", members["client_id_issued_at"])
	}
	if members["registration_client_uri"] != "https://keep.example/register/c_1" || members["registration_access_token"] == nil {
		t.Errorf("7592-01: %v, %v", members["registration_client_uri"], members["registration_access_token"])
	}
	again, err := oauth.ParseRegistration([]byte(response))
	if err != nil {
		t.Fatalf("the answer cannot be registered: %v", err)
	}
	if diff := cmp.Diff(reg, again); diff != "" {
		t.Errorf("the answer registers something else: %s", diff)
	}
}

// with is a registration request with further members.
func with(members string) string {
	return `{"redirect_uris":["https://a.example/cb"]` + members + `}`
}

// defaults is what a request with redirect URIs alone registers.
func defaults(change func(*oauth.Registration)) oauth.Registration {
	reg := oauth.Registration{Client: metadata.Client{
		RedirectURIs: []string{"https://a.example/cb"}, GrantTypes: []string{"authorization_code"}, ResponseTypes: []string{"code"},
		Scope: "mcp offline_access", AuthMethod: "client_secret_basic",
	}}
	if change != nil {
		change(&reg)
	}
	reg.Redirects = redirects(reg.RedirectURIs)
	return reg
}

func TestParseRegistrationAccepts(t *testing.T) {
	t.Parallel()
	type change = func(*oauth.Registration)
	method := func(m string) change { return func(r *oauth.Registration) { r.AuthMethod = m } }
	name := func(n string) change { return func(r *oauth.Registration) { r.Name = n } }
	scope := func(s string) change { return func(r *oauth.Registration) { r.Scope = s } }
	keys := keySet(t, ecKey.Public())
	many := strings.Repeat(`"https://a.example/cb",`, 19) + `"https://a.example/cb"`
	tests := []struct {
		name, body string
		change     change
	}{
		{"7591-06 defaults", with(``), nil},
		{"7591-02 unknown members", with(`,"x":{"y":[1,1e999,null,true]},"Client_Name":"no"`), nil},
		{"7591-13 null is absent", with(`,"client_name":null,"grant_types":null,"scope":null,"token_endpoint_auth_method":null,"jwks":null,"jwks_uri":"https://a.example/jwks"`), nil},
		{"empty is absent", with(`,"client_name":"","grant_types":[],"response_types":[],"client_uri":"","token_endpoint_auth_method":"","token_endpoint_auth_methods_supported":[]`), nil},
		{"7591-04 post", with(`,"token_endpoint_auth_method":"client_secret_post"`), method("client_secret_post")},
		{"7591-05 none", with(`,"token_endpoint_auth_method":"none"`), method("none")},
		{"CIMD-07 only the plural", with(`,"token_endpoint_auth_methods_supported":["private_key_jwt","none","client_secret_basic"]`), method("none")},
		{"CIMD-07 the plural has what the singular has not", with(`,"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_methods_supported":["private_key_jwt","client_secret_post"]`), method("client_secret_post")},
		{"private_key_jwt, keys at a URL", with(`,"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://keys.example/jwks","token_endpoint_auth_signing_alg":"RS256"`), func(r *oauth.Registration) {
			r.AuthMethod, r.JWKSURI, r.SigningAlg = "private_key_jwt", "https://keys.example/jwks", "RS256"
		}},
		{"private_key_jwt, keys inside", with(`,"token_endpoint_auth_method":"private_key_jwt","jwks":` + string(keys)), func(r *oauth.Registration) {
			r.AuthMethod, r.JWKS = "private_key_jwt", metadata.JSON(keys)
		}},
		{"keys of no use with another method", with(`,"token_endpoint_auth_method":"none","jwks":` + string(keys)), method("none")},
		{"the singular goes first", with(`,"token_endpoint_auth_method":"none","token_endpoint_auth_methods_supported":["client_secret_basic"]`), method("none")},
		{"7591-06 unknown grants are filtered", with(`,"grant_types":["urn:x","refresh_token","authorization_code","refresh_token","implicit"]`), func(r *oauth.Registration) {
			r.GrantTypes = []string{"refresh_token", "authorization_code"}
		}},
		{"7591-06 unknown response types are filtered", with(`,"response_types":["token","code","code id_token"]`), nil},
		{"7591-11 language tag", with(`,"client_name#ja":"\u540d","client_name#fr":"nom"`), name("nom")},
		{"7591-11 the plain name goes first", with(`,"client_name#de":"Name","client_name":"name"`), name("name")},
		{"7591-11 a name that is none", with(`,"client_name#de":5`), nil},
		{"B10 controls and direction marks", with(`,"client_name":" a\u0000b\u202ec\u200b\n\td\u0007 "`), name("abc d")},
		{"B10 markup is text", with(`,"client_name":"<b>\"x\"</b>"`), name(`<b>"x"</b>`)},
		{"a long name is cut", with(`,"client_name":"` + strings.Repeat("é", 300) + `"`), name(strings.Repeat("é", 200))},
		{"a cut name ends in no space", with(`,"client_name":"` + strings.Repeat("x", 199) + ` y"`), name(strings.Repeat("x", 199))},
		{"7591-13 claims of the wrong type", with(`,"software_id":1,"software_version":[],"application_type":{},"contacts":"x","client_name":7`), nil},
		{"7591-13 claims", with(`,"software_id":"s","software_version":"1.0","contacts":["x"]`), func(r *oauth.Registration) { r.SoftwareID, r.SoftwareVersion = "s", "1.0" }},
		{"AS-23 native", with(`,"application_type":"native"`), func(r *oauth.Registration) { r.ApplicationType = "native" }},
		{"AS-23 web", with(`,"application_type":"web"`), func(r *oauth.Registration) { r.ApplicationType = "web" }},
		{"AS-23 unknown", with(`,"application_type":"toaster"`), nil},
		{"7591-13 empty scope", with(`,"scope":""`), nil},
		{"known scopes only", with(`,"scope":"openid mcp mcp email"`), scope("mcp")},
		{"unknown scopes only", with(`,"scope":"openid email"`), nil},
		{"6749-19 a scope that opens nothing", with(`,"scope":"offline_access openid"`), nil},
		{"7591-13 unusable claims in other languages", with(`,"logo_uri#ja":5,"tos_uri#de":"x:y","policy_uri#fr":{},"contacts":{"a":1},"client_uri#ja":["x"]`), nil},
		{"software statement is ignored", with(`,"software_statement":"eyJhbGciOiJub25lIn0.e30."`), nil},
		{"7591-09 URLs", with(`,"client_uri":"https://a.example/x#y","logo_uri":"http://a.example/l.png","tos_uri":"https://a.example","policy_uri":"https://a.example/p"`), func(r *oauth.Registration) { r.URI = "https://a.example/x#y" }},
		{"7591-09 dropped: client_uri as a number", with(`,"client_uri":1`), nil},
		{"7591-09 dropped: client_uri with script", with(`,"client_uri":"javascript:alert(1)"`), nil},
		{"7591-09 dropped: logo_uri with data", with(`,"logo_uri":"data:image/png;base64,AA"`), nil},
		{"7591-09 dropped: tos_uri without scheme", with(`,"tos_uri":"a.example/tos"`), nil},
		{"7591-09 dropped: policy_uri without host", with(`,"policy_uri":"https:///p"`), nil},
		{"7591-09 dropped: client_uri too long", with(`,"client_uri":"https://a.example/` + strings.Repeat("a", 2048) + `"`), nil},
		{"jwks alone", with(`,"jwks":{"keys":[{"kty":"EC","x5c":["a"]}]}`), nil},
		{"twenty URIs, exactly as sent", `{"redirect_uris":[` + many + `]}`, func(r *oauth.Registration) { r.RedirectURIs = strings.Split(strings.ReplaceAll(many, `"`, ""), ",") }},
		{"escaped URI", `{"redirect_uris":["https:\/\/a.example\/\u0063b"]}`, nil},
		{"white space around", " \r\n\t" + with("") + "\n", nil},
		{"sixteen levels", with(`,"x":` + strings.Repeat("[", 15) + strings.Repeat("]", 15)), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := oauth.ParseRegistration([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(defaults(tt.change), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRegistrationRefuses(t *testing.T) {
	t.Parallel()
	const uri, invalid = oauth.InvalidRedirectURI, oauth.InvalidClientMetadata
	tests := []struct {
		name, body string
		code       oauth.Code
	}{
		{"7591-08 no redirect URIs", `{}`, uri},
		{"7591-08 empty list", `{"redirect_uris":[]}`, uri},
		{"7591-08 null", `{"redirect_uris":null}`, uri},
		{"7591-08 null inside", `{"redirect_uris":["https://a.example/cb",null]}`, uri},
		{"7591-08 one bad among good", `{"redirect_uris":["https://a.example/cb","javascript:alert(1)"]}`, uri},
		{"7591-08 fragment", `{"redirect_uris":["https://a.example/cb#x"]}`, uri},
		{"7591-08 hidden line break", `{"redirect_uris":["https://a.example/cb\n"]}`, uri},
		{"AS-08 http", `{"redirect_uris":["http://evil.example/cb"]}`, uri},
		{"7591-01 twenty-one URIs", `{"redirect_uris":["https://a.example/cb"` + strings.Repeat(`,"https://a.example/cb"`, 20) + `]}`, uri},
		{"7591-01 a URI too long", `{"redirect_uris":["https://a.example/` + strings.Repeat("a", 2048) + `"]}`, uri},
		{"7591-01 fifty-one grants", with(`,"grant_types":["authorization_code"` + strings.Repeat(`,"x"`, 50) + `]`), invalid},
		{"redirect URIs as a string", `{"redirect_uris":"https://a.example/cb"}`, invalid},
		{"redirect URIs as numbers", `{"redirect_uris":[1]}`, invalid},
		{"grant types as a string", with(`,"grant_types":"authorization_code"`), invalid},
		{"scope as a list", with(`,"scope":["mcp"]`), invalid},
		{"method as a number", with(`,"token_endpoint_auth_method":1`), invalid},
		{"methods as an object", with(`,"token_endpoint_auth_methods_supported":{}`), invalid},
		{"7591-06 no grant of ours", with(`,"grant_types":["client_credentials"]`), invalid},
		{"7591-06 refresh without code", with(`,"grant_types":["refresh_token"]`), invalid},
		{"7591-06 no response type of ours", with(`,"response_types":["token"]`), invalid},
		{"unsupported method", with(`,"token_endpoint_auth_method":"private_key_jwt"`), invalid},
		{"unsupported method, nothing in common", with(`,"token_endpoint_auth_method":"tls_client_auth","token_endpoint_auth_methods_supported":["private_key_jwt"]`), invalid},
		{"nothing in common", with(`,"token_endpoint_auth_methods_supported":["private_key_jwt"]`), invalid},
		{"7523-03 a private key", with(`,"token_endpoint_auth_method":"private_key_jwt","jwks":` + string(keySet(t, ecKey))), invalid},
		{"7523-04 no URL of keys", with(`,"token_endpoint_auth_method":"private_key_jwt","jwks_uri":""`), invalid},
		{"7523-03 no usable key", with(`,"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[]}`), invalid},
		{"7523-03 HS256", with(`,"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://a.example/jwks","token_endpoint_auth_signing_alg":"HS256"`), invalid},
		{"7523-04 keys without TLS", with(`,"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"http://a.example/jwks"`), invalid},
		{"7591-08 jwks and jwks_uri", with(`,"jwks":{"keys":[]},"jwks_uri":"https://a.example/jwks"`), invalid},
		{"7591-09 jwks_uri with user", with(`,"jwks_uri":"https://u:p@a.example/jwks"`), invalid},
		{"empty body", ``, invalid},
		{"null", `null`, invalid},
		{"array", `[` + with("") + `]`, invalid},
		{"string", `"x"`, invalid},
		{"form", `redirect_uris=https://a.example/cb`, invalid},
		{"trailing data", with("") + `{}`, invalid},
		{"trailing brace", with("") + `}`, invalid},
		{"truncated", with("")[:20], invalid},
		{"trailing comma", with(`,`), invalid},
		{"comment", with(`/**/`), invalid},
		{"byte order mark", "\ufeff" + with(""), invalid},
		{"not UTF-8", with(`,"client_name":"` + "\xff" + `"`), invalid},
		{"member twice", with(`,"redirect_uris":["https://b.example/cb"]`), invalid},
		{"member twice, once escaped", with(`,"redirect\u005furis":["https://b.example/cb"]`), invalid},
		{"unknown member twice", with(`,"x":1,"x":2`), invalid},
		{"nested member twice", with(`,"x":[{"y":1,"y":2}]`), invalid},
		{"D9 seventeen levels", with(`,"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16)), invalid},
		{"D9 ten thousand levels", with(`,"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)), invalid},
		{"7591-01 too large", with(`,"x":"` + strings.Repeat("x", 64<<10) + `"`), invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reg, err := oauth.ParseRegistration([]byte(tt.body))
			if code := codeOf(t, err); code != tt.code {
				t.Errorf("ParseRegistration() = %+v, %v; want %s", reg, err, tt.code)
			}
		})
	}
}

// Errors quote nothing of the request.
func TestRegistrationErrorsEchoNothing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"redirect_uris":["hush://@x"]}`, `{"redirect_uris":["https://hush/#"]}`, `{"redirect_uris":hush}`, with(`,"hush":1,"hush":2`),
		with(`,"scope":{"hush":1}`), with(`,"token_endpoint_auth_method":"hush"`), with(`,"grant_types":["hush"]`),
	} {
		_, err := oauth.ParseRegistration([]byte(body))
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("6750-05: %s: %v", body, err)
		}
	}
}

func TestClientInformationHidesSecret(t *testing.T) {
	t.Parallel()
	reg, err := oauth.ParseRegistration([]byte(with("")))
	if err != nil {
		t.Fatal(err)
	}
	info := respond(reg, "hush")
	info.RegistrationAccessToken = "hush"
	var logged strings.Builder
	for _, handler := range []slog.Handler{slog.NewTextHandler(&logged, nil), slog.NewJSONHandler(&logged, nil)} {
		slog.New(handler).InfoContext(t.Context(), "x", "info", info, "pointer", &info)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		logged.WriteString(fmt.Sprintf(verb, info) + fmt.Sprintf(verb, &info))
	}
	if out := logged.String(); strings.Contains(out, "hush") || strings.Contains(out, "68757368") || !strings.Contains(out, "c_1") {
		t.Errorf("C12: %s", out)
	}
}

// FuzzParseRegistration: every accepted registration has a response, and the response
// registers the same; whatever is refused is refused in words of ours.
func FuzzParseRegistration(f *testing.F) {
	for _, body := range requests(f) {
		f.Add(body)
	}
	f.Add([]byte(with(`,"client_name#a":"\ud800 x","x":{"y":[1e999]},"token_endpoint_auth_methods_supported":["none"]`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		reg, err := oauth.ParseRegistration(body)
		if err != nil {
			if code := codeOf(t, err); code != oauth.InvalidRedirectURI && code != oauth.InvalidClientMetadata {
				t.Errorf("code %s", code)
			}
			return
		}
		for _, uri := range reg.RedirectURIs {
			if !matches(reg.RedirectURIs, uri) {
				t.Errorf("registered %q does not match", uri)
			}
		}
		secret := ""
		if reg.NeedsSecret() {
			secret = oauth.NewClientSecret()
		}
		checkResponse(t, reg, marshal(t, respond(reg, secret)))
	})
}
