package stdio

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

var (
	errNotJSON   = errors.New("not JSON")
	errNotObject = errors.New("not a JSON object")
	errRepeated  = errors.New("a member of a JSON object is repeated")
)

// object is a JSON object whose members stay as they came, in their order. Names that differ
// in case only count as repeated: programs do not agree on what they mean.
type object []member

type member struct {
	name  string
	value json.RawMessage
}

// parseObject reads an object. It may keep parts of raw.
func parseObject(raw []byte) (object, error) {
	o, err := readMembers(raw)
	for i := range o {
		if o[:i].has(o[i].name) {
			return nil, errRepeated
		}
	}
	return o, err
}

// readMembers reads an object in which members may be repeated.
func readMembers(raw []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errNotObject
	}
	var o object
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, errNotJSON
		}
		name, _ := t.(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errNotJSON
		}
		o = append(o, member{name, value})
	}
	if _, err := d.Token(); err != nil { // the brace
		return nil, errNotJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotJSON
	}
	return o, nil
}

func (o object) has(name string) bool {
	for i := range o {
		if strings.EqualFold(o[i].name, name) {
			return true
		}
	}
	return false
}

// get returns a member's value, nil when there is none.
func (o object) get(name string) json.RawMessage {
	for i := range o {
		if o[i].name == name {
			return o[i].value
		}
	}
	return nil
}

// text returns a member that is a string, "" for anything else.
func (o object) text(name string) string {
	var text string
	if json.Unmarshal(o.get(name), &text) != nil {
		return ""
	}
	return text
}

// child returns a member that is an object, nil for anything else.
func (o object) child(name string) object {
	child, err := parseObject(o.get(name))
	if err != nil {
		return nil
	}
	return child
}

// with returns the object with a member of this value, at its place or at the end.
func (o object) with(name string, value json.RawMessage) object {
	changed := make(object, 0, len(o)+1)
	done := false
	for _, m := range o {
		if m.name == name {
			m.value, done = value, true
		}
		changed = append(changed, m)
	}
	if !done {
		changed = append(changed, member{name, value})
	}
	return changed
}

// without returns the object without some members.
func (o object) without(names ...string) object {
	var left object
	for _, m := range o {
		if !slices.Contains(names, m.name) {
			left = append(left, m)
		}
	}
	return left
}

// raw returns the object in one line.
func (o object) raw() json.RawMessage {
	size := 2
	for _, m := range o {
		size += len(m.name) + len(m.value) + 4
	}
	b := bytes.NewBuffer(make([]byte, 0, size))
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quoted(m.name))
		b.WriteByte(':')
		if bytes.ContainsAny(m.value, "\r\n") {
			_ = json.Compact(b, m.value) // it is valid
		} else {
			b.Write(m.value)
		}
	}
	b.WriteByte('}')
	return b.Bytes()
}

// quoted returns a JSON string.
func quoted(s string) json.RawMessage { return marshaled(s) }

// quotedList returns an array of JSON strings.
func quotedList(list []string) json.RawMessage { return marshaled(list) }

func marshaled(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings can always be marshaled
	}
	return raw
}
