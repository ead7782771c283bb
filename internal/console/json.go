package console

import (
	"bytes"
	"encoding/json"
	"io"
	"time"
	"unicode"
	"unicode/utf8"
)

// WriteJSON writes a value on one line, with escapes for characters that a terminal
// would interpret.
func WriteJSON(w io.Writer, v any) error {
	encoded, err := encodeJSON(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(encoded, '\n'))
	return err
}

// encodeJSON encodes a value. Apps choose their names, so characters that a terminal
// would interpret or hide are escaped.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	var out []byte
	for _, r := range string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))) {
		if r < utf8.RuneSelf && r != 0x7f || unicode.IsPrint(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		out = appendEscape(out, r)
	}
	return out, nil
}

// appendEscape appends \u with four digits, or the two of a surrogate pair (RFC 8259 section 7).
func appendEscape(out []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	units := []rune{r}
	if r > 0xffff {
		units = []rune{0xd800 + (r-0x10000)>>10, 0xdc00 + (r-0x10000)&0x3ff}
	}
	for _, u := range units {
		out = append(out, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	return out
}

// JSONTime returns a time for JSON: RFC 3339 in UTC, to the second, null if unknown.
func JSONTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

// array writes the elements of a JSON array one by one, each on its own line.
type array struct {
	out   io.Writer
	began bool
}

func (a *array) add(v any) error {
	encoded, err := encodeJSON(v)
	if err != nil {
		return err
	}
	before := ",\n"
	if !a.began {
		a.began, before = true, "[\n"
	}
	_, err = a.out.Write(append([]byte(before), encoded...))
	return err
}

func (a *array) end() error {
	text := "\n]\n"
	if !a.began {
		text = "[]\n"
	}
	_, err := io.WriteString(a.out, text)
	return err
}
