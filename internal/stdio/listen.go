package stdio

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
)

// listener is a stream for which a client asked with subscriptions/listen.
type listener struct {
	stream *stream
	id     json.RawMessage // of the request
	lists  map[string]bool // methods of the notifications that it wants
	uris   []string        // resources that it wants to hear of

	further json.RawMessage // the id of the subscription to what only the process knows
	early   []message       // notifications from before the stream began
}

// listKinds are the members of a filter and of a server's capabilities, and the notifications.
var listKinds = []struct{ member, capability, method string }{
	{"toolsListChanged", "tools", "notifications/tools/list_changed"},
	{"promptsListChanged", "prompts", "notifications/prompts/list_changed"},
	{"resourcesListChanged", "resources", "notifications/resources/list_changed"},
}

// listen serves a stream of what changes at the server.
func (u *Upstream) listen(w http.ResponseWriter, r *http.Request, s *session, m modernRequest) {
	c := s.conn
	can, filter := c.handshake.child("capabilities"), m.params.child("notifications")
	l := &listener{id: m.id, lists: map[string]bool{}}
	allowed := object{}
	for _, kind := range listKinds {
		if string(filter.get(kind.member)) == "true" && string(can.child(kind.capability).get("listChanged")) == "true" {
			l.lists[kind.method] = true
			allowed = append(allowed, member{kind.member, json.RawMessage("true")})
		}
	}
	further, more, err := c.listenFurther(r.Context(), m, func(notice message) { s.tell(l, notice) })
	if err != nil {
		s.failListen(w, r, m, err)
		return
	}
	l.further, allowed = further, append(allowed, more...)
	if string(can.child("resources").get("subscribe")) == "true" {
		_ = json.Unmarshal(filter.get("resourceSubscriptions"), &l.uris)
	}
	for i, uri := range l.uris {
		answer, err := c.request(r.Context(), "resources/subscribe", object{{"uri", quoted(uri)}}.raw())
		if err != nil || answer.get("error") != nil {
			l.uris = l.uris[:i]
			break
		}
	}
	if len(l.uris) > 0 {
		allowed = append(allowed, member{"resourceSubscriptions", quotedList(l.uris)})
	}
	s.mu.Lock()
	l.stream = s.log.open(1, false)
	a := l.stream.attach(s.log.last)
	s.listeners = append(s.listeners, l)
	for _, uri := range l.uris {
		s.subscribed[uri] = true
	}
	acknowledged := newRequest(nil, "notifications/subscriptions/acknowledged", object{{"notifications", allowed.raw()}}.raw())
	s.log.add(l.stream, l.tagged(acknowledged).raw())
	for _, m := range l.early {
		s.log.add(l.stream, l.tagged(m).raw())
	}
	if len(allowed) == 0 {
		s.log.add(l.stream, newResult(m.id, c.complete(m.method, object{{"_meta", object{{metaListener, m.id}}.raw()}})).raw())
		s.log.settle(l.stream)
	}
	s.mu.Unlock()
	defer s.unlisten(l)
	u.stream(w, r, s, l.stream, a)
}

// failListen answers a request that the process refused, or could not serve.
func (s *session) failListen(w http.ResponseWriter, r *http.Request, m modernRequest, err error) {
	var refused *handshakeError
	switch {
	case errors.As(err, &refused):
		s.writeJSON(w, refused.answer.withID(m.id).raw())
	case r.Context().Err() == nil:
		s.conn.up.fail(w, r, m.id, err)
	}
}

// tell puts a notification into the stream of one who asked for it.
func (s *session) tell(l *listener, m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.stream == nil {
		l.early = append(l.early, m)
		return
	}
	if !l.stream.ended {
		s.log.add(l.stream, l.tagged(m).raw())
	}
}

// tagged says which stream a notification is in.
func (l *listener) tagged(m message) message {
	params := m.params()
	return m.withParams(params.with("_meta", params.child("_meta").with(metaListener, l.id).raw()))
}

// wants reports whether a notification is for this stream.
func (l *listener) wants(m message) bool {
	if m.method != methodUpdated {
		return l.lists[m.method]
	}
	return slices.Contains(l.uris, m.params().text("uri"))
}

// announce puts a notification into the streams of those who asked for it. s.mu is held.
func (s *session) announce(m message) {
	for _, l := range s.listeners {
		if l.wants(m) {
			s.log.add(l.stream, l.tagged(m).raw())
		}
	}
}

// unlisten ends what a client no longer listens to.
func (s *session) unlisten(l *listener) {
	s.mu.Lock()
	l.stream.ended = true
	var left []*listener
	still := map[string]bool{}
	for _, other := range s.listeners {
		if other != l {
			left = append(left, other)
			for _, uri := range other.uris {
				still[uri] = true
			}
		}
	}
	s.listeners = left
	s.mu.Unlock()
	s.conn.endFurther(l.further)
	for _, uri := range l.uris {
		if !still[uri] {
			s.conn.unsubscribe(s, uri)
		}
	}
}
