package upstreams_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

const ruled = `
mcpServers:
  a:
    url: http://h/mcp
    scopes: {"t:write": Change}
    rules:
      - {tools: ["delete_*", close], allow: {groups: [leads]}, scope: "t:write"}
      - {tools: ["*"], readonly: true}
      - {prompts: [p], resources: ["docs://secret/*"], deny: true}
`

// TestRules: every key of a rule arrives, and an entry without rules needs no body.
func TestRules(t *testing.T) {
	t.Parallel()
	u := parse(t, ruled).Upstreams[0]
	want := upstreams.Rules{
		{Tools: []string{"delete_*", "close"}, Allow: upstreams.Allow{Groups: []string{"leads"}}, Scope: "t:write"},
		{Tools: []string{"*"}, ReadOnly: true},
		{Prompts: []string{"p"}, Resources: []string{"docs://secret/*"}, Deny: true},
	}
	if diff := cmp.Diff(want, u.Rules, cmpopts.IgnoreUnexported(upstreams.Allow{}, upstreams.Rule{})); diff != "" {
		t.Error(diff)
	}
	if !u.Rules.NeedsBody() || parse(t, whole).Upstreams[0].Rules.NeedsBody() {
		t.Error("who needs the body")
	}
	moved := parse(t, strings.Replace(ruled, "    url", "\n    url", 1)).Upstreams[0]
	other := parse(t, strings.Replace(ruled, "leads", "all", 1)).Upstreams[0]
	if !u.Equal(moved) || u.Equal(other) {
		t.Errorf("equal elsewhere in the file: %v, with another rule: %v", u.Equal(moved), u.Equal(other))
	}
}

// TestRefusedRules: a rule that would not mean what it seems to stops the start.
func TestRefusedRules(t *testing.T) {
	t.Parallel()
	const at = "mcpServers:\n  a:\n    url: http://h/mcp\n    scopes: {w: Write}\n    rules: "
	for rules, want := range map[string]string{
		`{tools: ["*"]}`:                       ":5:12: an object here; want a list of rules",
		`[]`:                                   ":5:12: a list here",
		`[{deny: true}]`:                       ":5:13: a rule for nothing",
		`[{tools: []}]`:                        ":5:21: an empty list",
		`[{tools: "*"}]`:                       ":5:21: text here",
		`[{tools: [""]}]`:                      ":5:22: an empty value",
		`[{tool: ["*"]}]`:                      ":5:14: tool is not known here; want one of allow, deny, prompts, readonly, resources, scope, tools",
		`[{tools: [a], scope: x}]`:             ":5:33: the scope of a rule that the server does not have",
		`[{tools: [a], scope: ""}]`:            ":5:33: an empty value",
		`[{tools: [a], deny: true, scope: w}]`: ":5:13: deny leaves nothing to allow",
		`[{tools: [a], deny: true, readonly: true}]`:        ":5:13: deny leaves nothing to allow",
		`[{tools: [a], deny: true, allow: {users: [bob]}}]`: ":5:13: deny leaves nothing to allow",
		`[{tools: [a], deny: false}]`:                       ":5:32: a condition that is off",
		`[{tools: [a], readonly: no}]`:                      ":5:36: text here",
		`[{prompts: [a], readonly: true}]`:                  ":5:13: readonly says something of tools only",
		`[{tools: [a], allow: {}}]`:                         ":5:33: allow lists no one",
		`[{resources: ["docs://a/../b"]}]`:                  ":5:26: a pattern that can match nothing",
	} {
		_, err := upstreams.Parse("f.yaml", []byte(at+rules+"\n"), options())
		if err == nil || !strings.HasPrefix(err.Error(), "f.yaml"+want) {
			t.Errorf("%s: got %v, want %s", rules, err, want)
		}
	}
}
