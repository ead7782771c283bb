//go:build clients

package clients_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// life is what one client goes through with one server.
type life struct {
	t      *testing.T
	server *harness.Process
	client driver
}

// whoami is what the tool says about the call that it got.
type whoami struct {
	UserID       string    `json:"user_id"`
	ClientID     string    `json:"client_id"`
	ConnectionID string    `json:"connection_id"`
	Scopes       []string  `json:"scopes"`
	ExpiresAt    time.Time `json:"token_expires_at"` // of the access token
}

// shortTTL is how long access tokens live that a test waits for; longTTL never
// ends within a test. slowestAnswer is how long a token answer may be on its way
// on a loaded machine: a client that counts its seconds from there is as late.
const (
	shortTTL      = 5 * time.Second
	longTTL       = time.Hour
	slowestAnswer = 2 * time.Second
)

func ttl(d time.Duration) string { return "MCPKEEP_ACCESS_TOKEN_TTL=" + d.String() }

// who calls whoami.
func (l *life) who() (whoami, error) {
	var who whoami
	r, err := l.client.call("whoami", map[string]any{})
	if err != nil {
		return who, err
	}
	if r.IsError {
		return who, fmt.Errorf("whoami: %s", r.Content)
	}
	err = json.Unmarshal(r.Structured, &who)
	return who, err
}

func (l *life) mustWho() whoami {
	l.t.Helper()
	who, err := l.who()
	if err != nil {
		l.t.Fatal(err)
	}
	return who
}

// restart kills the server with kill -9 and starts it again.
func (l *life) restart() {
	l.t.Helper()
	l.server.Kill9()
	if err := l.server.Restart(); err != nil {
		l.t.Fatal(err)
	}
}

// seen is what the server logged during a step.
type seen struct {
	registrations int
	grants        int // sign-ins that a person allowed
	renewals      int // token requests that returned tokens, codes included
	refusals      int // requests to the MCP endpoint answered 401
	stepUps       int // tool calls answered 403 for want of scope
}

// during counts what the server logs while f runs. Lines take a moment to get
// here: enough says when to stop waiting.
func (l *life) during(f func(), enough func(seen) bool) seen {
	l.t.Helper()
	before := len(l.server.Logs.Entries())
	f()
	var s seen
	for range 50 {
		if s = count(l.server.Logs.Entries()[before:]); enough(s) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return s
}

func count(entries []harness.Entry) seen {
	var s seen
	for _, e := range entries {
		switch {
		case e["event"] == "client_registered":
			s.registrations++
		case e["event"] == "grant_created":
			s.grants++
		case e["event"] == "insufficient_scope":
			s.stepUps++
		case e["path"] == "/token" && e["status"] == 200.0:
			s.renewals++
		case e["path"] == "/mcp" && e["status"] == 401.0:
			s.refusals++
		}
	}
	return s
}

// firstLine of an error, for a line in the log.
func firstLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return line
}
