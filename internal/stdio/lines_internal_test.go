package stdio

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestLines: lines without blanks, however they arrive.
func TestLines(t *testing.T) {
	t.Parallel()
	const text = "one\r\n\n  \n two \nthree"
	for name, r := range map[string]io.Reader{"whole": bytes.NewReader([]byte(text)), "by bytes": iotest.OneByteReader(bytes.NewReader([]byte(text)))} {
		in := newLines(r, 10)
		for _, want := range []string{"one", "two", "three"} {
			if line, err := in.next(); string(line) != want || err != nil {
				t.Errorf("%s: %q, %v, want %q", name, line, err, want)
			}
		}
		if line, err := in.next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: at the end %q, %v", name, line, err)
		}
	}
	if _, err := newLines(bytes.NewReader([]byte("12345678901")), 10).next(); !errors.Is(err, errLongLine) {
		t.Errorf("a long line: %v", err)
	}
}

// FuzzLines: the lines are those of the text, and all of what is a message comes back as one.
func FuzzLines(f *testing.F) {
	f.Add([]byte("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\nx\r\n"))
	f.Add([]byte("[{\"jsonrpc\":\"2.0\",\"method\":\"a\"}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		const limit = 1 << 10
		var want [][]byte
		for line := range bytes.SplitSeq(text, []byte("\n")) {
			if len(line) >= limit {
				return
			}
			if line = bytes.TrimSpace(line); len(line) > 0 {
				want = append(want, line)
			}
		}
		in := newLines(iotest.HalfReader(bytes.NewReader(text)), limit)
		for _, line := range want {
			got, err := in.next()
			if err != nil || !bytes.Equal(got, line) {
				t.Fatalf("%q, %v, want %q", got, err, line)
			}
			list, _, err := parseMessages(got)
			if err != nil {
				continue
			}
			for _, m := range list {
				again, _, err := parseMessages(m.raw())
				if err != nil || len(again) != 1 || again[0].method != m.method || !bytes.Equal(again[0].id, m.id) {
					t.Fatalf("%s became %s: %v", got, m.raw(), err)
				}
			}
		}
		if line, err := in.next(); !errors.Is(err, io.EOF) || len(line) > 0 {
			t.Fatalf("at the end %q, %v", line, err)
		}
	})
}
