package fastmcp

import "encoding/json"

// plainText returns a JSON text that is plain.
func plainText(value []byte) (string, bool) {
	text, rest, ok := cutText(value)
	return string(text), ok && len(rest) == 0
}

// plainTexts returns a JSON list of plain texts.
func plainTexts(value []byte) (texts []string, ok bool) {
	rest, ok := after(value, '[')
	if end, closed := after(rest, ']'); ok && closed {
		return []string{}, len(end) == 0
	}
	for ok {
		var text []byte
		if text, rest, ok = cutText(rest); !ok {
			return nil, false
		}
		texts = append(texts, string(text))
		if end, closed := after(rest, ']'); closed {
			return texts, len(end) == 0
		}
		rest, ok = after(rest, ',')
	}
	return nil, false
}

// DecodeObject reads a JSON object as json.Unmarshal does, into the fields that
// field has pointers to; it returns nil for a member that does not matter. Names
// are compared as they are, and null changes nothing.
func DecodeObject(data []byte, field func(name string) any) error {
	var room [16]pair
	pairs, err := pairsOf(room[:0], data)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		into := field(string(p.name))
		switch {
		case string(p.value) == "null":
		case into == nil:
			if !json.Valid(p.value) {
				return ErrCorrupted
			}
		default:
			if err := unmarshal(p.value, into); err != nil {
				return err
			}
		}
	}
	return nil
}

// unmarshal is json.Unmarshal for one member.
func unmarshal(value []byte, field any) error {
	switch f := field.(type) {
	case *string:
		if text, ok := plainText(value); ok {
			*f = text
			return nil
		}
	case **string:
		if text, ok := plainText(value); ok {
			*f = &text
			return nil
		}
	case *[]string:
		if texts, ok := plainTexts(value); ok {
			*f = texts
			return nil
		}
	}
	return json.Unmarshal(value, field)
}

// appendPlain appends a field as encode writes it.
func appendPlain(object []byte, field any) ([]byte, bool) {
	switch f := field.(type) {
	case *string:
		return appendPlainText(object, *f)
	case **string:
		if *f == nil {
			return append(object, "null"...), true
		}
		return appendPlainText(object, **f)
	case *[]string:
		if *f == nil {
			return append(object, "null"...), true
		}
		return appendPlainTexts(object, *f)
	}
	return object, false
}

func appendPlainText(object []byte, text string) ([]byte, bool) {
	if !isPlain(text) {
		return object, false
	}
	return append(append(append(object, '"'), text...), '"'), true
}

func appendPlainTexts(object []byte, texts []string) ([]byte, bool) {
	object = append(object, '[')
	for i, text := range texts {
		if i > 0 {
			object = append(object, ',')
		}
		var ok bool
		if object, ok = appendPlainText(object, text); !ok {
			return object, false
		}
	}
	return append(object, ']'), true
}
