package gateway

import (
	"slices"
	"strings"
	"testing"
)

// FuzzEvents: however a stream comes in pieces, it crosses as it is, and its messages are those
// that a simple reader finds.
func FuzzEvents(f *testing.F) {
	for _, text := range []string{
		"data: {}\n\n", "data: a\ndata: b\r\n\r\n", ": comment\n\ndata:x\r\r", "\ufeffdata: 1\n\n", "event: message\nid: 7\ndata: {\"a\":1}\n\n",
		"data\n\n", "data:  \n\n", "data: cut", "retry: 5\r\n: in the middle\r\ndata: y\r\n\r\n", "\r\n\r\n", "datas: no\n\ndata: yes\n\n",
	} {
		for _, at := range []uint8{0, 1, 7, 255} {
			f.Add(text, at)
		}
	}
	f.Fuzz(func(t *testing.T, text string, at uint8) {
		want := messagesOf(text)
		for _, pieces := range [][]string{{text}, cut(text, int(at)), strings.Split(text, "")} {
			var got []string
			e := events{message: func(m []byte) ([]byte, error) {
				got = append(got, string(m))
				return m, nil
			}}
			var out []byte
			for _, piece := range pieces {
				part, err := e.add([]byte(piece))
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, part...)
			}
			part, err := e.rest()
			if err != nil {
				t.Fatal(err)
			}
			rest, ok := strings.CutPrefix(string(append(out, part...)), strings.TrimPrefix(text, "\ufeff"))
			if !ok || rest != "" && rest != "\n" || !slices.Equal(got, want) {
				t.Errorf("%q in %d pieces became %q with the messages %q, want %q", text, len(pieces), out, got, want)
			}
		}
	})
}

// cut cuts a text in two.
func cut(text string, at int) []string {
	at = min(at, len(text))
	return []string{text[:at], text[at:]}
}

// messagesOf reads a whole event stream (WHATWG HTML §9.2.6). An event that was cut short
// counts as well, since some clients take it.
func messagesOf(text string) (list []string) {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	var data []string
	for _, line := range append(strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n"), "") {
		switch field, value, _ := strings.Cut(line, ":"); {
		case line != "" && field == "data":
			data = append(data, strings.TrimPrefix(value, " "))
		case line == "":
			if message := strings.Join(data, "\n"); strings.TrimSpace(message) != "" {
				list = append(list, message)
			}
			data = nil
		}
	}
	return list
}
