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
	object := append(make([]byte, 0, 1024), '{')
	for _, m := range members {
		if _, ok := c.Extra[m.name]; ok {
			return nil, fmt.Errorf("%w: extra member %s has a field", ErrClient, m.name)
		}
		var err error
		if object, err = appendMember(object, m, &c); err != nil {
			return nil, fmt.Errorf("%w: member %s cannot be encoded", ErrClient, m.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Extra)) {
		value, err := encode(c.Extra[name])
		if err != nil {
			return nil, fmt.Errorf("%w: extra member %q cannot be encoded", ErrClient, name)
		}
		key, _ := encode(name) // a string can always be encoded
		object = append(append(append(append(object, ','), key...), ':'), value...)
	}
	return append(object, '}'), nil
}

// appendMember appends a member of a client, unless it is one of those that are
// left out when they are null.
func appendMember(object []byte, m member, c *Client) ([]byte, error) {
	before := len(object)
	if before > 1 {
		object = append(object, ',')
	}
	object = append(append(append(object, '"'), m.name...), `":`...)
	value := len(object)
	object, ok := appendPlain(object, m.field(c))
	if !ok {
		encoded, err := encode(m.field(c))
		if err != nil {
			return nil, err
		}
		object = append(object[:value], encoded...)
	}
	if m.later && string(object[value:]) == "null" {
		return object[:before], nil
	}
	return object, nil
}

// DecodeClient reads a client that any version of FastMCP wrote. A member may be
// absent, null or, if it is not a text, an empty text; unknown ones go to Extra.
// The error wraps ErrClient.
func DecodeClient(data []byte) (Client, error) {
	var room [32]pair
	pairs, err := pairsOf(room[:0], data)
	if err != nil {
		return Client{}, errNoObject
	}
	var c Client
	for i, p := range pairs {
		if err := c.set(p, i); err != nil {
			return Client{}, err
		}
	}
	if c.ClientID == "" {
		return Client{}, fmt.Errorf("%w: no client_id", ErrClient)
	}
	c.setDefaults()
	return c, nil
}

var errNoObject = fmt.Errorf("%w: not a JSON object", ErrClient)

// set reads one member, the i-th, which usually is where it is in the list.
func (c *Client) set(p pair, i int) error {
	known := i < len(members) && string(p.name) == members[i].name
	if !known {
		i, known = memberOf[string(p.name)]
	}
	if !known {
		if !json.Valid(p.value) {
			return errNoObject
		}
		if c.Extra == nil {
			c.Extra = make(map[string]json.RawMessage)
		}
		c.Extra[string(p.name)] = p.value
		return nil
	}
	field := members[i].field(c)
	if isEmpty(p.value, field) {
		return nil
	}
	if err := unmarshal(p.value, field); err != nil {
		if !json.Valid(p.value) {
			return errNoObject
		}
		return fmt.Errorf("%w: member %s has the wrong type", ErrClient, members[i].name)
	}
	return nil
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
