package stdio

import (
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

var (
	errExited  = errors.New("the server's process has ended")
	errStopped = errors.New("the server's process was stopped")
)

// afterExit is how long what an ended process has written may take to be read: its children
// may hold its output open.
const afterExit = 500 * time.Millisecond

// conn is a process and what is in flight with it.
type conn struct {
	up      *Upstream
	began   time.Time
	id      string // in request states
	key     string // whose process it is, for those that sessions share; "" for others
	user    string // whom it counts for; "" for no one
	label   string // in log lines
	release func() // makes room for another process
	proc    Process
	out     chan []byte
	ready   chan struct{} // closed when the handshake has ended
	done    chan struct{} // closed when the process is over, and all calls have their errors

	// sessionless translates for a process that knows no sessions; nil for others.
	sessionless atomic.Pointer[sessionless]

	// handshake is the result of initialize, failure what went wrong instead. Both are set
	// before ready is closed.
	handshake object
	failure   error

	mu        sync.Mutex
	over      error // why it is over
	started   bool  // notifications/initialized was sent
	greeted   bool  // a session exists, or did
	last      int64 // number of the newest call
	calls     map[int64]*call
	lasting   map[int64]*call     // those that a task continues, for its progress
	questions map[string]question // requests of the process, by their ids
	sessions  map[*session]struct{}
	hidden    map[string]*session // of clients of the revision without sessions, by user and client
	early     []message           // what the process said before there was a session
	listed    *toolList           // nil before the process is asked, and when its tools have changed
	used      time.Time
	grant     string // of the session that left last
	skipped   int    // lines that are no messages
}

// call is a request that the process has not answered yet.
type call struct {
	number  int64
	session *session // nil for a request of mcpkeep's own
	stream  *stream
	reply   chan message    // for one of mcpkeep's own
	id      json.RawMessage // the client's
	token   json.RawMessage // the client's progress token
	method  string
	// reference is that of the client's request, for error messages.
	reference string
	ended     func(outcome string) // of the session's calls; called once
	round     *round               // of a client that cannot be asked
	timer     *time.Timer          // of a canceled call
}

// question is a request of the process that a client has to answer.
type question struct {
	session *session
	stream  *stream
}

func newConn(u *Upstream, key, user, label string) *conn {
	return &conn{
		up: u, key: key, user: user, label: label, out: make(chan []byte, 16), ready: make(chan struct{}), done: make(chan struct{}),
		calls: map[int64]*call{}, lasting: map[int64]*call{}, questions: map[string]question{}, sessions: map[*session]struct{}{},
		began: time.Now(), used: time.Now(), id: newProcessID(),
	}
}

// begin serves a process until it is over.
func (c *conn) begin(p Process) {
	c.mu.Lock()
	c.proc = p
	isOver := c.over != nil
	c.mu.Unlock()
	if isOver { // meanwhile
		p.Stop()
	}
	go c.write(p)
	go c.run(p)
}

func (c *conn) run(p Process) {
	read := make(chan error, 1)
	go func() { read <- c.read(p) }()
	var err error
	select {
	case err = <-read:
	case <-p.Done:
		select {
		case err = <-read:
		case <-time.After(afterExit):
			err = errExited
		}
	}
	c.end(err)
	_ = p.Stdout.Close()
	if errors.Is(err, errLongLine) {
		p.Kill()
	}
	p.Stop()
	<-p.Gone
	c.countSkipped()
	c.up.left(c)
}

// read passes on what the process says, until it says no more.
func (c *conn) read(p Process) error {
	in := newLines(p.Stdout, longestLine)
	for {
		line, err := in.next()
		if len(line) > 0 {
			c.receive(line)
		}
		switch {
		case err == nil:
		case errors.Is(err, errLongLine):
			return err
		default:
			return errExited
		}
	}
}

// write sends what waits to the process.
func (c *conn) write(p Process) {
	for {
		select {
		case line := <-c.out:
			if _, err := p.Stdin.Write(line); err != nil {
				return // it is ending, which the reader notices
			}
		case <-c.done:
			_ = p.Stdin.Close()
			return
		}
	}
}

func (c *conn) overError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// stop ends the process.
func (c *conn) stop(cause error) { c.stopWhen(cause, func() bool { return true }) }

// stopWhen ends the process if a condition holds, which is checked with c.mu held.
func (c *conn) stopWhen(cause error, condition func() bool) {
	if !c.endWhen(cause, condition) {
		return
	}
	c.mu.Lock()
	stop := c.proc.Stop
	c.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// end gives every call its error and ends the sessions.
func (c *conn) end(cause error) { c.endWhen(cause, func() bool { return true }) }

// endWhen reports whether the process is over.
func (c *conn) endWhen(cause error, condition func() bool) bool {
	c.mu.Lock()
	if c.over != nil || !condition() {
		defer c.mu.Unlock()
		return c.over != nil
	}
	c.over = cause
	calls, sessions := c.calls, c.sessions
	c.calls, c.sessions, c.questions, c.early = nil, nil, nil, nil
	c.mu.Unlock()
	c.up.over(c, cause)
	for _, one := range calls {
		one.fail(cause)
	}
	for s := range sessions {
		s.finish()
	}
	close(c.done)
	return true
}
