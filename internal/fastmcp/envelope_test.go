package fastmcp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// A value that py-key-value wrote with storageKey, at the time 1750000000 and
// with the IV 00 to 0f.
const (
	vectorPlaintext = `{"jti":"jti-access-1","upstream_token_id":"upstream-1","created_at":1750000000.25}`
	vectorToken     = "gAAAAABoTuGAAAECAwQFBgcICQoLDA0OD5HCkzY8aEb7UwTWBJsm8Pw_lXG_KhS-Ad8L-aEWeONyUC4S-NkP4Op7VpUu2NKwLLXYjCTGnGbs" +
		"P5oCxZMQFuMst0uA0p1vEePiqK0SE6qXXqhmcUvLXLc7bqXWkAjqo0Rd3RDSu1pRjIoyRqkdZqaNxcNzr1mRsAUI2e9RYe_-"
	vectorData = "Z0FBQUFBQm9UdUdBQUFFQ0F3UUZCZ2NJQ1FvTERBME9ENUhDa3pZOGFFYjdVd1RXQkpzbThQd19sWEdfS2hTLUFkOEwtYUVXZU9OeVVDNFMt" +
		"TmtQNE9wN1ZwVXUyTkt3TExYWWpDVEduR2JzUDVvQ3haTVFGdU1zdDB1QTBwMXZFZVBpcUswU0U2cVhYcWhtY1V2TFhMYzdicVhXa0FqcW8wUmQz" +
		"UkRTdTFwUmpJb3lScWtkWnFhTnhjTnpyMW1Sc0FVSTJlOVJZZV8t"
	vectorValue = `{"__encrypted_data__":"` + vectorData + `","__encryption_version__":1}`
)

// fixedCipher seals everything as the same token.
type fixedCipher struct {
	token string
	err   error
}

func (c fixedCipher) SealShared([]byte) (string, error) { return c.token, c.err }

func (c fixedCipher) OpenShared([]byte) ([]byte, string, error) { return nil, "", c.err }

func TestEnvelopeVector(t *testing.T) {
	t.Parallel()
	value, err := fastmcp.Seal(fixedCipher{token: vectorToken}, []byte(vectorPlaintext))
	if err != nil || string(value) != vectorValue {
		t.Errorf("got  %s, %v\nwant %s", value, err, vectorValue)
	}
	for name, value := range map[string]string{
		"as written":        vectorValue,
		"as JSONB keeps it": `{"__encrypted_data__": "` + vectorData + `", "__encryption_version__": 1}`,
		"the other order":   `{"__encryption_version__":1,"__encrypted_data__":"` + vectorData + `"}`,
		"one more member":   `{"x":null,"__encryption_version__":1,"__encrypted_data__":"` + vectorData + `"}`,
		"version 0":         envelope(vectorData, "0"),
		"version -1":        envelope(vectorData, "-1"),
		"version true":      envelope(vectorData, "true"),
		"version false":     envelope(vectorData, "false"),
	} {
		if got, err := fastmcp.Open(ring(t, storageKey), json.RawMessage(value)); err != nil || string(got) != vectorPlaintext {
			t.Errorf("%s: got %s, %v", name, got, err)
		}
	}
}

func envelope(data, version string) string {
	return fmt.Sprintf(`{"__encrypted_data__":%q,"__encryption_version__":%s}`, data, version)
}

func TestSealOpen(t *testing.T) {
	t.Parallel()
	old, both := ring(t, keyring.Generate()), ring(t, storageKey)
	for _, plaintext := range []string{`{}`, `{"client_name":"Zo\u00eb \u2713"}`, `{"client_name":"Zoë ✓"}`, `[1]`, `"text"`, `null`} {
		value, err := fastmcp.Seal(both, []byte(plaintext))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(value, []byte(`{"__encrypted_data__":"Z0FBQUFB`)) {
			t.Errorf("%s is sealed as %s", plaintext, value)
		}
		if got, err := fastmcp.Open(both, value); err != nil || string(got) != plaintext {
			t.Errorf("%s comes back as %s, %v", plaintext, got, err)
		}
		if got, err := fastmcp.Open(old, value); !errors.Is(err, fastmcp.ErrDecrypt) || got != nil {
			t.Errorf("%s opens with another key: %s, %v", plaintext, got, err)
		}
	}
	failure := errors.New("no entropy")
	if value, err := fastmcp.Seal(fixedCipher{err: failure}, nil); !errors.Is(err, failure) || value != nil {
		t.Errorf("got %s, %v", value, err)
	}
}

