package stdio

import (
	"maps"
	"slices"
	"strings"
)

const (
	methodProgress  = "notifications/progress"
	methodCancelled = "notifications/cancelled"
	methodUpdated   = "notifications/resources/updated"
)

// notify passes a notification of the process on.
func (c *conn) notify(m message) {
	switch {
	case m.method == methodProgress:
		c.progress(m)
	case m.method == methodCancelled:
		c.withdraw(m)
	case m.method == methodUpdated && c.isShared():
		c.updated(m)
	case strings.HasSuffix(m.method, "/list_changed"):
		if m.method == "notifications/tools/list_changed" {
			c.forgetTools(nil)
		}
		c.toAll(m)
	case m.method == "notifications/message" && !c.wantsLog():
		// A client of the revision without sessions says with each request what it wants.
	case c.up.Mode == Shared:
		// It is about someone, and no one can say about whom.
	default:
		if s, st := c.target(); st != nil || c.only(s) {
			s.add(st, m)
			return
		}
		c.toAll(m)
	}
}

// wantsLog reports whether the client of the newest call wants log messages; so do all that have
// a session.
func (c *conn) wantsLog() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var newest *call
	for _, one := range c.calls {
		if one.session != nil && (newest == nil || one.number > newest.number) {
			newest = one
		}
	}
	return newest == nil || newest.round == nil || newest.round.request.level != ""
}

// isShared reports whether several sessions may be at the process.
func (c *conn) isShared() bool { return c.up.Mode != PerSession }

// only reports whether a session is the process's only one.
func (c *conn) only(s *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s != nil && len(c.sessions) == 1
}

// toAll sends a notification to every session.
func (c *conn) toAll(m message) {
	for _, s := range c.list() {
		s.add(nil, m)
	}
}

func (c *conn) list() []*session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.sessions))
}

// updated tells of a resource those who asked for that.
func (c *conn) updated(m message) {
	uri := m.params().text("uri")
	for _, s := range c.list() {
		if s.isSubscribed(uri) {
			s.add(nil, m)
		}
	}
}

// progress tells the client whose call proceeds.
func (c *conn) progress(m message) {
	params := m.params()
	n, ok := number(params.get("progressToken"))
	c.mu.Lock()
	one, running := c.calls[n]
	switch {
	case !running:
		one = c.lasting[n]
	case one.session != nil:
		one.limit(c.up.Silence, one.tooSlow)
	}
	c.mu.Unlock()
	if !ok || one == nil || one.token == nil || one.session == nil {
		return
	}
	m = m.withParams(params.with("progressToken", one.token))
	if !running {
		one.session.add(nil, m)
		return
	}
	one.session.add(one.session.choose(one.stream, 1), m)
}

// withdraw tells a client that the process no longer wants the answer to a question.
func (c *conn) withdraw(m message) {
	id := string(m.params().get("requestId"))
	c.mu.Lock()
	q, ok := c.questions[id]
	delete(c.questions, id)
	c.mu.Unlock()
	if ok {
		q.session.add(q.stream, m)
	}
}
