package stdio

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// The revisions with sessions.
var revisions = []string{"2024-11-05", "2025-03-26", "2025-06-18", newest}

const (
	newest        = "2025-11-25"
	versionHeader = "Mcp-Protocol-Version"
	eventStream   = "text/event-stream"
	jsonType      = "application/json"
)

// post serves messages of a client.
func (u *Upstream) post(w http.ResponseWriter, r *http.Request, p principal.Principal) {
	raw, err := u.body(w, r)
	if err != nil {
		u.fail(w, r, nil, err)
		return
	}
	list, batch, err := parseMessages(raw)
	if err != nil {
		err = errors.Join(err, errInvalid)
		if errors.Is(err, errNotJSON) && !json.Valid(raw) {
			err = errParse
		}
		u.fail(w, r, nil, err)
		return
	}
	id := requestID(list)
	takes := accepted(r.Header)
	switch {
	case !takes.stream && !takes.json:
		u.fail(w, r, id, errAccept)
	case isModern(r.Header, list):
		u.modern(w, r, p, list, takes)
	case slices.ContainsFunc(list, func(m message) bool { return m.method == "initialize" }):
		if batch {
			u.fail(w, r, id, errInitBatch)
			return
		}
		u.initialize(w, r, p, list[0], takes)
	default:
		s, err := u.sessionOf(r, p)
		if err == nil {
			err = s.checkVersion(r.Header)
		}
		if err != nil {
			u.fail(w, r, id, err)
			return
		}
		u.exchange(w, r, s, list, takes.in(batch))
	}
}

// body reads a request.
func (u *Upstream) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != jsonType {
		return nil, errMediaType
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(u.MaxBody)))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, gateway.ErrTooLarge
	case err != nil:
		return nil, gateway.ErrIncomplete
	}
	return raw, nil
}

// requestID is the id for an error about a message; nil for a batch.
func requestID(list []message) json.RawMessage {
	if len(list) != 1 || !list[0].isRequest() {
		return nil
	}
	return list[0].id
}

// forms are the media types that a client takes.
type forms struct{ json, stream, batch bool }

func (f forms) in(batch bool) forms {
	f.batch = batch
	return f
}

// accepted reads the Accept header. Without one a client takes everything.
func accepted(h http.Header) forms {
	values := h.Values("Accept")
	if len(values) == 0 {
		return forms{json: true, stream: true}
	}
	var f forms
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		kind, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "*/*":
			return forms{json: true, stream: true}
		case jsonType, "application/*":
			f.json = true
		case eventStream, "text/*":
			f.stream = true
		}
	}
	return f
}

// checkVersion checks the header with the revision. Clients of 2025-03-26 have none.
func (s *session) checkVersion(h http.Header) error {
	values := h[versionHeader]
	if len(values) == 0 || len(values) == 1 && (values[0] == s.version || slices.Contains(revisions, values[0])) {
		return nil
	}
	return errVersion
}

// exchange hands messages to the process and serves the responses.
func (u *Upstream) exchange(w http.ResponseWriter, r *http.Request, s *session, list []message, takes forms) {
	requests := 0
	for _, m := range list {
		if m.isRequest() {
			requests++
		}
	}
	if !u.reserve(s.user, requests) {
		u.tooMany(w, r, list)
		return
	}
	if requests == 0 {
		for _, m := range list {
			if err := s.forward(r.Context(), m, nil); err != nil {
				u.fail(w, r, nil, err)
				return
			}
		}
		w.WriteHeader(http.StatusAccepted)
		return
	}
	s.mu.Lock()
	st := s.log.open(requests, !takes.stream)
	a := st.attach(s.log.last)
	s.mu.Unlock()
	for _, m := range list {
		_ = s.forward(r.Context(), m, st) // the response says what is wrong
	}
	if takes.stream {
		u.serve(w, r, s, st, a, takes)
		return
	}
	u.serveJSON(w, r, s, st, a, takes)
}

// tooMany refuses calls.
func (u *Upstream) tooMany(w http.ResponseWriter, r *http.Request, list []message) {
	p, _ := principal.FromContext(r.Context())
	for _, m := range list {
		u.record(p, m, storage.ReferenceOf(r.Context()), audit.Error, 0)
	}
	u.fail(w, r, requestID(list), gateway.ErrTooMany)
}
