package upstreams_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// secret is what no message may hold.
const secret = "s3cr3t-value"

func options() upstreams.Options {
	return upstreams.Options{Reserved: []string{"token", "mcp", "mcpkeep"}, Variable: func(name string) (string, bool) {
		value, ok := map[string]string{"KEY": secret, "HOST": "127.0.0.1:9000", "EMPTY": ""}[name]
		return value, ok
	}}
}

func parse(t *testing.T, text string) upstreams.File {
	t.Helper()
	f, err := upstreams.Parse("f.yaml", []byte(text), options())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const whole = `
mcpServers:
  tickets:
    type: streamable-http
    url: http://${HOST}/mcp
    title: Ticket system
    headers: {Authorization: "Bearer ${KEY}", x-api-key: plain}
    forward_headers: [x-tenant]
    identity: none
    scopes: {"tickets:write": Change tickets}
    allow: {groups: [support], users: [alice], domains: [example.com]}
    timeout: {connect: 1s, answer: none, idle: 5m}
    max_body: 8MB
    max_concurrent: 4
  off:
    url: https://mcp.example.com
    disabled: true
  default:
    url: unix:/run/mcp.sock:/mcp
    autoApprove: [a]
    timeout: 60
`

// TestWhole: every key arrives.
func TestWhole(t *testing.T) {
	t.Parallel()
	f := parse(t, whole)
	if len(f.Upstreams) != 2 {
		t.Fatalf("%d upstreams, want those that are not disabled", len(f.Upstreams))
	}
	u := f.Upstreams[0]
	got := []any{
		u.Name, u.Path(), u.Target.URL.String(), u.Title, u.Headers.Get("Authorization"), u.Headers.Get("X-Api-Key"), u.ForwardHeaders, u.Identify,
		u.Scopes, u.Allow.Groups, u.Allow.Users, u.Allow.Domains, u.Connect, u.Answer, u.Idle, u.MaxBody, u.MaxConcurrent,
	}
	want := []any{
		"tickets", "/tickets/mcp", "http://127.0.0.1:9000/mcp", "Ticket system", "Bearer " + secret, "plain", []string{"X-Tenant"}, false,
		[]upstreams.Scope{{Name: "tickets:write", Description: "Change tickets"}}, []string{"support"}, []string{"alice"}, []string{"example.com"},
		time.Second, time.Duration(0), 5 * time.Minute, 8 << 20, 4,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	d := f.Upstreams[1]
	if d.Path() != "/mcp" || !d.Identify || d.Connect != upstreams.Connect || d.Answer != upstreams.Answer || d.MaxBody != upstreams.MaxBody || d.MaxConcurrent != 32 {
		t.Errorf("the defaults are not those of --upstream: %+v", d)
	}
	var warnings []string
	for _, w := range f.Warnings {
		warnings = append(warnings, w.String())
	}
	if len(warnings) != 2 || !strings.HasPrefix(warnings[0], "f.yaml:20:5: autoApprove") || !strings.HasPrefix(warnings[1], "f.yaml:21:5: a number as timeout") {
		t.Errorf("warnings %q", warnings)
	}
}

// TestJSON: an entry of a client's file can be pasted, whatever it is indented with.
func TestJSON(t *testing.T) {
	t.Parallel()
	f := parse(t, "{\n\t\"mcpServers\": {\n\t\t\"a\": {\n\t\t\t\"transport\": \"http\",\n\t\t\t\"url\": \"https://mcp.example.com/x\"\n\t\t}\n\t}\n}\n")
	if u := f.Upstreams[0]; u.Name != "a" || u.Target.String() != "https://mcp.example.com/x" || u.Identify {
		t.Errorf("%+v", u)
	}
	_, err := upstreams.Parse("f.json", []byte("{\n\t\"mcpServers\": {\n\t\t\"a\": {\"url\": 5}\n\t}\n}\n"), options())
	if err == nil || !strings.HasPrefix(err.Error(), "f.json:3:16: a number here") {
		t.Errorf("%v", err)
	}
}

// TestJSONEscapes: every way to write a character in JSON means that character.
func TestJSONEscapes(t *testing.T) {
	t.Parallel()
	for _, start := range []string{"", "\ufeff"} {
		text := start + `{"mcpServers": {"a": {"title": "\ud83d\uDE00 \\ud83d\/\u00e9 \ud83d\ude80", "url": "http:\/\/h\/mcp"}}}`
		if u := parse(t, text).Upstreams[0]; u.Title != `😀 \ud83d/é 🚀` || u.Target.URL.Path != "/mcp" {
			t.Errorf("%+v", u)
		}
	}
	for text, want := range map[string]string{
		`{"mcpServers": {"a": {"title": "\ud83d\ude00", "url": 5}}}`:              "f.yaml:1:55: a number here",
		`{"mcpServers": {"a": {"title": "\ud83d", "url": "http://h/mcp"}}}`:       "f.yaml:1:",
		`{"mcpServers": {"a": {"title": "\ude00\ud83d", "url": "http://h/mcp"}}}`: "f.yaml:1:",
	} {
		if _, err := upstreams.Parse("f.yaml", []byte(text), options()); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestRefused: what is wrong is said with its place, and without values.
func TestRefused(t *testing.T) {
	t.Parallel()
	const at = "mcpServers:\n  a:\n    url: http://h/mcp\n    "
	for name, tt := range map[string]struct{ text, want string }{
		"empty":             {"", "f.yaml:1:1: the file is empty"},
		"only a comment":    {"# nothing\n", "f.yaml:1:1: not valid YAML"},
		"no object":         {"- a\n", "f.yaml:1:1: a list here"},
		"no servers":        {"servers: {}\n", "f.yaml:1:1: servers is not known here; want one of mcpServers"},
		"servers missing":   {"{}\n", "f.yaml:1:1: mcpServers is missing"},
		"none":              {"mcpServers: {}\n", "f.yaml:1:13: no server is enabled"},
		"all disabled":      {"mcpServers:\n  a: {url: \"http://h/\", disabled: true}\n", "f.yaml:2:3: no server is enabled"},
		"list":              {"mcpServers: []\n", "f.yaml:1:13: a list here"},
		"not YAML":          {"mcpServers:\n  a: [1,\n  b: }\n", "f.yaml:3:6: not valid YAML"},
		"tab":               {"mcpServers:\n\ta: 1\n", "f.yaml:2:1: not valid YAML"},
		"two documents":     {"a: 1\n---\nb: 1\n", "f.yaml:1:1: not valid YAML: expected single document"},
		"not UTF-8":         {"a: \xff\n", "f.yaml:1:1: not valid YAML"},
		"name":              {"mcpServers:\n  A_b: {url: \"http://h/\"}\n", "f.yaml:2:3: the name of a server"},
		"long name":         {"mcpServers:\n  " + strings.Repeat("a", 21) + ": {url: \"http://h/\"}\n", "f.yaml:2:3: the name of a server"},
		"own route":         {"mcpServers:\n  token: {url: \"http://h/\"}\n", "f.yaml:2:3: /token is a path of mcpkeep itself"},
		"no url":            {"mcpServers:\n  a: {title: x}\n", "f.yaml:2:3: neither url nor command; want url or command"},
		"repeated key":      {at + "title: x\n    title: y\n", "f.yaml:5:5: title is repeated"},
		"repeated server":   {"mcpServers:\n  a: {url: \"http://h/\"}\n  a: {url: \"http://h/\"}\n", "f.yaml:3:3: a is repeated"},
		"unknown key":       {at + "retries: 3\n", "f.yaml:4:5: retries is not known here; want one of allow, "},
		"merge":             {"x: &x {title: t}\nmcpServers: {}\n", "f.yaml:1:1: x is not known here"},
		"transport":         {at + "type: sse\n", "f.yaml:4:11: not known; want http, "},
		"number as title":   {at + "title: 5\n", "f.yaml:4:12: a number here"},
		"missing variable":  {at + "title: ${NOPE}\n", "f.yaml:4:12: the variable NOPE is missing"},
		"open reference":    {at + "title: ${KEY\n", "f.yaml:4:12: a reference to a variable"},
		"password in URL":   {"mcpServers:\n  a: {url: \"http://u:" + secret + "@h/mcp\"}\n", "f.yaml:2:12: contains a user or password"},
		"query":             {"mcpServers:\n  a: {url: \"http://h/mcp?key=" + secret + "\"}\n", "f.yaml:2:12: contains a query"},
		"fragment":          {"mcpServers:\n  a: {url: \"http://h/mcp#" + secret + "\"}\n", "f.yaml:2:12: contains a fragment"},
		"not a URL":         {"mcpServers:\n  a: {url: \"${KEY}\"}\n", "f.yaml:2:12: not "},
		"identity":          {at + "identity: " + secret + "\n", "f.yaml:4:15: not known; want headers, assertion, both or none"},
		"disabled":          {at + "disabled: \"yes\"\n", "f.yaml:4:15: text here"},
		"duration":          {at + "timeout: {answer: soon}\n", "f.yaml:4:23: not usable"},
		"no connect limit":  {at + "timeout: {connect: none}\n", "f.yaml:4:24: not usable"},
		"size":              {at + "max_body: 4 potatoes\n", "f.yaml:4:15: not usable"},
		"size of 0":         {at + "max_body: 0\n", "f.yaml:4:15: out of range"},
		"huge size":         {at + "max_body: 999999999GB\n", "f.yaml:4:15: out of range"},
		"no calls":          {at + "max_concurrent: 0\n", "f.yaml:4:21: not usable"},
		"our header":        {at + "headers: {X-Mcpkeep-User: x}\n", "f.yaml:4:15: X-Mcpkeep-User cannot be set here"},
		"underscores":       {at + "headers: {x_mcpkeep_user: x}\n", "f.yaml:4:15: x_mcpkeep_user cannot be set here"},
		"hop by hop":        {at + "headers: {Transfer-Encoding: x}\n", "f.yaml:4:15: Transfer-Encoding cannot"},
		"session":           {at + "headers: {Mcp-Session-Id: x}\n", "f.yaml:4:15: Mcp-Session-Id cannot"},
		"line break":        {at + "headers: {X-A: \"" + secret + "\\nX-B: 1\"}\n", "f.yaml:4:20: the value cannot be sent"},
		"empty value":       {at + "headers: {X-A: \"${EMPTY}\"}\n", "f.yaml:4:20: the value cannot be sent"},
		"two spellings":     {at + "headers: {X-A: a, x-a: b}\n", "f.yaml:4:23: x-a is repeated"},
		"forward cookie":    {at + "forward_headers: [X-A, cookie]\n", "f.yaml:4:28: cookie cannot be forwarded"},
		"forward token":     {at + "forward_headers: [AUTHORIZATION]\n", "f.yaml:4:23: AUTHORIZATION cannot be forwarded"},
		"forward proxy's":   {at + "forward_headers: [x_forwarded_for]\n", "f.yaml:4:23: x_forwarded_for cannot be forwarded"},
		"scope of ours":     {at + "scopes: {\"mcp:admin\": x}\n", "f.yaml:4:14: the scope mcp:admin has a meaning"},
		"scope":             {at + "scopes: {\"a b\": x}\n", "f.yaml:4:14: the name of a scope"},
		"allow no one":      {at + "allow: {groups: []}\n", "f.yaml:4:12: allow lists no one"},
		"allow text":        {at + "allow: {groups: leads}\n", "f.yaml:4:21: text here"},
		"no certificate":    {at + "ca: " + secret + "\n", "f.yaml:4:9: no certificate"},
		"missing file":      {at + "ca: file:/does/not/exist\n", "f.yaml:4:9: /does/not/exist: no such file"},
		"a value as key":    {at + "\"Bearer " + secret + "\": x\n", "f.yaml:4:5: a key is not known here"},
		"anchor with value": {at + "title: *" + secret + "\n", "f.yaml:4:12: not valid YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuses(t, tt.text, tt.want)
		})
	}
}

// refuses demands that a file is refused in one line that shows no value.
func refuses(t *testing.T, text, want string) {
	t.Helper()
	_, err := upstreams.Parse("f.yaml", []byte(text), options())
	var known *upstreams.Error
	switch {
	case err == nil:
		t.Fatal("accepted")
	case !errors.As(err, &known) || !strings.HasPrefix(err.Error(), want):
		t.Errorf("%v, want %s", err, want)
	case strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n"):
		t.Errorf("a value or a second line: %q", err)
	}
}

// TestFile: values come from files, and a file that is missing is said to be.
func TestFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, config := filepath.Join(dir, "key"), filepath.Join(dir, "c.yaml")
	for path, content := range map[string]string{key: "Bearer " + secret + "\n", config: "mcpServers: {a: {url: 'http://h/mcp', headers: {Authorization: 'file:" + key + "'}}}"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := upstreams.Read(config, options())
	if err != nil || f.Upstreams[0].Headers.Get("Authorization") != "Bearer "+secret {
		t.Errorf("%+v %v", f, err)
	}
	if _, err = upstreams.Read(filepath.Join(dir, "none"), options()); err == nil || !strings.Contains(err.Error(), "none:1:1: the file cannot be read: no such file") {
		t.Errorf("%v", err)
	}
}

// TestSecretURL: an endpoint whose URL is a key works, and is shown as the file has it.
func TestSecretURL(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte("https://mcp.example.com/"+secret+"/mcp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, written := range []string{"https://mcp.example.com/${KEY}/mcp", "file:" + path} {
		u := parse(t, "mcpServers: {a: {url: '"+written+"'}}").Upstreams[0]
		if u.Target.URL.String() != "https://mcp.example.com/"+secret+"/mcp" || u.Where() != written || u.Target.String() != written {
			t.Errorf("%s: %s", written, u.Where())
		}
		if !u.Equal(parse(t, "mcpServers: {a: {url: 'https://mcp.example.com/"+secret+"/mcp'}}").Upstreams[0]) {
			t.Errorf("%s: the same URL in other words is another upstream", written)
		}
	}
}

// TestEqual: an entry is the same in another place, and another one with another value.
func TestEqual(t *testing.T) {
	t.Parallel()
	entry := func(more string) upstreams.Upstream {
		return parse(t, "mcpServers: {a: {url: 'http://h/mcp', allow: {users: [x]}, headers: {A: b}"+more+"}}").Upstreams[0]
	}
	if !entry("").Equal(parse(t, "# moved\n\nmcpServers:\n  a:\n    headers: {A: b}\n    allow: {users: [x]}\n    url: http://h/mcp\n").Upstreams[0]) {
		t.Error("an entry that moved counts as another one")
	}
	for _, more := range []string{", title: x", ", max_body: 1MB", ", identity: none"} {
		if entry("").Equal(entry(more)) {
			t.Errorf("%s makes no difference", more)
		}
	}
}

// FuzzParse: any content is a file or one line with a place, and values stay out of it.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("{\"mcpServers\": {\"a\": {\"url\": \"http://h/${KEY}\"}}}"))
	f.Add([]byte("mcpServers: &a\n  x: *a\n"))
	f.Add([]byte("mcpServers:\n  a: &x {url: 'http://h/', scopes: {s: *x}}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := upstreams.Parse("f.yaml", content, options())
		if err != nil {
			if text := err.Error(); strings.Contains(text, secret) || !strings.HasPrefix(text, "f.yaml:") {
				t.Errorf("%q", text)
			}
			return
		}
		for _, u := range file.Upstreams {
			if u.Target.URL == nil || u.Target.URL.User != nil || u.Target.URL.RawQuery != "" || u.Name == "" || len(u.Name) > 20 {
				t.Errorf("accepted %+v", u)
			}
		}
		if json.Valid(content) && len(file.Upstreams) == 0 {
			t.Error("a file without upstreams was accepted")
		}
	})
}
