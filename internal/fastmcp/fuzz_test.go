package fastmcp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// FuzzOpenEnvelope: whatever is in the column, it opens as JSON, or is refused
// with one of the two fixed texts.
func FuzzOpenEnvelope(f *testing.F) {
	k := ring(f, storageKey)
	for _, value := range []string{
		vectorValue, envelope(vectorData, "2"), envelope(vectorData, "true"), envelope(vectorData, "1.0"), envelope(vectorData+"\n", "1"),
		envelope("Z0FBQUFB", "1"), `{"__encrypted_data__":null}`, `{"__encryption_version__":1}`, dump, "{}", "null", "[]", "",
	} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		got, err := fastmcp.Open(k, value)
		if err != nil {
			if err != fastmcp.ErrCorrupted && err != fastmcp.ErrDecrypt || got != nil { //nolint:errorlint // the very values
				t.Errorf("got %s, %v", got, err)
			}
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(value, &members); err != nil {
			t.Fatalf("%q opens as %s", value, got)
		}
		// Without the key one cannot make an encrypted value that opens as another.
		if _, encrypted := members["__encrypted_data__"]; encrypted && string(got) != vectorPlaintext {
			t.Errorf("%q opens as %s", value, got)
		}
		if _, encrypted := members["__encrypted_data__"]; !encrypted && !bytes.Equal(got, value) {
			t.Errorf("%q is plaintext and comes as %s", value, got)
		}
	})
}

// FuzzDecodeClient: what can be read can be written, is ASCII, and is the same
// client when it is read again.
func FuzzDecodeClient(f *testing.F) {
	for _, text := range []string{
		dump, full, `{"client_id":"c1"}`, `{"client_id":"c1","scope":"","contacts":"","x":"é\u0000\ud800"}`,
		`{"client_id":"c1","jwks":[1e400, {"<":"\u003c"}],"cimd_fetched_at":1e21}`, `{"client_id":1}`, "{}", "null", "",
	} {
		f.Add([]byte(text))
	}
	for _, records := range recordings(f) {
		for _, r := range records {
			f.Add([]byte(r.Plaintext))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := fastmcp.DecodeClient(text)
		if err != nil {
			if !errors.Is(err, fastmcp.ErrClient) {
				t.Errorf("got %v", err)
			}
			return
		}
		first := encode(t, c)
		for i := range len(first) {
			if first[i] < ' ' || first[i] > '~' {
				t.Fatalf("%q is not ASCII", first)
			}
		}
		if diff := cmp.Diff(first, encode(t, decode(t, first))); diff != "" {
			t.Error(diff)
		}
	})
}
