package stdio

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// round is where a call of a hidden session is: such a client cannot be asked, and answers
// questions with the call's next request.
type round struct {
	request modernRequest
	number  int               // of the round that is to come
	open    []message         // questions without an answer
	result  []byte            // of the process, which did not wait for answers
	told    bool              // the client has been told of them, and the call waits for its next request
	digest  [sha256.Size]byte // of what has to stay as it is
}

// answerIn is how long a client may take to answer questions.
const answerIn = 15 * time.Minute

// asks are the methods that may lead to questions, and the capabilities that they need.
var (
	asking = []string{"tools/call", "prompts/get", "resources/read"}
	needs  = map[string]string{"sampling/createMessage": "sampling", "elicitation/create": "elicitation", "roots/list": "roots"}
)

// callModern hands a request to the process and serves the response.
func (u *Upstream) callModern(w http.ResponseWriter, r *http.Request, s *session, m modernRequest, takes forms) {
	if !u.reserve(s.user, 1) {
		u.tooMany(w, r, []message{m.message})
		return
	}
	if m.level != "" && u.Mode != Shared && s.conn.handshake.child("capabilities").get("logging") != nil {
		_, _ = s.conn.request(r.Context(), "logging/setLevel", object{{"level", quoted(m.level)}}.raw())
	}
	s.mu.Lock()
	st := s.log.open(1, !takes.stream)
	a := st.attach(s.log.last)
	s.mu.Unlock()
	one := s.newCall(r.Context(), m.message, st)
	one.round = &round{request: m, digest: m.digestOf()}
	meta := m.meta.without(metaVersion, metaClient, metaCan, metaLogLevel)
	if s.conn.sessionless.Load() != nil {
		meta = meta.with(metaCan, m.can.raw())
	}
	params := m.params.without("_meta")
	if err := s.conn.register(one); err != nil {
		one.fail(err)
	} else {
		if one.token != nil {
			meta = meta.with("progressToken", integer(one.number))
		}
		if len(meta) > 0 {
			params = params.with("_meta", meta.raw())
		}
		out := m.message
		if m.get("params") != nil {
			out = out.withParams(params)
		}
		if err := s.conn.send(r.Context(), out.withID(integer(one.number))); err != nil && s.conn.take(one.number) != nil {
			one.fail(err)
		}
	}
	u.serveModern(w, r, s, one, st, a, takes)
}

// serveModern serves a round of a call. A client that hangs up cancels the call.
func (u *Upstream) serveModern(w http.ResponseWriter, r *http.Request, s *session, one *call, st *stream, a *attachment, takes forms) {
	known := slices.Contains(cached, one.method) || slices.Contains(asking, one.method) || one.method == "completion/complete"
	if takes.stream && (known || !takes.json) {
		u.serve(w, r, s, st, a, takes)
	} else { // the status may have to be 404
		u.serveJSON(w, r, s, st, a, takes)
	}
	if r.Context().Err() == nil {
		return
	}
	s.mu.Lock()
	ended := st.ended
	s.mu.Unlock()
	if c := s.conn; !ended && c.take(one.number) != nil {
		c.answer(one.cancellation())
		one.ended(audit.Canceled)
	}
}

// digestOf is about what a retry has in common with the request.
func (m modernRequest) digestOf() [sha256.Size]byte {
	return sha256.Sum256(append([]byte(m.method+"\x00"), m.params.without("_meta", "inputResponses", "requestState").raw()...))
}

// askModern puts a question of the process to the client, in the result of the call of this
// number. 0 is the newest one that may lead to a question.
func (c *conn) askModern(s *session, number int64, m message) {
	c.mu.Lock()
	var one *call
	for _, other := range c.calls {
		if number != 0 && other.number != number {
			continue
		}
		if other.session == s && other.round != nil && slices.Contains(asking, other.method) && (one == nil || other.number > one.number) {
			one = other
		}
	}
	capability := needs[m.method]
	if one == nil || capability == "" || one.round.request.can.get(capability) == nil {
		c.mu.Unlock()
		c.answer(newError(m.id, codeNoMethod, "The client does not offer this."))
		return
	}
	one.round.open = append(one.round.open, m)
	data := c.tell(one)
	c.mu.Unlock()
	if data != nil {
		s.settle(one.stream, data)
	}
}

// tell ends the round of a call with its questions, unless it has ended. c.mu is held.
func (c *conn) tell(one *call) []byte {
	if one.round.told {
		return nil
	}
	one.round.told = true
	one.round.number++
	one.limit(answerIn, one.tooSlow)
	var questions object
	for _, q := range one.round.open {
		question := object{{"method", quoted(q.method)}}
		if params := q.get("params"); params != nil {
			question = append(question, member{"params", params})
		}
		questions = append(questions, member{keyOf(q), question.raw()})
	}
	text, err := c.stateText(one)
	if err != nil { // without a key nothing could be signed in either
		return newError(one.id, codeServerError, "The request cannot be interrupted for a question.").raw()
	}
	result := object{{"resultType", quoted("input_required")}, {"inputRequests", questions.raw()}, {"requestState", quoted(text)}}
	return newResult(one.id, result.raw()).raw()
}

// keyOf names a question; ids of JSON-RPC are numbers or strings.
func keyOf(q message) string { return "q" + strings.Trim(string(q.id), `"`) }

// settle ends a round: the last message of its stream.
func (s *session) settle(st *stream, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.add(st, data)
	s.log.settle(st)
}

// resumeCall gives the process what it asked, and serves the next round of the call.
func (u *Upstream) resumeCall(w http.ResponseWriter, r *http.Request, p principal.Principal, m modernRequest, takes forms) {
	c, was, err := u.stateOf(p, m)
	if err == nil {
		err = c.checkParams(r.Context(), r.Header, m)
	}
	var one *resumed
	if err == nil {
		one, err = c.resume(was, m, !takes.stream)
	}
	switch {
	case r.Context().Err() != nil && err != nil:
		return
	case err != nil:
		u.fail(w, r, m.id, err)
		return
	}
	s, st := one.session, one.stream
	s.touch(p)
	for _, answer := range one.answers {
		_ = s.conn.send(r.Context(), answer)
	}
	switch {
	case one.result != nil:
		o, _ := parseObject(one.result)
		one.deliver(message{object: o}.withID(m.id).raw(), audit.OK)
	case one.told != nil:
		s.settle(st, one.told)
	}
	u.serveModern(w, r, s, one.call, st, one.at, takes)
}

// keep reports whether a response waits for the client, which has been told of questions.
func (c *conn) keep(n int64, m message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.calls[n]
	if one == nil || one.round == nil || !one.round.told || one.round.result != nil {
		return false
	}
	one.round.result = one.modernResponse(m.withID(one.id)).raw()
	return true
}

// oldNotFound is the code of older revisions for a resource that does not exist.
const oldNotFound = "-32002"

// modernResponse is the response of the process in the form of the revision.
func (one *call) modernResponse(m message) message {
	if result, err := parseObject(m.get("result")); err == nil {
		m.object = m.with("result", one.session.conn.complete(one.method, result))
	}
	if e := m.child("error"); e != nil && string(e.get("code")) == oldNotFound {
		m.object = m.with("error", e.with("code", integer(codeParams)).raw())
	}
	return m
}
