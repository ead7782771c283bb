package audit

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Call is a call of a tool that has ended. It has neither arguments nor results.
type Call struct {
	UserID, ClientID, GrantID string
	Reference                 string // of the request
	Upstream                  string // its name
	Tool                      string // as the client sent it; "" when that is no name
	Outcome                   string
	Took                      time.Duration
	At                        time.Time // when it ended; the queue sets it
}

// BuiltIn is the name of the server of the built-in tools.
const BuiltIn = "mcpkeep"

// The outcomes of a call.
const (
	OK       = "ok"       // a result came
	Error    = "error"    // refused, or an error of the tool
	Failed   = "failed"   // no response came, or not all of it
	Canceled = "canceled" // the client hung up, or its access ended
)

// maxName bounds the name of a tool (MCP 2025-11-25, tool names).
const maxName = 128

// event returns the entry of the audit trail. Its detail is in the form of logfmt.
func (c Call) event() storage.Event {
	return storage.Event{
		ID: storage.NewOrderedID(storage.EventIDPrefix, c.At), Type: storage.EventToolCalled, Actor: c.UserID,
		UserID: c.UserID, ClientID: c.ClientID, GrantID: c.GrantID, Reference: c.Reference, At: c.At,
		Detail: fmt.Sprintf("upstream=%s tool=%s outcome=%s ms=%d", c.Upstream, printable(c.Tool), c.Outcome, c.Took.Milliseconds()),
	}
}

// lostEvent says how many calls have no event.
func lostEvent(n int, now time.Time) storage.Event {
	return storage.Event{
		ID: storage.NewOrderedID(storage.EventIDPrefix, now), Type: storage.EventToolCallsLost, Actor: storage.ActorServer, At: now,
		Detail: fmt.Sprintf("calls=%d", n),
	}
}

// printable quotes a name that is not one of MCP's.
func printable(name string) string {
	const cut = "…"
	if len(name) > maxName {
		name = name[:maxName] + cut
	}
	plain := name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == ""
	if plain {
		return name
	}
	return strconv.QuoteToASCII(name)
}
