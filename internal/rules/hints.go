package rules

import (
	"strings"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

const (
	// hintsLast is how long a hint counts without being heard again: other replicas may have
	// heard that it changed.
	hintsLast = time.Minute
	// maxHinted bounds how many people's hints are kept, and maxTools how many of each.
	maxHinted = 1000
	maxTools  = 10_000
)

// Hints are what a server said of its tools. A server may say something else to each person,
// client and scope, so each has its own. What was forgotten has to be asked for again. The
// zero value knows nothing; Hints are safe for concurrent use.
type Hints struct {
	mu    sync.Mutex
	since map[string]map[string]heard
}

type heard struct {
	readOnly bool
	at       time.Time
}

// For returns what is known for a person.
func (h *Hints) For(who principal.Principal) Hint {
	key := keyOf(who)
	return func(tool string) (readOnly, known bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		hint, ok := h.since[key][tool]
		return hint.readOnly, ok && time.Since(hint.at) < hintsLast
	}
}

// Learn remembers what a message said to a person.
func (h *Hints) Learn(who principal.Principal, l Listing) {
	if !l.Changed && len(l.ReadOnly) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if l.Changed || h.since == nil {
		h.since = map[string]map[string]heard{}
	}
	key, now := keyOf(who), time.Now()
	tools := h.since[key]
	if tools == nil || len(tools) > maxTools {
		h.forgetOne()
		tools = map[string]heard{}
		h.since[key] = tools
	}
	for name, readOnly := range l.ReadOnly {
		tools[name] = heard{readOnly, now}
	}
}

// forgetOne makes room for another person.
func (h *Hints) forgetOne() {
	for key := range h.since {
		if len(h.since) < maxHinted {
			return
		}
		delete(h.since, key)
	}
}

func keyOf(who principal.Principal) string {
	return strings.Join([]string{who.User.ID, who.ClientID, who.Scope}, "\x00")
}
