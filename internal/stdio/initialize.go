package stdio

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// initialize begins a session.
func (u *Upstream) initialize(w http.ResponseWriter, r *http.Request, p principal.Principal, m message, takes forms) {
	if len(r.Header[sessionHeader]) > 0 {
		_, err := u.sessionOf(r, p)
		if err == nil {
			err = errHasSession
		}
		u.fail(w, r, m.id, err)
		return
	}
	if m.id == nil {
		u.fail(w, r, nil, errInvalid)
		return
	}
	c, s, err := u.begin(r.Context(), p, m)
	var refused *handshakeError
	switch {
	case errors.As(err, &refused):
		write(w, refused.answer.withID(m.id).raw(), takes)
		return
	case r.Context().Err() != nil:
		return // the client hung up, or its access ended
	case err != nil:
		u.fail(w, r, m.id, err)
		return
	}
	w.Header().Set(sessionHeader, s.id)
	write(w, newResult(m.id, c.greeting(m.params().text("protocolVersion")).raw()).raw(), takes)
}

// begin returns a new session at its process. One that exists may be about to end for being
// idle: another takes its place then.
func (u *Upstream) begin(ctx context.Context, p principal.Principal, m message) (*conn, *session, error) {
	for first := true; ; first = false {
		c, err := u.open(ctx, p, m.get("params"), "")
		if err != nil {
			return nil, nil, err
		}
		s := newSession(c, p)
		s.version = c.greeting(m.params().text("protocolVersion")).text("protocolVersion")
		err = u.admit(s)
		if err == nil || !first || c.key == "" {
			return c, s, err
		}
	}
}

// admit makes a session known.
func (u *Upstream) admit(s *session) error {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.conn.over != nil {
		return s.conn.over
	}
	s.conn.sessions[s] = struct{}{}
	s.conn.used = s.used
	s.conn.greet(s)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sessions[s.id] = s
	return nil
}

// greeting is the result of initialize for a client that wants a revision.
func (c *conn) greeting(wanted string) object {
	result := c.handshake
	switch {
	case c.up.Mode == Shared:
		capabilities := result.child("capabilities").without("logging", "tasks")
		if extensions := capabilities.child("extensions"); extensions != nil {
			capabilities = capabilities.with("extensions", extensions.without(metaPrefix+"tasks").raw())
		}
		result = result.with("capabilities", capabilities.raw())
	case c.sessionless.Load() == nil:
		return result
	}
	if agreed := result.text("protocolVersion"); slices.Contains(revisions, wanted) && wanted < agreed {
		result = result.with("protocolVersion", quoted(wanted))
	}
	return result
}

// write sends a single message as a whole response.
func write(w http.ResponseWriter, content json.RawMessage, takes forms) {
	if takes.json {
		w.Header().Set("Content-Type", jsonType)
		_, _ = w.Write(content)
		return
	}
	startStream(w)
	_, _ = w.Write(asEvent("", content))
}

// newLabel names a process in log lines.
func newLabel() string { return strings.ToLower(rand.Text()[:8]) }
