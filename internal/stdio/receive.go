package stdio

import (
	"bytes"
	"encoding/json"

	"github.com/mcpkeep/mcpkeep/internal/audit"
)

// receive handles a line of the process.
func (c *conn) receive(line []byte) {
	line = bytes.ToValidUTF8(line, []byte("\uFFFD"))
	list, _, err := parseMessages(line)
	if err != nil {
		c.skip(line, err)
		return
	}
	x := c.sessionless.Load()
	for _, m := range list {
		if x == nil {
			c.accept(line, m)
			continue
		}
		c.settleCrossing(x.incoming(m))
	}
}

// accept handles a message of the process.
func (c *conn) accept(line []byte, m message) {
	switch {
	case m.isResponse():
		c.respond(line, m)
	case c.isEarly(m):
	case m.isRequest():
		c.ask(m)
	default:
		c.notify(m)
	}
}

// isEarly keeps a message for the first session, while there is none. It reports whether it did.
func (c *conn) isEarly(m message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.greeted || c.up.Mode == Shared || len(c.early) >= maxEvents || m.isRequest() && m.method == "ping" {
		return false
	}
	c.early = append(c.early, m)
	return true
}

// greet gives what was kept to the first session. c.mu is held.
func (c *conn) greet(s *session) {
	c.greeted = true
	for _, m := range c.early {
		switch {
		case m.isRequest() && s.isHidden:
			c.answer(newError(m.id, codeNoMethod, "No client can be asked before it calls."))
			continue
		case m.isRequest():
			c.questions[string(m.id)] = question{session: s}
		}
		s.add(nil, m)
	}
	c.early = nil
}

// respond passes a response on to the one whose request it answers.
func (c *conn) respond(line []byte, m message) {
	n, ok := number(m.id)
	if !ok {
		c.skip(line, errUnasked)
		return
	}
	if c.keep(n, m) {
		return
	}
	one := c.take(n)
	switch {
	case one == nil:
		c.skip(line, errUnasked)
	case one.session == nil:
		one.reply <- m
	default:
		if result := m.get("result"); one.token != nil && bytes.Contains(result, []byte(`"task"`)) {
			c.keepToken(one)
		}
		outcome := audit.OK
		if m.get("error") != nil {
			outcome = audit.Error
		}
		m = m.withID(one.id)
		switch {
		case one.round != nil:
			m = one.modernResponse(m)
		case c.sessionless.Load() != nil:
			m = older(m)
		}
		one.deliver(m.raw(), outcome)
	}
}

// keepToken lets the progress of a task be told after the call that began it.
func (c *conn) keepToken(one *call) {
	const most = 1000
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lasting) < most {
		c.lasting[one.number] = one
	}
}

// deliver ends a call with a message for its client.
func (one *call) deliver(data []byte, outcome string) {
	if one.timer != nil {
		one.timer.Stop()
	}
	s := one.session
	s.mu.Lock()
	s.log.add(one.stream, data)
	s.log.settle(one.stream)
	s.mu.Unlock()
	one.ended(outcome)
}

// fail ends a call without a response of the process.
func (one *call) fail(cause error) {
	if one.session == nil {
		return // who waits for it is told by done
	}
	p := problemOf(cause)
	one.deliver(p.Body(one.id, one.reference), audit.Failed)
}

// ask passes a request of the process on to a client.
func (c *conn) ask(m message) {
	to, st := c.target()
	c.askOf(to, st, 0, m)
}

// askOf passes a request on to a session, about one of its calls; 0 is the newest one.
func (c *conn) askOf(to *session, st *stream, number int64, m message) {
	switch {
	case m.method == "ping" && (to == nil || !to.isConnected()):
		c.answer(newResult(m.id, json.RawMessage(`{}`)))
	case c.up.Mode == Shared || to == nil:
		c.answer(newError(m.id, codeNoMethod, "No client can be asked: this process has many."))
	case to.isHidden:
		c.askModern(to, number, m)
	default:
		c.mu.Lock()
		if c.questions != nil {
			c.questions[string(m.id)] = question{to, st}
		}
		c.mu.Unlock()
		to.add(st, m)
	}
}

// target returns the session and stream that a message of the process is for, when it does
// not say so: those of the newest call. A nil stream is the standalone one.
func (c *conn) target() (*session, *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.up.Mode == Shared {
		return nil, nil
	}
	var newest *call
	running := 0
	for _, one := range c.calls {
		if one.session == nil {
			continue
		}
		running++
		if newest == nil || one.number > newest.number {
			newest = one
		}
	}
	if newest == nil {
		return c.anySession(), nil
	}
	return newest.session, newest.session.choose(newest.stream, running)
}

// anySession prefers one whose client listens.
func (c *conn) anySession() (found *session) {
	for s := range c.sessions {
		if found == nil || !found.isConnected() && s.isConnected() {
			found = s
		}
	}
	return found
}
