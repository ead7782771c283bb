package stdio

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// forward hands a message of the client to the process. The response to a request goes into
// the stream.
func (s *session) forward(ctx context.Context, m message, st *stream) error {
	switch {
	case m.isRequest():
		return s.request(ctx, m, st)
	case m.isNotification():
		return s.notification(ctx, m)
	}
	return s.response(ctx, m)
}

func (s *session) request(ctx context.Context, m message, st *stream) error {
	c := s.conn
	one := s.newCall(ctx, m, st)
	if text := c.up.refusal(m); text != "" {
		one.deliver(newError(m.id, codeNoMethod, text).raw(), audit.Error)
		return nil
	}
	params := m.params()
	switch m.method {
	case "resources/subscribe":
		s.subscribe(params.text("uri"), true)
	case "resources/unsubscribe":
		s.subscribe(params.text("uri"), false)
		if c.anySubscribed(params.text("uri")) {
			one.deliver(newResult(m.id, json.RawMessage(`{}`)).raw(), audit.OK)
			return nil
		}
	}
	if err := c.register(one); err != nil {
		one.fail(err)
		return nil
	}
	if one.token != nil {
		m = m.withParams(params.with("_meta", params.child("_meta").with("progressToken", integer(one.number)).raw()))
	}
	err := c.send(ctx, m.withID(integer(one.number)))
	if err != nil && c.take(one.number) != nil {
		one.fail(err)
	}
	return err
}

// newCall returns the call of a request; its end is noted.
func (s *session) newCall(ctx context.Context, m message, st *stream) *call {
	one := &call{session: s, stream: st, id: m.id, method: m.method, reference: storage.ReferenceOf(ctx)}
	if raw := m.get("params"); bytes.Contains(raw, []byte("progressToken")) || bytes.Contains(raw, []byte(`\u`)) {
		one.token = m.params().child("_meta").get("progressToken")
	}
	p, _ := principal.FromContext(ctx)
	began := time.Now()
	one.ended = func(outcome string) {
		s.conn.up.release(s.user)
		s.conn.up.record(p, m, one.reference, outcome, time.Since(began))
	}
	return one
}

// refusal says why a request cannot be served; "" if it can. Tasks and the level of log
// messages are everyone's at a shared process.
func (u *Upstream) refusal(m message) string {
	if u.Mode == Shared && (strings.HasPrefix(m.method, "tasks/") || m.method == "logging/setLevel") {
		return "Method not found: all users share this server."
	}
	return ""
}

// notification passes on what concerns this session's process.
func (s *session) notification(ctx context.Context, m message) error {
	c := s.conn
	switch {
	case m.method == methodCancelled:
		return s.cancel(ctx, m)
	case m.method == "notifications/initialized":
		if !c.start() {
			return nil
		}
	case c.up.Mode == Shared:
		return nil
	}
	return c.send(ctx, m)
}

// start reports whether the process has not been told yet that its handshake is complete.
func (c *conn) start() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := !c.started
	c.started = true
	return first
}

// cancel passes on that the client does not want a response any more.
func (s *session) cancel(ctx context.Context, m message) error {
	c, params := s.conn, m.params()
	id := params.get("requestId")
	c.mu.Lock()
	var found *call
	for _, one := range c.calls {
		if one.session == s && bytes.Equal(one.id, id) {
			found = one
			one.limit(c.up.canceledFor, func() {
				one.deliver(newError(one.id, codeServerError, "The request was canceled.").raw(), audit.Canceled)
			})
			break
		}
	}
	c.mu.Unlock()
	if found == nil {
		return nil
	}
	return c.send(ctx, m.withParams(params.with("requestId", integer(found.number))))
}

// limit ends a call in a way after a time; 0 is no limit. It replaces an earlier limit. c.mu
// is held.
func (one *call) limit(after time.Duration, end func()) {
	if one.timer != nil {
		one.timer.Stop()
	}
	if after > 0 {
		one.timer = time.AfterFunc(after, func() {
			if one.session.conn.take(one.number) != nil {
				end()
			}
		})
	}
}

// cancellation tells the process that no one waits for the response any more.
func (one *call) cancellation() message {
	return newRequest(nil, methodCancelled, object{{"requestId", integer(one.number)}}.raw())
}

// tooSlow ends a call that took too long, and tells the process.
func (one *call) tooSlow() {
	one.session.conn.answer(one.cancellation())
	one.fail(gateway.ErrTooSlow)
}

// response passes on an answer to a question that this client was asked.
func (s *session) response(ctx context.Context, m message) error {
	c := s.conn
	c.mu.Lock()
	q, ok := c.questions[string(m.id)]
	if ok = ok && q.session == s; ok {
		delete(c.questions, string(m.id))
	}
	c.mu.Unlock()
	if !ok {
		return nil // no one waits for it
	}
	return c.send(ctx, m)
}

// anySubscribed reports whether some session wants to hear of a resource.
func (c *conn) anySubscribed(uri string) bool {
	for _, s := range c.list() {
		if s.isSubscribed(uri) {
			return true
		}
	}
	return false
}

// unsubscribe says that a session that ends does not want to hear of a resource.
func (c *conn) unsubscribe(s *session, uri string) {
	s.subscribe(uri, false)
	if c.anySubscribed(uri) {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), c.up.Start)
		defer cancel()
		_, _ = c.request(ctx, "resources/unsubscribe", object{{"uri", quoted(uri)}}.raw())
	}()
}
