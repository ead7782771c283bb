package fastmcp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// dump is what FastMCP 2.13.0 stores for a client.
const dump = `{"redirect_uris":["http://localhost:33418/callback","http://127.0.0.1/"],"token_endpoint_auth_method":"none",` +
	`"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"scope":"openid","client_name":"Claude Code",` +
	`"client_uri":null,"logo_uri":null,"contacts":null,"tos_uri":null,"policy_uri":null,"jwks_uri":null,"jwks":null,` +
	`"software_id":null,"software_version":null,"client_id":"c1","client_secret":"5ec4e7","client_id_issued_at":null,` +
	`"client_secret_expires_at":null,"allowed_redirect_uri_patterns":null}`

func TestClientVector(t *testing.T) {
	t.Parallel()
	c := decode(t, dump)
	want := fastmcp.Client{
		RedirectURIs:            []string{"http://localhost:33418/callback", "http://127.0.0.1/"},
		TokenEndpointAuthMethod: "none",
		GrantTypes:              []string{"authorization_code", "refresh_token"},
		ResponseTypes:           []string{"code"},
		Scope:                   new("openid"),
		ClientName:              new("Claude Code"),
		ClientID:                "c1",
		ClientSecret:            new("5ec4e7"),
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(dump, encode(t, c)); diff != "" {
		t.Error(diff)
	}
}

// TestClientsOfPython: what FastMCP wrote is written again byte for byte. Of
// FastMCP 3 only the two nulls that 2.13 does not have are left out.
func TestClientsOfPython(t *testing.T) {
	t.Parallel()
	for version, records := range recordings(t) {
		for _, r := range records {
			want := strings.Replace(r.Plaintext, `,"cimd_document":null,"cimd_fetched_at":null}`, "}", 1)
			c := decode(t, r.Plaintext)
			if diff := cmp.Diff(want, encode(t, c)); diff != "" || c.ClientID != r.ClientID || c.Extra != nil {
				t.Errorf("%s, %s: %v: %s", version, r.Name, c, diff)
			}
		}
	}
}

// full has something in every member.
const full = `{"redirect_uris":[],"token_endpoint_auth_method":"private_key_jwt","grant_types":["authorization_code"],` +
	`"response_types":["code","none"],"scope":"a b","client_name":"n","client_uri":"https://a.example/","logo_uri":"https://a.example/l",` +
	`"contacts":["a@a.example"],"tos_uri":"https://a.example/t","policy_uri":"https://a.example/p","jwks_uri":"https://a.example/j",` +
	`"jwks":{"keys":[]},"software_id":"s","software_version":"1","client_id":"https://a.example/client.json","client_secret":"",` +
	`"client_id_issued_at":1750000000,"client_secret_expires_at":0,"allowed_redirect_uri_patterns":["http://localhost:*"],` +
	`"cimd_document":{"client_id":"x"},"cimd_fetched_at":1750000000.25,"application_type":"native","issuer":"https://as.example",` +
	`"a":null,"mcpkeep":{"redirect_uris":["\u00e9"]}}`

func TestEveryMember(t *testing.T) {
	t.Parallel()
	c := decode(t, full)
	if diff := cmp.Diff(full, encode(t, c)); diff != "" {
		t.Error(diff)
	}
	if got := string(c.Extra["mcpkeep"]); len(c.Extra) != 2 || got != `{"redirect_uris":["\u00e9"]}` {
		t.Errorf("the extra members are %s", c.Extra)
	}
}

func TestDecodeClientIsTolerant(t *testing.T) {
	t.Parallel()
	bare := fastmcp.Client{
		ClientID: "c1", TokenEndpointAuthMethod: "none",
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
	}
	nulls, empty := map[string]any{}, map[string]any{}
	var members map[string]any
	if err := json.Unmarshal([]byte(full), &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range members {
		nulls[name] = nil
		if _, isText := value.(string); !isText {
			empty[name] = ""
		}
	}
	for _, m := range []map[string]any{nulls, empty} {
		m["client_id"] = "c1"
		delete(m, "mcpkeep")
		delete(m, "a")
	}
	for name, m := range map[string]map[string]any{"absent": {"client_id": "c1"}, "null": nulls, "empty": empty} {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(bare, decode(t, string(text))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	spaced := decode(t, " {\n\"client_id\" : \"c1\" , \"scope\" : \"\" , \"CLIENT_ID\":1}\n")
	if spaced.ClientID != "c1" || spaced.Scope == nil || *spaced.Scope != "" || string(spaced.Extra["CLIENT_ID"]) != "1" {
		t.Errorf("got %v with %s", spaced, spaced.Extra)
	}
}

func TestDecodeClientRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                                     "not a JSON object",
		`{"client_id":"s3cret"`:                "not a JSON object",
		`null`:                                 "not a JSON object",
		`["s3cret"]`:                           "not a JSON object",
		`{}`:                                   "no client_id",
		`{"client_id":null}`:                   "no client_id",
		`{"client_id":""}`:                     "no client_id",
		`{"client_id":4711}`:                   "member client_id has the wrong type",
		`{"client_id":"c","scope":["s3cret"]}`: "member scope has the wrong type",
		`{"client_id":"c","redirect_uris":"s3cret"}`:     "member redirect_uris has the wrong type",
		`{"client_id":"c","client_id_issued_at":4711.5}`: "member client_id_issued_at has the wrong type",
	} {
		c, err := fastmcp.DecodeClient([]byte(text))
		if !errors.Is(err, fastmcp.ErrClient) || err.Error() != fastmcp.ErrClient.Error()+": "+want {
			t.Errorf("%s: got %v, %v; want %s", text, c, err, want)
		}
	}
}

func TestEncodeClientRefuses(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]fastmcp.Client{
		"no client_id":                       {},
		"extra member scope has a field":     {ClientID: "c", Extra: map[string]json.RawMessage{"scope": json.RawMessage(`"s"`)}},
		"extra member issuer has a field":    {ClientID: "c", Extra: map[string]json.RawMessage{"issuer": nil}},
		`extra member "x" cannot be encoded`: {ClientID: "c", Extra: map[string]json.RawMessage{"x": json.RawMessage(`s3cret`)}},
		"member jwks cannot be encoded":      {ClientID: "c", JWKS: json.RawMessage(`s3cret`)},
	} {
		text, err := fastmcp.EncodeClient(c)
		if !errors.Is(err, fastmcp.ErrClient) || err.Error() != fastmcp.ErrClient.Error()+": "+want || text != nil {
			t.Errorf("got %s, %v; want %s", text, err, want)
		}
	}
}

// TestEncodeClientLikePython: the expected texts are those of Python's json.dumps.
func TestEncodeClientLikePython(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Zoë ✓":                    `"Zo\u00eb \u2713"`,
		"🚀\U0010ffff\uffff":        `"\ud83d\ude80\udbff\udfff\uffff"`,
		"<a href='x'>R&D</a>":      `"<a href='x'>R&D</a>"`,
		"\u2028\u2029":             `"\u2028\u2029"`,
		"\"\\/":                    `"\"\\/"`,
		"\b\f\n\r\t":               `"\b\f\n\r\t"`,
		"\x00\x01\x1f ~\x7f\u0080": `"\u0000\u0001\u001f ~\u007f\u0080"`,
	} {
		c := fastmcp.Client{ClientID: "c", ClientName: &text, Extra: map[string]json.RawMessage{
			"é": json.RawMessage(" {\"<\" : \"\u00e9\x7f\"} "),
		}}
		got := encode(t, c)
		if !strings.Contains(got, `"client_name":`+want+`,"client_uri"`) || !strings.HasSuffix(got, `,"\u00e9":{"<":"\u00e9\u007f"}}`) {
			t.Errorf("%q: got %s", text, got)
		}
		if again := decode(t, got); *again.ClientName != text {
			t.Errorf("%q comes back as %q", text, *again.ClientName)
		}
	}
}

func TestClientShowsItsIDOnly(t *testing.T) {
	t.Parallel()
	c := decode(t, full)
	c.ClientSecret = new("s3cret")
	c.Extra = map[string]json.RawMessage{"mcpkeep": json.RawMessage(`"s3cret"`)}
	const want = `FastMCP client "https://a.example/client.json"`
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, c); got != want {
			t.Errorf("%s of it: %s", verb, got)
		}
		if got := fmt.Sprintf(verb, []*fastmcp.Client{&c}); strings.Contains(got, "s3cret") || strings.Contains(got, "733363726574") {
			t.Errorf("%s of a list: %s", verb, got)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).InfoContext(t.Context(), "x", "client", c, "clients", []fastmcp.Client{c})
	slog.New(slog.NewTextHandler(&log, nil)).InfoContext(t.Context(), "x", "client", &c)
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("logged: %s", log.String())
	}
}
