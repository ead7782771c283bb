//go:build clients

package clients_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// facts is what a client's OAuth provider counted.
type facts struct {
	Registrations  int `json:"registrations"`
	Authorizations int `json:"authorizations"`
	TokenAnswers   int `json:"tokenAnswers"`
	Invalidations  int `json:"invalidations"`
}

// whoami is the part of the tool's result that must not change.
type whoami struct {
	UserID       string `json:"user_id"`
	ClientID     string `json:"client_id"`
	ConnectionID string `json:"connection_id"`
}

// generations are the SDK that most clients use, and its next generation.
func generations() []string { return []string{"sdk", "client"} }

// eachClient runs a test for each generation on each engine.
func eachClient(t *testing.T, run func(t *testing.T, generation string, opts harness.Options)) {
	t.Helper()
	for _, generation := range generations() {
		for _, engine := range harness.Engines() {
			t.Run(generation+"/"+engine.Name, func(t *testing.T) {
				t.Parallel()
				run(t, generation, engine.Options(t))
			})
		}
	}
}

func TestTypeScriptKeepsSignedIn(t *testing.T) {
	t.Parallel()
	eachClient(t, keepsSignedIn)
}

func TestTypeScriptRefreshesAfterRestart(t *testing.T) {
	t.Parallel()
	eachClient(t, refreshesAfterRestart)
}

// keepsSignedIn kills the server under a connected client, which goes on with
// the access token that it has.
func keepsSignedIn(t *testing.T, generation string, opts harness.Options) {
	t.Helper()
	p := harness.Start(t, opts)
	c := startNode(t, generation, p.URL, harness.Password)
	began := time.Now()
	c.tell(t, "connect", nil)
	t.Logf("discovery, registration, sign-in, consent, exchange, handshake: %v", time.Since(began).Round(time.Millisecond))
	var tools []string
	c.tell(t, "list", &tools)
	if !slices.Contains(tools, "whoami") {
		t.Fatalf("tools %q lack whoami", tools)
	}
	var before, after whoami
	c.tell(t, "call whoami", &before)
	kill(t, p)
	c.tell(t, "call whoami", &after)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("whoami after kill -9 (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(facts{Registrations: 1, Authorizations: 1, TokenAnswers: 1}, factsOf(t, c)); diff != "" {
		t.Errorf("what the client counted (-want +have):\n%s", diff)
	}
	assertSignedInOnce(t, p)
}

// refreshesAfterRestart kills the server and lets the access token expire: the
// client refreshes by itself.
func refreshesAfterRestart(t *testing.T, generation string, opts harness.Options) {
	t.Helper()
	opts.Env = append(opts.Env, "MCPKEEP_ACCESS_TOKEN_TTL="+shortTTL)
	p := harness.Start(t, opts)
	c := startNode(t, generation, p.URL, harness.Password)
	c.tell(t, "connect", nil)
	var before, after whoami
	c.tell(t, "call whoami", &before)
	kill(t, p)
	awaitExpiry(t)
	began := time.Now()
	c.tell(t, "call whoami", &after)
	t.Logf("call with an expired token, refresh included: %v", time.Since(began).Round(time.Millisecond))
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("whoami after refresh (-before +after):\n%s", diff)
	}
	have := factsOf(t, c)
	if have.Registrations != 1 || have.Authorizations != 1 || have.Invalidations != 0 || have.TokenAnswers < 2 {
		t.Errorf("the client counted %+v, want one registration, one authorization, a refresh, nothing invalidated", have)
	}
	assertSignedInOnce(t, p)
}

func factsOf(t *testing.T, c *nodeClient) facts {
	t.Helper()
	var have facts
	c.tell(t, "facts", &have)
	return have
}

// kill ends the server with kill -9 and starts it again.
func kill(t *testing.T, p *harness.Process) {
	t.Helper()
	p.Kill9()
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	t.Logf("killed and ready again in %v", p.StartedIn.Round(time.Millisecond))
}

// awaitExpiry sleeps until an access token issued before has expired.
func awaitExpiry(t *testing.T) {
	t.Helper()
	ttl, err := time.ParseDuration(shortTTL)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(ttl + time.Second)
}
