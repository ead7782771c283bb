package rules

import (
	"fmt"
	"slices"
	"strconv"
)

// Codes of JSON-RPC errors (JSON-RPC 2.0 §5.1, MCP).
const (
	CodeParse          = -32700
	CodeInvalidRequest = -32600
	CodeInvalidParams  = -32602
	CodeNotFound       = -32002 // a resource, before revision 2026-07-28
)

// Error is a JSON-RPC error, by which a message is refused.
type Error struct {
	ID      []byte // raw; nil where it cannot be known
	Code    int
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Message is what a message of a client means to the rules.
type Message struct {
	ID      []byte // raw; nil for what is no request
	Method  string // "" for a response
	Targets []Target
	Meta    []byte // params._meta, raw; nil without
}

// Target is what a message is about.
type Target struct {
	Kind Kind
	Name string
}

// Name returns what the message names, as the Mcp-Name header has it: its only target.
func (m Message) Name() (string, bool) {
	if len(m.Targets) != 1 || m.Method == "completion/complete" || m.Method == "subscriptions/listen" {
		return "", false
	}
	return m.Targets[0].Name, true
}

// maxSafeInteger is the largest integer that all parsers read exactly (RFC 8259 §6).
const maxSafeInteger = 1<<53 - 1

// Parse reads a body: a message, or a batch of them. What parsers could read in different
// ways is refused. An error is an *Error about the whole body.
func Parse(body []byte) (list []Message, batch bool, err error) {
	b, ok := read(body)
	if !ok {
		return nil, false, &Error{Code: CodeParse, Message: "Parse error: the body is not valid JSON."}
	}
	root := b.root()
	if b.raw[root.start] != '[' {
		m, err := b.message(root)
		return []Message{m}, false, err
	}
	elements := b.elements(root)
	if len(elements) == 0 {
		return nil, true, invalid(nil, "the batch is empty")
	}
	for _, e := range elements {
		m, err := b.message(e)
		if err != nil {
			return nil, true, err
		}
		list = append(list, m)
	}
	return list, true, nil
}

func invalid(id []byte, format string, args ...any) *Error {
	return &Error{ID: id, Code: CodeInvalidRequest, Message: "Invalid request: " + fmt.Sprintf(format, args...) + "."}
}

func invalidParams(id []byte, what string) *Error {
	return &Error{ID: id, Code: CodeInvalidParams, Message: "Invalid params: " + what + "."}
}

// message reads a message. The error is nil or an *Error.
func (b text) message(at span) (m Message, _ error) {
	if b.raw[at.start] != '{' {
		return m, invalid(nil, "a message is not an object")
	}
	o, problem := b.object(at, "jsonrpc", "id", "method", "params", "result", "error")
	if id, ok := o["id"]; ok && problem == "" {
		m.ID, ok = b.of(id), b.isID(id)
		if !ok {
			return Message{}, invalid(nil, "the id is neither a string nor an integer that every client and server can read")
		}
	}
	if problem != "" {
		return m, invalid(m.ID, "%s", problem)
	}
	method, ok := o["method"]
	if !ok {
		m.ID = nil
		return m, nil
	}
	if m.Method, ok = stringOf(b.of(method)); !ok {
		return m, invalid(m.ID, "the method is not a string that every server reads alike")
	}
	if name := folded(m.Method); name != m.Method && slices.Contains(judged, name) {
		return m, invalid(m.ID, "the method differs from %s in case only", name)
	}
	if params, ok := o["params"]; ok {
		return b.params(m, params)
	}
	return b.params(m, span{})
}

// isID reports whether a value is a string, or an integer that no parser rounds.
func (b text) isID(at span) bool {
	if b.raw[at.start] == '"' {
		_, ok := stringOf(b.of(at))
		return ok
	}
	n, err := strconv.ParseInt(string(b.of(at)), 10, 64)
	return err == nil && n >= -maxSafeInteger && n <= maxSafeInteger
}

// object returns the members of an object by their names, and what is wrong with them: the
// names must differ in more than their case from each other, and from those that are judged.
func (b text) object(at span, names ...string) (o map[string]span, problem string) {
	list := b.members(at)
	o = make(map[string]span, len(list))
	seen := make(map[string]bool, len(list))
	for _, m := range list {
		name := folded(m.name)
		isJudged := slices.ContainsFunc(names, func(n string) bool { return folded(n) == name })
		switch {
		case m.bad:
			return o, "the name of a member is not one that every server reads alike"
		case seen[name]:
			return o, "members are repeated, or differ in case only"
		case isJudged && !slices.Contains(names, m.name):
			return o, "the name of a member differs from one of MCP in case only"
		}
		seen[name] = true
		o[m.name] = m.value
	}
	return o, ""
}
