package rules

// lists are the members of results that list what there is, and what they list it by.
var lists = map[string]struct {
	kind Kind
	by   string
}{
	"tools":             {Tool, "name"},
	"prompts":           {Prompt, "name"},
	"resources":         {Resource, "uri"},
	"resourcetemplates": {Resource, "uritemplate"},
}

// message filters a message and reports whether it is to be kept.
func (f *filter) message(at span) bool {
	if f.raw[at.start] != '{' {
		return true
	}
	method, params := "", span{}
	for _, m := range f.members(at) {
		switch folded(m.name) {
		case "method":
			method, _ = stringOf(f.of(m.value))
		case "params":
			params = m.value
		case "result":
			f.result(m.value)
		}
	}
	switch method {
	case "notifications/tools/list_changed":
		f.listing.Changed = true
	case "notifications/resources/updated":
		return f.mayHear(params)
	}
	return true
}

// mayHear reports whether a notice is about a resource that the person may use.
func (f *filter) mayHear(params span) bool {
	if !f.policy.Covers(Resource) {
		return true
	}
	uri, ok := f.only(params, "uri")
	return ok && f.policy.Shows(f.who, Resource, uri, nil)
}

// result filters the lists of a result.
func (f *filter) result(at span) {
	if f.raw[at.start] != '{' {
		return
	}
	members := f.members(at)
	personal := false
	for _, m := range members {
		list, ok := lists[folded(m.name)]
		personal = personal || ok && f.policy.Covers(list.kind)
	}
	if !personal {
		return
	}
	for _, m := range members {
		name := folded(m.name)
		list, ok := lists[name]
		switch {
		case name == "cachescope" && string(f.of(m.value)) != `"private"`:
			f.edits = append(f.edits, edit{m.value, `"private"`})
		case name == "nextcursor":
			f.listing.Next, _ = stringOf(f.of(m.value))
		case ok && f.policy.Covers(list.kind) && f.raw[m.value.start] == '[':
			if list.kind == Tool && f.listing.ReadOnly == nil {
				f.listing.ReadOnly = map[string]bool{}
			}
			f.array(f.elements(m.value), func(item span) bool { return f.shows(item, list.kind, list.by) })
		}
	}
}

// shows reports whether a person may use what an entry of a list names. An entry whose name
// can be read in several ways is left out.
func (f *filter) shows(item span, k Kind, by string) bool {
	name, ok := f.only(item, by)
	readOnly := k == Tool && f.isReadOnly(item)
	if k == Tool && ok {
		before, twice := f.listing.ReadOnly[name]
		f.listing.ReadOnly[name] = readOnly && (before || !twice)
	}
	return ok && f.policy.Shows(f.who, k, name, func(string) (bool, bool) { return readOnly, true })
}

// isReadOnly reports whether the server says that a tool changes nothing.
func (f *filter) isReadOnly(tool span) bool {
	annotations, ok := f.one(tool, "annotations")
	if !ok {
		return false
	}
	hint, ok := f.one(annotations, "readonlyhint")
	return ok && string(f.of(hint)) == "true"
}

// only returns the string in the only member of an object that has a name, in any case.
func (f *filter) only(at span, name string) (string, bool) {
	value, ok := f.one(at, name)
	if !ok {
		return "", false
	}
	return stringOf(f.of(value))
}

func (f *filter) one(at span, name string) (value span, found bool) {
	if at.end == 0 || f.raw[at.start] != '{' {
		return value, false
	}
	for _, m := range f.members(at) {
		if folded(m.name) != name {
			continue
		}
		if found {
			return value, false
		}
		value, found = m.value, true
	}
	return value, found
}
