package stdio

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

var errNotRPC = errors.New("not a JSON-RPC message")

// message is a JSON-RPC 2.0 message.
type message struct {
	object
	id     json.RawMessage // nil for a notification
	method string          // "" for a response
}

func (m message) isRequest() bool      { return m.method != "" && m.id != nil }
func (m message) isNotification() bool { return m.method != "" && m.id == nil }
func (m message) isResponse() bool     { return m.method == "" }
func (m message) params() object       { return m.child("params") }

// parseMessages reads a message, or a batch of them, which revision 2025-03-26 has.
func parseMessages(raw []byte) (list []message, batch bool, err error) {
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return nil, false, errNotJSON
	}
	if raw = bytes.TrimSpace(raw); raw[0] != '[' {
		m, err := parseMessage(raw)
		return []message{m}, false, err
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil || len(parts) == 0 {
		return nil, true, errNotRPC
	}
	for _, part := range parts {
		m, err := parseMessage(part)
		if err != nil {
			return nil, true, err
		}
		list = append(list, m)
	}
	return list, true, nil
}

func parseMessage(raw []byte) (message, error) {
	o, err := parseObject(raw)
	if err != nil {
		return message{}, errors.Join(errNotRPC, err)
	}
	m := message{object: o, id: o.get("id")}
	if method := o.get("method"); method != nil {
		if m.method = o.text("method"); m.method == "" {
			return m, errNotRPC
		}
	}
	hasOutcome := o.get("result") != nil || o.get("error") != nil
	switch {
	case o.text("jsonrpc") != "2.0", m.method == "" && !hasOutcome, m.method != "" && hasOutcome:
		return m, errNotRPC
	case m.id == nil && m.method == "", m.id != nil && !validID(m.id) && !m.isLostError():
		return m, errNotRPC
	}
	return m, nil
}

// isLostError reports whether this is an error about a request whose id is unknown.
func (m message) isLostError() bool {
	return m.method == "" && m.get("error") != nil && string(m.id) == "null"
}

// validID reports whether an id is a string or a number (MCP, requests: never null).
func validID(raw json.RawMessage) bool {
	c := raw[0]
	return c == '"' || c == '-' || c >= '0' && c <= '9'
}

// number returns an integer in a JSON value. It reports false for anything else.
func number(raw json.RawMessage) (int64, bool) {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil
}

func integer(n int64) json.RawMessage { return strconv.AppendInt(nil, n, 10) }

// newRequest returns a request; a nil id makes it a notification.
func newRequest(id json.RawMessage, method string, params json.RawMessage) message {
	o := object{{"jsonrpc", quoted("2.0")}}
	if id != nil {
		o = append(o, member{"id", id})
	}
	o = append(o, member{"method", quoted(method)})
	if params != nil {
		o = append(o, member{"params", params})
	}
	return message{object: o, id: id, method: method}
}

// newResult returns a response.
func newResult(id, result json.RawMessage) message {
	return message{object: object{{"jsonrpc", quoted("2.0")}, {"id", id}, {"result", result}}, id: id}
}

// newError returns an error response.
func newError(id json.RawMessage, code int64, text string) message {
	e := object{{"code", integer(code)}, {"message", quoted(text)}}
	return message{object: object{{"jsonrpc", quoted("2.0")}, {"id", id}, {"error", e.raw()}}, id: id}
}

// withID returns the message with another id.
func (m message) withID(id json.RawMessage) message {
	m.object, m.id = m.with("id", id), id
	return m
}

func (m message) withParams(params object) message {
	m.object = m.with("params", params.raw())
	return m
}
