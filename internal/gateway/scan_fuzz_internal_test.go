package gateway

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// seen are the calls of tools in a body, as encoding/json sees them; false where parsers differ.
func seen(body []byte) (tools []string, certain bool) {
	var batch []json.RawMessage
	if json.Unmarshal(body, &batch) != nil {
		batch = []json.RawMessage{body}
	}
	for _, raw := range batch {
		var m struct {
			Method string          `json:"method"`
			Params json.RawMessage `json:"params"`
		}
		if strings.TrimSpace(string(raw))[0] != '{' || twice(raw) || json.Unmarshal(raw, &m) != nil {
			return nil, false
		}
		if m.Method != "tools/call" {
			continue
		}
		var params struct {
			Name string `json:"name"`
		}
		if twice(m.Params) {
			return nil, false
		}
		_ = json.Unmarshal(m.Params, &params) // one that is none has no name
		tools = append(tools, params.Name)
	}
	return tools, true
}

// twice reports whether an object has a name twice, in any case.
func twice(raw json.RawMessage) bool {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return false
	}
	var names []string
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return true
		}
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			return true
		}
		names = append(names, name)
	}
	return false
}

// FuzzToolScanner: the calls that the scanner finds are those that encoding/json finds, in
// pieces of any size.
func FuzzToolScanner(f *testing.F) {
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"name":"b"}}}`,
		`[{"params":{"n\u0061me":"x\"y"},"METHOD":"tools\/call"},{"method":"ping"},{"method":"tools/call"}]`,
		`{"method":"tools/call","params":[{"name":"a"}]}`,
		`{"method":"tools/call","params":{"x":{"params":{"name":"a"}},"name" : "b"}}`,
		`{"method":"tools/call","params":{"name":7}}`,
		`[{"method":"tools/call","params":{"arguments":{"a":[{"b":{}},"x\\\"y and a long text, {"]},"name":"a"}},{"x":[[[]]],"method":"tools/call","params":{"name":"b"}}]`,
		`{"result":{"method":"tools/call"},"x":"{\"method\":\"tools/call\"}"}`,
	} {
		f.Add([]byte(body), 3)
	}
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		if !json.Valid(body) || len(body) > longestID {
			return
		}
		want, certain := seen(body)
		if !certain {
			return
		}
		var s scanner
		for piece := range chunks(string(body), max(n, 1)) {
			s.write([]byte(piece))
		}
		var got []string
		for _, c := range s.called {
			got = append(got, c.tool)
		}
		if len(want) > maxCalls {
			want = want[:maxCalls]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	})
}

// FuzzAnswers: responses that the reader calls errors are those that encoding/json does, in
// JSON and in events, in pieces of any size.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"id":1,"result":{"isError":true}}`), 2)
	f.Add([]byte(`{"id":1,"error":{"code":1},"result":null}`), 5)
	f.Add([]byte(`{"error": null ,"result":{"x":{"isError":true},"isError": false }}`), 1)
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		var m struct {
			Error  any             `json:"error"`
			Result json.RawMessage `json:"result"`
		}
		if !json.Valid(body) || strings.TrimSpace(string(body))[0] != '{' || json.Unmarshal(body, &m) != nil || twice(body) || twice(m.Result) || len(body) > longestID {
			return
		}
		var result struct {
			IsError any `json:"isError"`
		}
		_ = json.Unmarshal(m.Result, &result)
		want := m.Error != nil || result.IsError == true
		event := "id: 1\n" + "data: " + strings.NewReplacer("\r\n", "\r\ndata:", "\r", "\rdata:", "\n", "\ndata:").Replace(string(body)) + "\n\ndata: {}\n\n"
		for text, isStream := range map[string]bool{string(body): false, event: true} {
			a := answers{isStream: isStream}
			a.reset()
			for piece := range chunks(text, max(n, 1)) {
				_, _ = a.Write([]byte(piece))
			}
			if a.any != want {
				t.Errorf("%q: an error: %v, want %v", text, a.any, want)
			}
		}
	})
}
