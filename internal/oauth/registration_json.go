package oauth

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxRegistration = 64 << 10 // bytes
	maxDepth        = 16       // of nested objects and arrays
	// maxValues bounds what reading costs, which grows with the values. Twenty keys with
	// all their members have some three hundred.
	maxValues = 1000
)

// members are those of a JSON object, undecoded. Names are case-sensitive.
type members map[string]json.RawMessage

// parseMembers reads one JSON object (RFC 8259): UTF-8, nothing behind it, no
// name twice in any object, because parsers disagree about which one counts, and
// no deeper nesting than any client metadata has.
func parseMembers(body []byte) (members, error) {
	if len(body) > maxRegistration {
		return nil, badMetadata("the client metadata is too large")
	}
	if hasManyValues(body) {
		return nil, badMetadata("the client metadata has more than 1000 values")
	}
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, badMetadata("the client metadata is not valid JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // a number out of range is no concern of ours
	if err := checkValue(decoder, 0); err != nil {
		return nil, err
	}
	var m members
	if err := json.Unmarshal(body, &m); err != nil || m == nil {
		return nil, badMetadata("the client metadata must be a JSON object")
	}
	return m, nil
}

// hasManyValues counts the values of a document, valid or not, without parsing it.
func hasManyValues(body []byte) bool {
	values := 1
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] == '\\' {
					i++
				}
			}
		case ',', '[', '{':
			values++
		}
	}
	return values > maxValues
}

// checkValue reads the next value of a valid document.
func checkValue(decoder *json.Decoder, depth int) error {
	token, err := decoder.Token()
	delim, nested := token.(json.Delim)
	switch {
	case err != nil:
		return badMetadata("the client metadata is not valid JSON")
	case !nested:
		return nil
	case depth == maxDepth:
		return badMetadata("the client metadata is nested too deeply")
	}
	names := map[json.Token]bool{}
	for decoder.More() {
		if delim == '{' {
			name, err := decoder.Token()
			if err != nil || names[name] {
				return badMetadata("the client metadata contains a duplicate member")
			}
			names[name] = true
		}
		if err := checkValue(decoder, depth+1); err != nil {
			return err
		}
	}
	_, _ = decoder.Token() // the closing bracket, which the document has
	return nil
}

// has reports whether a member is there and not null.
func (m members) has(name string) bool {
	value, ok := m[name]
	return ok && string(value) != "null"
}

// text returns a string member, or "" when it is absent.
func (m members) text(name string) (string, error) {
	var s string
	if m.has(name) && json.Unmarshal(m[name], &s) != nil {
		return "", badMetadata(name + " must be a string")
	}
	return s, nil
}

// texts returns a member that is a list of strings, or nil when it is absent.
func (m members) texts(name string) ([]string, error) {
	var list []string
	if m.has(name) && json.Unmarshal(m[name], &list) != nil {
		return nil, badMetadata(name + " must be an array of strings")
	}
	if len(list) > maxListLength {
		return nil, badMetadata(name + " contains too many values")
	}
	return list, nil
}

// claim returns a member that is for information only, fit to be shown; "" when
// it is absent or not even a string.
func (m members) claim(name string) string {
	value, err := m.text(name)
	if err != nil {
		return ""
	}
	return showable(value)
}

// clientName returns client_name, or else the first name with a language tag
// (RFC 7591 §2.2).
func (m members) clientName() string {
	if name := m.claim("client_name"); name != "" {
		return name
	}
	for _, member := range slices.Sorted(maps.Keys(m)) {
		if strings.HasPrefix(member, "client_name#") {
			if name := m.claim(member); name != "" {
				return name
			}
		}
	}
	return ""
}

// showable leaves out what does not print, such as controls and marks that turn
// the direction of writing, and cuts the rest to a bearable length.
func showable(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsPrint(c):
			return -1
		}
		return c
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if characters := []rune(s); len(characters) > maxText {
		s = strings.TrimSpace(string(characters[:maxText]))
	}
	return s
}
