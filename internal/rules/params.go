package rules

// Methods whose params name a tool, a prompt or a resource, in all revisions. Tasks are made
// by a call that was judged, and have ids of their own.
var (
	named = map[string]Kind{
		"tools/call": Tool, "prompts/get": Prompt,
		"resources/read": Resource, "resources/subscribe": Resource, "resources/unsubscribe": Resource,
	}
	judged = []string{
		"tools/call", "prompts/get", "resources/read", "resources/subscribe", "resources/unsubscribe", complete, listen,
		"tools/list", "prompts/list", "resources/list", "resources/templates/list",
	}
)

const (
	complete = "completion/complete"
	listen   = "subscriptions/listen" // 2026-07-28
)

// params reads what the params of a message name. The error is nil or an *Error.
func (b text) params(m Message, at span) (Message, error) {
	kind, isNamed := named[m.Method]
	if at.end == 0 || b.raw[at.start] != '{' {
		if isNamed || m.Method == complete || m.Method == listen {
			return m, invalidParams(m.ID, "an object is needed")
		}
		return m, nil
	}
	o, problem := b.object(at, "name", "uri", "ref", "notifications", "arguments", "cursor", "_meta")
	if problem != "" {
		return m, invalid(m.ID, "%s", problem)
	}
	if meta, ok := o["_meta"]; ok && b.raw[meta.start] == '{' {
		m.Meta = b.of(meta)
	}
	switch {
	case isNamed:
		member := "name"
		if kind == Resource {
			member = "uri"
		}
		return b.target(m, kind, o, member)
	case m.Method == complete:
		return b.reference(m, o)
	case m.Method == listen:
		return b.subscriptions(m, o)
	}
	return m, nil
}

// target reads a member that names something.
func (b text) target(m Message, k Kind, o map[string]span, name string) (Message, error) {
	value, ok := o[name]
	if !ok || b.raw[value.start] != '"' {
		return m, invalidParams(m.ID, name+" is not a string")
	}
	s, ok := stringOf(b.of(value))
	if !ok {
		return m, invalid(m.ID, "%s is not a string that every server reads alike", name)
	}
	m.Targets = append(m.Targets, Target{Kind: k, Name: s})
	return m, nil
}

// reference reads what is to be completed: arguments of a prompt, or of the template of a
// resource. One that has both names is judged by both.
func (b text) reference(m Message, params map[string]span) (_ Message, err error) {
	ref, ok := params["ref"]
	if !ok || b.raw[ref.start] != '{' {
		return m, invalidParams(m.ID, "ref is not an object")
	}
	o, problem := b.object(ref, "type", "name", "uri")
	if problem != "" {
		return m, invalid(m.ID, "%s", problem)
	}
	if _, ok := o["name"]; ok {
		if m, err = b.target(m, Prompt, o, "name"); err != nil {
			return m, err
		}
	}
	if _, ok := o["uri"]; ok {
		return b.target(m, Resource, o, "uri")
	}
	if len(m.Targets) == 0 {
		return m, invalidParams(m.ID, "ref names nothing")
	}
	return m, nil
}

// subscriptions reads which resources a client wants to hear of (MCP 2026-07-28,
// subscriptions/listen).
func (b text) subscriptions(m Message, params map[string]span) (Message, error) {
	filter, ok := params["notifications"]
	if !ok || b.raw[filter.start] != '{' {
		return m, invalidParams(m.ID, "notifications is not an object")
	}
	const member = "resourceSubscriptions"
	o, problem := b.object(filter, member)
	if problem != "" {
		return m, invalid(m.ID, "%s", problem)
	}
	list, ok := o[member]
	if !ok {
		return m, nil
	}
	if b.raw[list.start] != '[' {
		return m, invalidParams(m.ID, member+" is not a list")
	}
	var err error
	for _, uri := range b.elements(list) {
		if m, err = b.target(m, Resource, map[string]span{"uri": uri}, "uri"); err != nil {
			return m, err
		}
	}
	return m, nil
}