// TestReseal: the plaintext and what else is in the envelope stay, the key changes.
func TestReseal(t *testing.T) {
	t.Parallel()
	old, next := ring(t, storageKey), ring(t, keyring.Generate())
	for value, rest := range map[string]string{
		vectorValue: `}`,
		`{"__encryption_version__":0,"x":[1, null],"__encrypted_data__":"` + vectorData + `"}`: `,"x":[1,null]}`,
	} {
		plaintext, keyID, err := fastmcp.OpenWithKey(old, json.RawMessage(value))
		if err != nil || keyID != old.Primary() {
			t.Fatalf("opened by %q, %v, want %q", keyID, err, old.Primary())
		}
		resealed, err := fastmcp.Reseal(next, json.RawMessage(value), plaintext)
		if err != nil || !strings.HasSuffix(string(resealed), `,"__encryption_version__":1`+rest) {
			t.Errorf("got %s, %v, want %s behind", resealed, err, rest)
		}
		got, keyID, err := fastmcp.OpenWithKey(next, resealed)
		if err != nil || keyID != next.Primary() || string(got) != vectorPlaintext {
			t.Errorf("opened again by %q: %s, %v", keyID, got, err)
		}
	}
	if _, keyID, err := fastmcp.OpenWithKey(old, json.RawMessage(`{}`)); err != nil || keyID != "" {
		t.Errorf("what is not sealed was opened by %q, %v", keyID, err)
	}
	if got, err := fastmcp.Reseal(next, json.RawMessage(`[]`), nil); !errors.Is(err, fastmcp.ErrCorrupted) || got != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestOpenPlaintext: rows from before encryption are returned as they are.
func TestOpenPlaintext(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		`{}`, `{"client_id":"c1", "client_name":null}`, `{"__encryption_version__":1}`, `{"__Encrypted_Data__":"x"}`,
	} {
		if got, err := fastmcp.Open(ring(t, storageKey), json.RawMessage(value)); err != nil || string(got) != value {
			t.Errorf("%s: got %s, %v", value, got, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	k := ring(t, storageKey)
	sealed := func(plaintext string) string {
		token, err := k.SealShared([]byte(plaintext))
		if err != nil {
			t.Fatal(err)
		}
		return envelope(base64.StdEncoding.EncodeToString([]byte(token)), "1")
	}
	for name, tc := range map[string]struct {
		value string
		want  error
	}{
		"nothing":                 {"", fastmcp.ErrCorrupted},
		"not JSON":                {"{", fastmcp.ErrCorrupted},
		"null":                    {"null", fastmcp.ErrCorrupted},
		"a text":                  {`"` + vectorData + `"`, fastmcp.ErrCorrupted},
		"a list":                  {"[" + vectorValue + "]", fastmcp.ErrCorrupted},
		"no version":              {`{"__encrypted_data__":"` + vectorData + `"}`, fastmcp.ErrCorrupted},
		"version null":            {envelope(vectorData, "null"), fastmcp.ErrCorrupted},
		"version a text":          {envelope(vectorData, `"1"`), fastmcp.ErrCorrupted},
		"version with a fraction": {envelope(vectorData, "1.0"), fastmcp.ErrCorrupted},
		"version with exponent":   {envelope(vectorData, "1e0"), fastmcp.ErrCorrupted},
		"version a list":          {envelope(vectorData, "[1]"), fastmcp.ErrCorrupted},
		"newer version":           {envelope(vectorData, "2"), fastmcp.ErrDecrypt},
		"much newer version":      {envelope(vectorData, "100000000000000000000"), fastmcp.ErrDecrypt},
		"data null":               {`{"__encrypted_data__":null,"__encryption_version__":1}`, fastmcp.ErrCorrupted},
		"data a number":           {`{"__encrypted_data__":4711,"__encryption_version__":1}`, fastmcp.ErrCorrupted},
		"data null, newer":        {`{"__encrypted_data__":null,"__encryption_version__":2}`, fastmcp.ErrCorrupted},
		"data empty":              {envelope("", "1"), fastmcp.ErrDecrypt},
		"data encoded once":       {envelope(vectorToken, "1"), fastmcp.ErrDecrypt},
		"rubbish behind":          {envelope(vectorData+"!", "1"), fastmcp.ErrDecrypt},
		"newline behind":          {envelope(vectorData+"\n", "1"), fastmcp.ErrDecrypt},
		"cut":                     {envelope(vectorData[:len(vectorData)-4], "1"), fastmcp.ErrDecrypt},
		"not a token":             {envelope(base64.StdEncoding.EncodeToString([]byte("secret")), "1"), fastmcp.ErrDecrypt},
		"not JSON inside":         {sealed("secret"), fastmcp.ErrDecrypt},
		"nothing inside":          {sealed(""), fastmcp.ErrDecrypt},
		"not UTF-8 inside":        {sealed("{\"x\":\"\xff\"}"), fastmcp.ErrDecrypt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := fastmcp.Open(k, json.RawMessage(tc.value))
			if !errors.Is(err, tc.want) || got != nil {
				t.Fatalf("got %s, %v; want %v", got, err, tc.want)
			}
			if err.Error() != tc.want.Error() {
				t.Errorf("the text says more: %v", err)
			}
		})
	}
}

// TestOpenWhatPythonWrote opens what FastMCP stored through py-key-value.
func TestOpenWhatPythonWrote(t *testing.T) {
	t.Parallel()
	k := ring(t, keyring.Generate()+","+storageKey)
	for version, records := range recordings(t) {
		for _, r := range records {
			if got, err := fastmcp.Open(k, json.RawMessage(r.Value)); err != nil || string(got) != r.Plaintext {
				t.Errorf("%s, %s: got %s, %v\nwant %s", version, r.Name, got, err, r.Plaintext)
			}
		}
	}
}

func TestIsSealed(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		`{"__encrypted_data__":"Z0FBQUFB","__encryption_version__":1}`: true,
		`{"__encrypted_data__":null}`:                                  true,
		`{"client_id":"c1"}`:                                           false,
		`{}`:                                                           false,
		`null`:                                                         false,
		`[`:                                                            false,
	} {
		if got := fastmcp.IsSealed(json.RawMessage(value)); got != want {
			t.Errorf("IsSealed(%s) = %v, want %v", value, got, want)
		}
	}
}
