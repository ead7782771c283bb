package stdio

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// comment is an event stream's line that means nothing.
var comment = []byte(":\n\n")

// get serves a stream: the standalone one, or the one that the client resumes.
func (u *Upstream) get(w http.ResponseWriter, r *http.Request, p principal.Principal) {
	s, err := u.sessionOf(r, p)
	if err == nil {
		err = s.checkVersion(r.Header)
	}
	if err == nil && !accepted(r.Header).stream {
		err = errAccept
	}
	if err != nil {
		u.fail(w, r, nil, err)
		return
	}
	st, a, err := s.resume(r.Header["Last-Event-Id"])
	if err != nil {
		u.fail(w, r, nil, err)
		return
	}
	u.stream(w, r, s, st, a)
}

// resume attaches the client to a stream, after the event that it names.
func (s *session) resume(last []string) (*stream, *attachment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(last) == 0 {
		st := s.log.streams[standalone]
		s.listened = true
		a := st.attach(st.sent)
		return st, a, nil
	}
	number, after, ok := parseEventID(last[0])
	st := s.log.streams[number]
	if !ok || st == nil || after > s.log.last || len(last) > 1 {
		return nil, nil, errEventID
	}
	s.listened = s.listened || number == standalone
	a := st.attach(after)
	return st, a, nil
}

// serve answers a POST: with JSON when the only response comes soon, otherwise with a stream.
func (u *Upstream) serve(w http.ResponseWriter, r *http.Request, s *session, st *stream, a *attachment, takes forms) {
	if takes.json && !takes.batch {
		timer := time.NewTimer(u.patience)
		defer timer.Stop()
		select {
		case <-a.wake:
		case <-timer.C:
		case <-r.Context().Done():
		}
		s.mu.Lock()
		list, ended := st.next(a)
		s.mu.Unlock()
		if ended && len(list) == 1 {
			s.writeJSON(w, list[0].data)
			s.release(st, a, list[0].number)
			return
		}
	}
	u.stream(w, r, s, st, a)
}

// release detaches a client that has the events up to a number.
func (s *session) release(st *stream, a *attachment, number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.wrote(st, a, number)
	s.log.detach(st, a)
	s.used = time.Now()
}

// serveJSON answers a client that takes no event stream, when all responses have come.
func (u *Upstream) serveJSON(w http.ResponseWriter, r *http.Request, s *session, st *stream, a *attachment, takes forms) {
	for {
		s.mu.Lock()
		list, ended := st.next(a)
		last := s.log.last
		s.mu.Unlock()
		if ended {
			content := make([][]byte, 0, len(list))
			for _, e := range list {
				content = append(content, e.data)
			}
			whole := bytes.Join(content, []byte{','})
			if takes.batch {
				whole = append(append([]byte{'['}, whole...), ']')
			}
			s.writeJSON(w, whole)
			s.release(st, a, last)
			return
		}
		select {
		case <-a.wake:
		case <-a.gone:
			return
		case <-r.Context().Done():
			u.hangUp(r, s, st, a)
			return
		}
	}
}

// writeJSON sends a whole response. In the revision without sessions, a method that does not
// exist and a capability that the client lacks have statuses of their own.
func (s *session) writeJSON(w http.ResponseWriter, data []byte) {
	w.Header().Set("Content-Type", jsonType)
	if s.isHidden {
		o, _ := parseObject(data)
		switch string(o.child("error").get("code")) {
		case "-32601":
			w.WriteHeader(http.StatusNotFound)
		case "-32021":
			w.WriteHeader(http.StatusBadRequest)
		}
	}
	_, _ = w.Write(data)
}

// hangUp says that a client is no longer there. When its access has ended, so has the session.
func (u *Upstream) hangUp(r *http.Request, s *session, st *stream, a *attachment) {
	s.release(st, a, a.cursor)
	if errors.Is(context.Cause(r.Context()), principal.ErrEnded) {
		u.finish(s, errSessionEnd)
	}
}

// stream sends events as they come, until the stream has ended.
func (u *Upstream) stream(w http.ResponseWriter, r *http.Request, s *session, st *stream, a *attachment) {
	startStream(w)
	out := http.NewResponseController(w)
	defer func() { s.release(st, a, a.cursor) }()
	if _, err := w.Write(s.opening(st, a)); err != nil { //nolint:gosec // an event stream, with a number
		return
	}
	quiet := time.NewTimer(u.quiet)
	defer quiet.Stop()
	for {
		s.mu.Lock()
		list, ended := st.next(a)
		s.mu.Unlock()
		for _, e := range list {
			id := eventID(st.number, e.number)
			if s.isHidden {
				id = "" // nothing can be resumed
			}
			if _, err := w.Write(asEvent(id, e.data)); err != nil {
				return
			}
		}
		if out.Flush() != nil {
			return
		}
		if len(list) > 0 {
			s.mu.Lock()
			s.log.wrote(st, a, list[len(list)-1].number)
			s.mu.Unlock()
		}
		if ended {
			return
		}
		quiet.Reset(u.quiet)
		select {
		case <-a.wake:
		case <-a.gone:
			return
		case <-quiet.C:
			if _, err := w.Write(comment); err != nil {
				return
			}
		case <-r.Context().Done():
			u.hangUp(r, s, st, a)
			return
		}
	}
}

// opening is what a stream begins with. Clients of 2025-11-25 get an event without data, so
// that they can resume a stream that broke before its first message; older ones take that
// for a broken message.
func (s *session) opening(st *stream, a *attachment) []byte {
	if s.version < newest || s.isHidden {
		return comment
	}
	return asEvent(eventID(st.number, a.cursor), nil)
}

func startStream(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", eventStream)
	h.Set("X-Accel-Buffering", "no")
}

// asEvent returns an event of an event stream. The data has no line breaks.
func asEvent(id string, data []byte) []byte {
	b := bytes.NewBuffer(make([]byte, 0, len(data)+len(id)+32))
	if data != nil {
		b.WriteString("event: message\n")
	}
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("data: ")
	b.Write(data)
	b.WriteString("\n\n")
	return b.Bytes()
}
