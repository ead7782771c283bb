package gateway

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// scanned writes a message in pieces of n bytes.
func scanned(message string, n int) string {
	var s scanner
	for piece := range chunks(message, n) {
		s.write([]byte(piece))
	}
	return s.result()
}

func chunks(text string, n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			size := min(n, len(text))
			if !yield(text[:size]) {
				return
			}
			text = text[size:]
		}
	}
}

func TestIDScanner(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"method":"ping"}`:                     "1",
		`{"id":"a\"}b","method":"x"}`:                                  `"a\"}b"`,
		`{"method":"x","params":{"id":7,"a":[{"id":8}]},"id": -1.5e3}`: "-1.5e3",
		` { "id" : 12345678901234567890123 } `:                         "12345678901234567890123",
		`{"params":"\\\"id\":5","id":2}`:                               "2",
		`{"id":1,"id":2}`:                                              "null",
		`{"id":{"id":3}}`:                                              "null",
		`{"id":null}`:                                                  "null",
		`{"id":true}`:                                                  "null",
		`{"\u0069d":3}`:                                                "null",
		`[{"id":1}]`:                                                   "null",
		`{"id":1`:                                                      "null",
		`{"id":1}}`:                                                    "null",
		`{"id":"` + strings.Repeat("x", longestID) + `"}`:              "null",
		`{"method":"x"}`:                                               "null",
		``:                                                             "null",
	} {
		for _, n := range []int{1, 2, 7, len(message) + 1} {
			if got := scanned(message, n); got != want {
				t.Errorf("%.60s in pieces of %d: got %s, want %s", message, n, got, want)
			}
		}
	}
}

// FuzzIDScanner: what the scanner finds is what encoding/json finds, in pieces of any size.
func FuzzIDScanner(f *testing.F) {
	f.Add(`{"jsonrpc":"2.0","id":1,"params":{"a":"b\\","id":2}}`, 3)
	f.Add(`{"a":[1,{"id":"x"}],"id":"y"}`, 1)
	f.Fuzz(func(t *testing.T, message string, n int) {
		if n < 1 {
			n = 1
		}
		got := scanned(message, n)
		if got == unknownID {
			return
		}
		if !json.Valid([]byte(got)) {
			t.Fatalf("%q: %q is not JSON", message, got)
		}
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(message), &members) != nil {
			return // the upstream would refuse it
		}
		if want := bytes.TrimSpace(members["id"]); !bytes.Equal(want, []byte(got)) && !strings.Contains(message, `\u`) {
			t.Errorf("%q: got %s, want %s", message, got, want)
		}
	})
}
