package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
	"github.com/mcpkeep/mcpkeep/test/conformance/everything"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// number is a number of the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// person is someone at one upstream, whose messages carry a mark.
type person struct {
	mark     string
	session  *sdk.ClientSession
	received atomic.Int64 // messages that were the person's
	foreign  atomic.Int64
}

// mine counts a message, and whether it has a text.
func (p *person) mine(t *testing.T, message, want string) {
	if strings.Contains(message, want) {
		p.received.Add(1)
		return
	}
	p.foreign.Add(1)
	t.Errorf("%s got %q, want %q in it", p.mark, message, want)
}

// enter opens a session whose client answers questions with the mark and the question.
func (p *person) enter(t *testing.T, c *harness.Client) {
	t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: p.mark, Version: "1"}, &sdk.ClientOptions{
		CreateMessageHandler: func(_ context.Context, r *sdk.CreateMessageRequest) (*sdk.CreateMessageResult, error) { //nolint:staticcheck // of older revisions
			asked, _ := r.Params.Messages[0].Content.(*sdk.TextContent)
			p.mine(t, asked.Text, p.mark)
			return &sdk.CreateMessageResult{Model: "m", Role: "assistant", Content: &sdk.TextContent{Text: p.mark + " heard " + asked.Text}}, nil //nolint:staticcheck // the same
		},
		ElicitationHandler: func(_ context.Context, r *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			p.mine(t, r.Params.Message, p.mark)
			return &sdk.ElicitResult{Action: "accept", Content: map[string]any{"username": p.mark + " heard " + r.Params.Message, "email": "a@example.com"}}, nil
		},
	})
	session, err := client.Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: c.Resource, HTTPClient: &http.Client{Transport: bearer{c.AccessToken}},
	}, &sdk.ClientSessionOptions{ProtocolVersion: withSessions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	p.session = session
}

// talk calls a tool, which asks the client for something, again and again.
func (p *person) talk(t *testing.T, tool, argument string, rounds int) {
	for i := range rounds {
		said := fmt.Sprintf("%s %s %d.", p.mark, argument, i)
		result, err := p.session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: map[string]any{argument: said}})
		if err != nil {
			t.Errorf("%s: %v", said, err)
			return
		}
		text, ok := result.Content[0].(*sdk.TextContent)
		if !ok {
			t.Errorf("%s: %v", said, result.Content)
			return
		}
		p.mine(t, text.Text, p.mark+" heard "+said)
	}
}

// TestPeopleInParallel: many people call an HTTP and a stdio upstream, each with a request for
// sampling and one for elicitation in flight. No one gets a message of another person.
// MCPKEEP_TEST_MESSAGES is how many messages the clients get, of MCPKEEP_TEST_PEOPLE.
func TestPeopleInParallel(t *testing.T) {
	t.Parallel()
	const kinds, perRound = 2, 2 // of questions; messages of each
	people, messages := number(t, "MCPKEEP_TEST_PEOPLE", 6), number(t, "MCPKEEP_TEST_MESSAGES", 500)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(everything.New())
	t.Cleanup(web.Close)
	provider := oidctest.New(t, oidctest.Plain())
	p, _ := configured(t, fmt.Sprintf(`{"mcpServers": {"web": {"url": %q},
		"command": {"command": %q, "env": {%q: "1"}, "limits": {"memory": "none", "processes": %d}}}}`, web.URL+"/mcp", self, everything.AsStdio, people),
		"MCPKEEP_PROVIDER=oidc", "MCPKEEP_OIDC_ISSUER="+provider.Issuer, "MCPKEEP_OIDC_CLIENT_ID="+provider.ClientID,
		"MCPKEEP_OIDC_CLIENT_SECRET="+provider.ClientSecret, "MCPKEEP_ALLOWED_DOMAINS=example.com")
	var list []*person
	for i := range people {
		name := fmt.Sprintf("person-%d", i)
		provider.AddPerson(oidctest.Claims{"sub": name, "email": name + "@example.com", "email_verified": true, "name": name})
		provider.SignInAs(name)
		for _, path := range []string{"/web/mcp", "/command/mcp"} {
			c, b := harness.NewClient(p.URL, nil), harness.NewBrowser(nil)
			c.Resource, b.Sites = p.URL+path, []string{provider.Issuer, p.URL}
			if err := c.SignIn(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			at := &person{mark: fmt.Sprintf("<%s at %s>", name, path)}
			at.enter(t, c)
			list = append(list, at)
		}
	}
	rounds := max(1, messages/(len(list)*kinds*perRound))
	var all sync.WaitGroup
	for _, at := range list {
		all.Go(func() { at.talk(t, "test_sampling", "prompt", rounds) })
		all.Go(func() { at.talk(t, "test_elicitation", "message", rounds) })
	}
	all.Wait()
	var received, foreign int64
	for _, at := range list {
		received, foreign = received+at.received.Load(), foreign+at.foreign.Load()
	}
	t.Logf("%d people at 2 upstreams got %d messages, %d of them meant for another person", people, received+foreign, foreign)
	if want := int64(rounds * kinds * perRound * len(list)); received != want {
		t.Errorf("%d messages arrived where they belong, want %d", received, want)
	}
}
