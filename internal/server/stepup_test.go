package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

// callTool calls a tool with an access token.
func (s *site) callTool(token, name, arguments string) answer {
	s.Helper()
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":` + arguments + `}}`
	return s.do(http.MethodPost, "/mcp", body, header{
		"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Authorization": "Bearer " + token,
	})
}

var challengedScope = regexp.MustCompile(`^Bearer [^"]*resource_metadata="[^"]+", scope="([^"]+)", error="insufficient_scope", error_description="[^"]+"$`)

// TestStepUp: RS-05, RS-06, RS-08, 6750-04. A tool
// that needs more scope answers 403 with one challenge, which names all that is
// needed and all that is there; authorizing with that scope leads to a token with
// which the same call works.
func TestStepUp(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) { set.Policy = identity.Policy{Admins: []string{"owner"}} })
	c := s.register()
	for name, tt := range map[string]struct{ tool, arguments, held, asked string }{
		"RS-05 one scope":              {"revoke_connection", `{"connection_id":"gr_none"}`, "mcp offline_access", "mcp mcp:manage"},
		"RS-06 two scopes":             {"delete_client", `{"client_id":"none"}`, "mcp offline_access", "mcp mcp:manage mcp:admin"},
		"RS-06 keeps what is there":    {"delete_client", `{"client_id":"none"}`, "mcp:admin offline_access", "mcp:admin mcp:manage"},
		"RS-08 without offline_access": {"list_clients", `{}`, "mcp offline_access", "mcp mcp:admin"},
	} {
		t.Run(name, func(t *testing.T) {
			low := tokensOf(t, c.exchange(c.code(tt.held)))
			a := s.callTool(low.access, tt.tool, tt.arguments)
			challenge := challengedScope.FindStringSubmatch(a.Header.Get("WWW-Authenticate"))
			if a.Status != http.StatusForbidden || challenge == nil || challenge[1] != tt.asked {
				t.Fatalf("%d, challenge %q, want 403 and scope %q", a.Status, a.Header.Get("WWW-Authenticate"), tt.asked)
			}
			wantChallengeInResult(t, a)
			high := tokensOf(t, c.exchange(c.code(challenge[1])))
			if high.scope != tt.asked {
				t.Errorf("scope %q, want %q", high.scope, tt.asked)
			}
			if a := s.callTool(high.access, tt.tool, tt.arguments); a.Status != http.StatusOK || a.Header.Get("WWW-Authenticate") != "" {
				t.Errorf("after the step-up: %d %s", a.Status, a.Body)
			}
			if a := s.callTool(low.access, "whoami", `{}`); a.Status != http.StatusOK {
				t.Errorf("what the old token allows: %d %s", a.Status, a.Body)
			}
		})
	}
}

// wantChallengeInResult checks what ChatGPT reads: a JSON-RPC answer to the very
// call, whose result is an error with the challenge in it.
func wantChallengeInResult(t *testing.T, a answer) {
	t.Helper()
	var body struct {
		ID     int `json:"id"`
		Result struct {
			IsError bool `json:"isError"`
			Meta    struct {
				Challenges []string `json:"mcp/www_authenticate"`
			} `json:"_meta"`
		} `json:"result"`
	}
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil {
		t.Fatal(err)
	}
	got := body.Result.Meta.Challenges
	if body.ID != 1 || !body.Result.IsError || len(got) != 1 || got[0] != a.Header.Get("WWW-Authenticate") {
		t.Errorf("result %s", a.Body)
	}
}

// TestStepUpChangesNothing: the tool does not run.
func TestStepUpChangesNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	low, other := c.connect(), c.connect()
	connections := s.callTool(low.access, "list_connections", `{}`)
	ids := regexp.MustCompile(`"connection_id":"(gr_[^"]+)"`).FindAllStringSubmatch(connections.Body, -1)
	if len(ids) < 2 {
		t.Fatalf("connections: %s", connections.Body)
	}
	for _, id := range ids {
		if a := s.callTool(low.access, "revoke_connection", `{"connection_id":"`+id[1]+`"}`); a.Status != http.StatusForbidden {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	s.wantAccess(t, low.access, true)
	s.wantAccess(t, other.access, true)
}

// TestScopeHierarchy: RS-07. A broader scope does for what a narrower one is
// needed for, at the endpoint and in tools.
func TestScopeHierarchy(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	got := tokensOf(t, c.exchange(c.code("mcp:manage")))
	for _, call := range [][2]string{{"whoami", `{}`}, {"list_connections", `{}`}, {"revoke_connection", `{"connection_id":"gr_none"}`}} {
		if a := s.callTool(got.access, call[0], call[1]); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", call[0], a.Status, a.Body)
		}
	}
}

// TestRefreshNarrowsScope: 6749-18, C-06, C6. Asking for more at a refresh gives
// no more, and no error; asking for less gives less, for that access token alone.
func TestRefreshNarrowsScope(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	got := tokensOf(t, c.exchange(c.code("mcp mcp:manage offline_access")))
	for _, tt := range []struct{ asked, want string }{
		{"mcp mcp:manage mcp:admin offline_access unknown", "mcp mcp:manage offline_access"},
		{"mcp", "mcp"},
		{"", "mcp mcp:manage offline_access"},
		{"unknown", "mcp mcp:manage offline_access"},
	} {
		got = tokensOf(t, c.refresh(got.refresh, url.Values{"scope": {tt.asked}}))
		if got.scope != tt.want {
			t.Errorf("asked for %q: %q, want %q", tt.asked, got.scope, tt.want)
		}
		manages := s.callTool(got.access, "revoke_connection", `{"connection_id":"gr_none"}`).Status == http.StatusOK
		if manages != strings.Contains(tt.want, "mcp:manage") {
			t.Errorf("asked for %q: may manage: %t", tt.asked, manages)
		}
	}
}

func TestOpenAIChallenge(t *testing.T) {
	t.Parallel()
	const path = "/.well-known/openai-apps-challenge"
	s := start(t, func(set *setup) { set.OpenAIChallenge = "proof-of-domain" })
	if a := s.get(path); a.Status != http.StatusOK || a.Body != "proof-of-domain" || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %q %q", a.Status, a.Body, a.Header.Get("Content-Type"))
	}
	if a := start(t).get(path); a.Status != http.StatusNotFound {
		t.Errorf("without a text: %d %q", a.Status, a.Body)
	}
}
