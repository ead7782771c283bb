package stdio

import (
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// session is what a client began with initialize. It belongs to a user and a client.
type session struct {
	id           string
	user, client string
	version      string // the revision that was negotiated
	conn         *conn
	isHidden     bool // its client knows of no session

	mu         sync.Mutex
	grant      string // of the newest request
	log        eventLog
	listeners  []*listener
	listened   bool // the client has opened the standalone stream once
	subscribed map[string]bool
	used       time.Time
	finished   bool
	over       chan struct{} // closed when it is finished
}

// newSession returns a session whose id no one can guess.
func newSession(c *conn, p principal.Principal) *session {
	return &session{
		id: rand.Text() + rand.Text(), user: p.User.ID, client: p.ClientID, grant: p.GrantID, conn: c,
		log: newEventLog(), subscribed: map[string]bool{}, used: time.Now(), over: make(chan struct{}),
	}
}

// belongsTo reports whether a session was given to this user and client.
func (s *session) belongsTo(p principal.Principal) bool {
	return s.user == p.User.ID && s.client == p.ClientID
}

// touch notes a request of the client.
func (s *session) touch(p principal.Principal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used, s.grant = time.Now(), p.GrantID
}

// add puts a message into a stream; nil means the standalone one.
func (s *session) add(st *stream, m message) {
	data := m.raw()
	s.mu.Lock()
	defer s.mu.Unlock()
	aboutCall := m.method == methodProgress || m.method == "notifications/message"
	if s.isHidden && (st == nil || st.ended || !aboutCall) {
		s.announce(m)
		return
	}
	if st == nil || st.ended {
		st = s.log.streams[standalone]
	}
	s.used = time.Now()
	s.log.add(st, data)
}

// choose returns the stream for a message that may belong to a call: the call's own while
// the client is there, unless others run that it may belong to as well; otherwise the
// standalone one, unless the client never listens to that.
func (s *session) choose(own *stream, running int) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	alone := s.log.streams[standalone]
	switch {
	case own.plain || own.ended:
		return nil
	case running > 1 && alone.isFlowing():
		return nil
	case own.isFlowing() || !s.listened:
		return own
	}
	return nil
}

// isConnected reports whether the client listens to some stream.
func (s *session) isConnected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.log.streams {
		if st.isFlowing() {
			return true
		}
	}
	return false
}

// isIdle reports whether nothing has happened for a time, and the client is not there.
func (s *session) isIdle(limit time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.log.streams {
		if st.reader != nil {
			return false
		}
	}
	return time.Since(s.used) >= limit
}

func (s *session) isSubscribed(uri string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.subscribed[uri]
}

func (s *session) subscriptions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.subscribed))
}

// subscribe notes that the client wants to hear of a resource, or no longer does.
func (s *session) subscribe(uri string, wants bool) {
	const most = 10_000
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !wants:
		delete(s.subscribed, uri)
	case len(s.subscribed) < most:
		s.subscribed[uri] = true
	}
}

// finish ends the streams of the session. Its calls have ended before.
func (s *session) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finished {
		return
	}
	s.finished = true
	for _, st := range s.log.streams {
		st.ended = true
		st.signal()
	}
	close(s.over)
}

func (s *session) grantID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant
}

// leave ends a session at its process. One that no one shares ends with it.
func (s *session) leave(cause error) {
	c := s.conn
	if !c.isShared() {
		c.stop(cause)
		return
	}
	grant := s.grantID()
	c.mu.Lock()
	c.grant = grant
	delete(c.sessions, s)
	for key, hidden := range c.hidden {
		if hidden == s {
			delete(c.hidden, key)
		}
	}
	c.used = time.Now()
	var calls []*call
	for n, one := range c.calls {
		if one.session == s {
			calls = append(calls, one)
			delete(c.calls, n)
		}
	}
	for n, one := range c.lasting {
		if one.session == s {
			delete(c.lasting, n)
		}
	}
	var open []string
	for id, q := range c.questions {
		if q.session == s {
			open = append(open, id)
			delete(c.questions, id)
		}
	}
	c.mu.Unlock()
	for _, one := range calls {
		c.answer(one.cancellation())
		one.fail(cause)
	}
	for _, id := range open {
		c.answer(newError([]byte(id), codeServerError, "The client has gone."))
	}
	for _, uri := range s.subscriptions() {
		c.unsubscribe(s, uri)
	}
	s.finish()
}
