package stdio

import (
	"encoding/json"
	"slices"
	"strings"
)

// empty is the result of what is done.
var empty = json.RawMessage(`{}`)

// outgoing translates a message to the process.
func (x *sessionless) outgoing(m message) crossing {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case m.isResponse():
		return x.answered(m)
	case m.isNotification():
		return x.told(m)
	}
	switch m.method {
	case "ping":
		return crossing{back: []message{newResult(m.id, empty)}}
	case "logging/setLevel":
		if !x.logs {
			return crossing{back: []message{newError(m.id, codeNoMethod, "Method not found")}}
		}
		x.level = m.params().text("level")
		return crossing{back: []message{newResult(m.id, empty)}}
	case "resources/subscribe":
		return x.subscribe(m)
	case "resources/unsubscribe":
		return x.unsubscribe(m)
	}
	if slices.Contains(asking, m.method) {
		call := &rounds{request: m, id: m.id}
		x.calls[string(m.id)], x.flying[string(m.id)] = call, call
	}
	return crossing{out: []message{x.enveloped(m)}}
}

// told translates a notification. The revision has few of them from clients. x.mu is held.
func (x *sessionless) told(m message) crossing {
	switch m.method {
	case "notifications/initialized", "notifications/roots/list_changed", methodProgress:
		return crossing{}
	case methodCancelled:
		return x.canceled(m)
	}
	return crossing{out: []message{m}}
}

// canceled ends a call that the client does not want any more. x.mu is held.
func (x *sessionless) canceled(m message) crossing {
	id := string(m.params().get("requestId"))
	if s := x.waitsFor(id); s != nil {
		return crossing{out: x.giveUp(s, id)}
	}
	call := x.calls[id]
	if call == nil {
		return crossing{out: []message{m}}
	}
	isFlying := x.flying[string(call.id)] != nil
	withdrawn := x.drop(call)
	if !isFlying {
		return crossing{back: withdrawn}
	}
	return crossing{out: []message{m.withParams(m.params().with("requestId", call.id))}}
}

// drop forgets a call, and returns what withdraws its questions. x.mu is held.
func (x *sessionless) drop(call *rounds) (withdrawn []message) {
	delete(x.calls, string(call.request.id))
	delete(x.flying, string(call.id))
	for id, q := range x.questions {
		if q.call == call {
			delete(x.questions, id)
			withdrawn = append(withdrawn, newRequest(nil, methodCancelled, object{{"requestId", json.RawMessage(id)}}.raw()))
		}
	}
	return withdrawn
}

// answered takes an answer to a question. The last one has the call repeated. x.mu is held.
func (x *sessionless) answered(m message) crossing {
	q, ok := x.questions[string(m.id)]
	if !ok {
		if strings.HasPrefix(string(m.id), `"`+inputID) {
			return crossing{} // it was withdrawn
		}
		return crossing{out: []message{m}}
	}
	delete(x.questions, string(m.id))
	call := q.call
	if m.get("result") == nil { // the revision has no way to tell the process
		return crossing{back: append(x.drop(call), m.withID(call.request.id))}
	}
	call.responses = append(call.responses, member{q.key, m.get("result")})
	if call.open--; call.open > 0 {
		return crossing{}
	}
	return x.again(call)
}

// mostRounds bounds how often a process may want input for one call.
const mostRounds = 50

// again repeats a call with the input that the process wanted. x.mu is held.
func (x *sessionless) again(call *rounds) crossing {
	if call.number++; call.number > mostRounds {
		return crossing{back: append(x.drop(call), newError(call.request.id, codeServerError, "The server asks without end."))}
	}
	params := call.request.params().without("inputResponses", "requestState")
	if len(call.responses) > 0 {
		params = append(params, member{"inputResponses", call.responses.raw()})
	}
	if call.state != nil {
		params = append(params, member{"requestState", call.state})
	}
	call.id, call.responses = x.newID("again-"), nil
	x.flying[string(call.id)] = call
	return crossing{out: []message{x.enveloped(call.request.withParams(params)).withID(call.id)}}
}
