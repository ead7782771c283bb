package fastmcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrClient means that JSON is not a client, or that a client cannot be written
// as one. Errors that wrap it name a member and hold nothing of its value.
var ErrClient = errors.New("not a FastMCP client")

// EncodeClient writes a client as FastMCP 2.13.0 does: in its order of members,
// with every null, without white space, and with everything but ASCII escaped.
// Members of later versions that are there follow, then the extra ones in
// alphabetical order. A client without an id, or with an extra member that has a
// field, is refused. Absent grant types, response types and authentication
// method are written as FastMCP's defaults, which it does not read as null.
func EncodeClient(c Client) ([]byte, error) {
	if c.ClientID == "" {
		return nil, fmt.Errorf("%w: no client_id", ErrClient)
	}
	c.setDefaults()
	object := []byte{'{'}
	for _, m := range c.members() {
		if _, ok := c.Extra[m.name]; ok {
			return nil, fmt.Errorf("%w: extra member %s has a field", ErrClient, m.name)
		}
		value, err := encode(m.field)
		if err != nil {
			return nil, fmt.Errorf("%w: member %s cannot be encoded", ErrClient, m.name)
		}
		if !m.later || string(value) != "null" {
			object = appendMember(object, m.name, value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Extra)) {
		value, err := encode(c.Extra[name])
		if err != nil {
			return nil, fmt.Errorf("%w: extra member %q cannot be encoded", ErrClient, name)
		}
		object = appendMember(object, name, value)
	}
	return append(object, '}'), nil
}

func appendMember(object []byte, name string, value []byte) []byte {
	if len(object) > 1 {
		object = append(object, ',')
	}
	key, _ := encode(name) // a string can always be encoded
	return append(append(append(object, key...), ':'), value...)
}

// DecodeClient reads a client that any version of FastMCP wrote. A member may be
// absent, null or, if it is not a text, an empty text; unknown ones go to Extra.
// The error wraps ErrClient.
func DecodeClient(data []byte) (Client, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return Client{}, fmt.Errorf("%w: not a JSON object", ErrClient)
	}
	var c Client
	for _, m := range c.members() {
		value, ok := members[m.name]
		delete(members, m.name)
		if !ok || isEmpty(value, m.field) {
			continue
		}
		if err := json.Unmarshal(value, m.field); err != nil {
			return Client{}, fmt.Errorf("%w: member %s is of another type", ErrClient, m.name)
		}
	}
	if c.ClientID == "" {
		return Client{}, fmt.Errorf("%w: no client_id", ErrClient)
	}
	c.setDefaults()
	if len(members) > 0 {
		c.Extra = members
	}
	return c, nil
}

// isEmpty is for null, which must not end up in a raw field, and for the empty
// text that clients send in place of an object, a list or a number.
func isEmpty(value json.RawMessage, field any) bool {
	switch field.(type) {
	case *string, **string:
		return string(value) == "null"
	default:
		return string(value) == "null" || string(value) == `""`
	}
}

// encode writes JSON as Python's json.dumps does.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return escape(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil
}

// escape escapes everything from DEL upwards. In JSON such characters are inside
// texts only, where an escape may take their place.
func escape(text []byte) []byte {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch high, low := utf16.EncodeRune(r); {
		case r < 0x7f:
			b.WriteByte(text[0])
		case high == utf8.RuneError: // one unit is enough
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
		text = text[size:]
	}
	return []byte(b.String())
}
