package stdio

import (
	"encoding/json"
	"slices"
)

// subscription is a request with which mcpkeep listens to what changes at a process without
// sessions: all lists, or one resource.
type subscription struct {
	id           json.RawMessage
	uri          string            // "" for the lists
	acknowledged bool              // by the process
	waiting      []json.RawMessage // ids of the requests that it is an answer to
	further      *further          // what it is for, if only the process knows
}

// listenTo returns the request for a subscription. x.mu is held.
func (x *sessionless) listenTo(uri string, filter object) (*subscription, message) {
	s := &subscription{id: x.newID("listen-"), uri: uri}
	x.listens[string(s.id)] = s
	if uri != "" {
		x.resources[uri] = s
	}
	return s, x.enveloped(newRequest(s.id, "subscriptions/listen", object{{"notifications", filter.raw()}}.raw()))
}

// listenToLists returns the request for all lists that the process says can change; nil for none.
func (x *sessionless) listenToLists(capabilities object) *message {
	var filter object
	for _, kind := range listKinds {
		if string(capabilities.child(kind.capability).get("listChanged")) == "true" {
			filter = append(filter, member{kind.member, json.RawMessage("true")})
		}
	}
	if filter == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	_, m := x.listenTo("", filter)
	return &m
}

// subscribe listens to a resource. x.mu is held.
func (x *sessionless) subscribe(m message) crossing {
	uri := m.params().text("uri")
	if uri == "" {
		return crossing{back: []message{newError(m.id, codeParams, "The URI is missing.")}}
	}
	s := x.resources[uri]
	switch {
	case s == nil:
		s, request := x.listenTo(uri, object{{"resourceSubscriptions", quotedList([]string{uri})}})
		s.waiting = append(s.waiting, m.id)
		return crossing{out: []message{request}}
	case !s.acknowledged:
		s.waiting = append(s.waiting, m.id)
		return crossing{}
	}
	return crossing{back: []message{newResult(m.id, empty)}}
}

// unsubscribe ends that. x.mu is held.
func (x *sessionless) unsubscribe(m message) crossing {
	crossed := crossing{back: []message{newResult(m.id, empty)}}
	if s := x.resources[m.params().text("uri")]; s != nil {
		crossed.back = append(crossed.back, s.answers(newResult(nil, empty))...)
		crossed.out = x.end(s)
	}
	return crossed
}

// end returns what ends a subscription at the process. x.mu is held.
func (x *sessionless) end(s *subscription) []message {
	x.forget(s)
	return []message{newRequest(nil, methodCancelled, object{{"requestId", s.id}}.raw())}
}

func (x *sessionless) forget(s *subscription) {
	delete(x.listens, string(s.id))
	delete(x.resources, s.uri)
}

// waitsFor returns the subscription that is the answer to a request. x.mu is held.
func (x *sessionless) waitsFor(id string) *subscription {
	for _, s := range x.listens {
		if slices.ContainsFunc(s.waiting, func(other json.RawMessage) bool { return string(other) == id }) {
			return s
		}
	}
	return nil
}

// giveUp ends a subscription that no request waits for any more. x.mu is held.
func (x *sessionless) giveUp(s *subscription, id string) []message {
	s.waiting = slices.DeleteFunc(s.waiting, func(other json.RawMessage) bool { return string(other) == id })
	if len(s.waiting) > 0 {
		return nil
	}
	return x.end(s)
}

// acknowledged takes what the process says of a subscription. x.mu is held.
func (x *sessionless) acknowledged(id string, m message) crossing {
	s, allowed := x.listens[id], m.params().child("notifications")
	if s != nil && s.further != nil {
		s.further.reply(m)
		return crossing{}
	}
	if s == nil || s.uri == "" {
		return crossing{}
	}
	var uris []string
	_ = json.Unmarshal(allowed.get("resourceSubscriptions"), &uris)
	if !slices.Contains(uris, s.uri) {
		return crossing{out: x.end(s), back: s.answers(newError(nil, codeParams, "The server does not tell of this resource."))}
	}
	s.acknowledged = true
	return crossing{back: s.answers(newResult(nil, empty))}
}

// ended takes the response of the process to a subscription: it has ended. x.mu is held.
func (x *sessionless) ended(s *subscription, m message) crossing {
	x.forget(s)
	if s.further != nil {
		s.further.reply(m)
		return crossing{}
	}
	if m.get("error") == nil {
		m = newError(nil, codeServerError, "The server has ended the subscription.")
	}
	return crossing{back: s.answers(m)}
}

// answers returns a response for each request that waits.
func (s *subscription) answers(m message) (list []message) {
	for _, id := range s.waiting {
		list = append(list, m.withID(id))
	}
	s.waiting = nil
	return list
}
