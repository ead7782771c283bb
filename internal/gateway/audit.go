package gateway

import (
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// record notes the calls of tools in a request that has ended, as its body had them: headers
// may say something else.
func (u *Upstream) record(r *http.Request, b *body, p principal.Principal, began time.Time) {
	if u.Called == nil || r.Method != http.MethodPost {
		return
	}
	tools, more := b.tools()
	if len(tools) == 0 {
		return
	}
	call := CallBy(p, u.Name, storage.ReferenceOf(r.Context()))
	call.Outcome, call.Took = b.ended, time.Since(began)
	switch {
	case r.Context().Err() != nil:
		call.Outcome = audit.Canceled
	case call.Outcome == "":
		call.Outcome = audit.Failed // the response was cut short
	}
	ended := call.Outcome
	for _, c := range tools {
		call.Tool, call.Outcome = c.tool, ended
		if ended == audit.OK && b.answers.failedAt(c, len(tools)+more == 1) {
			call.Outcome = audit.Error
		}
		u.Called(call)
	}
	call.Tool, call.Outcome = "", ended // beyond those that are told apart
	for range more {
		u.Called(call)
	}
}

// CallBy returns a call of one of an upstream's tools, for the audit trail.
func CallBy(p principal.Principal, upstream, reference string) audit.Call {
	return audit.Call{UserID: p.User.ID, ClientID: p.ClientID, GrantID: p.GrantID, Reference: reference, Upstream: upstream}
}

// tools returns the tools that the message calls, and how many more calls a batch has.
func (b *body) tools() ([]called, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.scan.called, b.scan.more
}

// outcomeOf is what a response's status says of a call.
func outcomeOf(status int) string {
	switch {
	case status < http.StatusBadRequest:
		return audit.OK
	case status < http.StatusInternalServerError:
		return audit.Error
	}
	return audit.Failed
}
