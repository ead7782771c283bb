package mcpserver

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
)

// exactID is the id of a message that mcp-go would not return as it was sent: it reads
// numbers as floating point, and writes strings in a notation of its own. Such an id
// (JSON-RPC 2.0 §5 wants the same value back) is replaced on the way in and put back on
// the way out.
type exactID struct{ sent, stand []byte } // JSON, both

// keepID replaces the id of a request's message where that is needed.
func keepID(r *http.Request) exactID {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
	if err != nil {
		return exactID{}
	}
	from, to, ok := findID(body)
	if !ok || survives(body[from:to]) {
		return exactID{}
	}
	id := exactID{sent: bytes.Clone(body[from:to]), stand: []byte(`"id-` + rand.Text() + `"`)}
	replaced := bytes.Join([][]byte{body[:from], id.stand, body[to:]}, nil)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(replaced)), int64(len(replaced))
	return id
}

// restore puts the id back into a document.
func (id exactID) restore(document []byte) []byte {
	if id.stand == nil {
		return document
	}
	return bytes.ReplaceAll(document, id.stand, id.sent)
}

// failing ends a body as it ended when it was read: with an error, or without.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// survives reports whether mcp-go returns an id as it is: short integers and plain
// strings do, and what no id may be is left for it to refuse.
func survives(id []byte) bool {
	const digits = 15 // exact as floating point
	switch first := id[0]; {
	case first == '"':
		return !bytes.ContainsFunc(id[1:len(id)-1], func(c rune) bool { return c < ' ' || c > '~' || strings.ContainsRune(`\<>&`, c) })
	case first == '-' || first >= '0' && first <= '9':
		return len(id) <= digits && !bytes.ContainsAny(id, ".eE") && string(id) != "-0"
	}
	return true
}

// findID returns where the value of the member id of a JSON object is, if there is
// exactly one. It expects nothing of the text: mcp-go refuses what is not JSON.
func findID(text []byte) (from, to int, ok bool) {
	i := skipSpace(text, 0)
	if i == len(text) || text[i] != '{' {
		return 0, 0, false
	}
	for i++; ; i++ {
		name := skipSpace(text, i)
		colon := skipSpace(text, skipValue(text, name))
		if colon >= len(text) || text[colon] != ':' {
			return from, to, ok
		}
		value := skipSpace(text, colon+1)
		i = skipValue(text, value)
		if i == value {
			return 0, 0, false
		}
		if bytes.HasPrefix(text[name:], []byte(`"id"`)) {
			if ok {
				return 0, 0, false
			}
			from, to, ok = value, i, true
		}
		if i = skipSpace(text, i); i == len(text) || text[i] != ',' {
			return from, to, ok
		}
	}
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n') {
		i++
	}
	return i
}

// skipValue returns where the JSON value at i ends.
func skipValue(text []byte, i int) int {
	for depth := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = endOfString(text, i)
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			continue
		default:
			if depth > 0 || i+1 < len(text) && !strings.ContainsRune(",:}] \t\r\n", rune(text[i+1])) {
				continue
			}
		}
		if depth < 0 {
			return i
		}
		if depth == 0 {
			return min(i+1, len(text))
		}
	}
	return i
}

// endOfString returns where the closing quote of the string at i is.
func endOfString(text []byte, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}
