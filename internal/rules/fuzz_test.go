package rules_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mcpkeep/mcpkeep/internal/rules"
)

// pair is a member of an object, as some parser reads it.
type pair struct {
	name  string
	value json.RawMessage
}

// pairs reads all members of an object with encoding/json; nil for what is no object.
func pairs(raw []byte) (list []pair) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return nil
	}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return list
		}
		list = append(list, pair{name, value})
	}
	return list
}

// reading is how a parser finds a member.
type reading func(list []pair, name string) (json.RawMessage, bool)

func first(same func(a, b string) bool) reading {
	return func(list []pair, name string) (json.RawMessage, bool) {
		i := slices.IndexFunc(list, func(p pair) bool { return same(p.name, name) })
		if i < 0 {
			return nil, false
		}
		return list[i].value, true
	}
}

func last(same func(a, b string) bool) reading {
	find := first(same)
	return func(list []pair, name string) (json.RawMessage, bool) {
		list = slices.Clone(list)
		slices.Reverse(list)
		return find(list, name)
	}
}

func exact(a, b string) bool { return a == b }

// upToNUL is how a parser in C may see names.
func upToNUL(a, b string) bool {
	a, _, _ = strings.Cut(a, "\x00")
	return a == b
}

// callOf is which tool a parser sees called; "" for none.
func callOf(raw json.RawMessage, find reading) string {
	list := pairs(raw)
	var method, name string
	if value, ok := find(list, "method"); !ok || json.Unmarshal(value, &method) != nil || method != "tools/call" {
		return ""
	}
	params, _ := find(list, "params")
	if value, ok := find(pairs(params), "name"); !ok || json.Unmarshal(value, &name) != nil {
		return ""
	}
	return name
}

// isRead says by encoding/json whether a document is JSON in UTF-8, with up to 200 levels.
func isRead(raw []byte) bool {
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return false
	}
	d, depth, deepest := json.NewDecoder(bytes.NewReader(raw)), 0, 0
	for {
		token, err := d.Token()
		if err != nil {
			return deepest <= 200
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			deepest = max(deepest, depth)
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}

// FuzzParse: of a body that is not refused, every parser sees the same calls as the judge.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"name":"b"}}}`,
		`[{"id":"x","method":"tools\/call","params":{"n\u0061me":"\ud83d\ude00"}},{"method":"ping"}]`,
		`{"method":"tools/call","params":{"name":"a","Name":"b"},"Method":"ping"}`,
		`{"method":"tools/call","method":"ping","param` + "\u017f" + `":{"name":"a"}}`,
		`{"id":1e3,"method":"tools/call","params":{"name\u0000":"a"}}`,
		`{"params":{"ref":{"type":"ref/prompt","name":"p"}},"method":"completion/complete"}`,
		`{"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["a://b"]}}}`,
		` { "a" : [ 1 , "\\\"" , { } ] , "method" : "tools/call" , "params" : { "name" : "x" } } `,
		`{"method":"tools/call","params":{"arguments":["` + strings.Repeat(" ", 5000) + `",-0.5e+1,true,null],"name":"a"}}`,
		`{"a":"12345678\u00e9` + "\u00e9\x7f" + `","b":01}`,
		`{"method":"ping"}{}`, `{"method":"ping"} x`, `{"a":"12345678` + "\x1f" + `12345678"}`, `{"a":"1` + "\x1f" + `"}`, `{"a":"\q"}`, `{"a":"\u12g4"}`,
		`{"a":"1`, `{"a":tru}`, `{"a":1,}`, `{"a":[1 2]}`, `{"a":-}`, `{"a":1.}`, `{"a":1e}`, `{,}`, `{"a"}`, `{1:2}`, `{"a":[}`, `{"a":"` + "\xed\xa0\x80" + `"}`, ``, ` `,
		strings.Repeat("[", 200) + strings.Repeat("]", 200),
		strings.Repeat("[", 201) + strings.Repeat("]", 201),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		list, batch, err := rules.Parse(body)
		if err != nil {
			var refused *rules.Error
			if !errors.As(err, &refused) || refused.ID != nil && !json.Valid(refused.ID) {
				t.Fatalf("%q: %v", body, err)
			}
			if isJSON := isRead(body); isJSON == (refused.Code == rules.CodeParse) {
				t.Fatalf("%q is JSON that all parsers read: %t, but: %v", body, isJSON, err)
			}
			return
		}
		if !isRead(body) {
			t.Fatalf("%q is no JSON that all parsers read", body)
		}
		raws := []json.RawMessage{body}
		if batch {
			raws = nil
			if err := json.Unmarshal(body, &raws); err != nil {
				t.Fatalf("%q: %v", body, err)
			}
		}
		if len(raws) != len(list) {
			t.Fatalf("%q: %d messages, want %d", body, len(list), len(raws))
		}
		for i, m := range list {
			judged := ""
			if m.Method == "tools/call" {
				judged = m.Targets[0].Name
			}
			for _, find := range []reading{
				first(exact), last(exact), first(strings.EqualFold), last(strings.EqualFold), first(upToNUL), last(upToNUL),
			} {
				if got := callOf(raws[i], find); got != judged {
					t.Errorf("%q: a parser sees a call of %q, judged was %q", raws[i], got, judged)
				}
			}
		}
	})
}

// FuzzFilter: a name that is denied is in no list that remains, and what is left is JSON.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		`{"result":{"tools":[{"name":"open"},{"name":"delete_a"}],"cacheScope":"public"}}`,
		`[{"result":{"Tools":[ {"name":"delete_a"} , {"name":"delete_b","name":"x"}, 7 ]}},{"id":1}]`,
		`{"result":{"tools":[],"tools":[{"n\u0061me":"delete_a"}]},"result":7}`,
		`{"method":"notifications/resources/updated","params":{"uri":"x"}}`,
	} {
		f.Add([]byte(seed))
	}
	policy := rules.New([]rules.Rule{{Tools: []string{"delete_*"}, Deny: true}})
	f.Fuzz(func(t *testing.T, message []byte) {
		out, _, err := policy.Filter(who(""), message)
		if err != nil || out == nil {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%q became %q", message, out)
		}
		again, _, err := policy.Filter(who(""), out)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q became %q, and that %q: %v", message, out, again, err)
		}
		for _, find := range []reading{first(exact), last(exact), first(strings.EqualFold), last(strings.EqualFold)} {
			for _, name := range listed(out, find) {
				if strings.HasPrefix(name, "delete_") {
					t.Errorf("%q became %q, which lists %s", message, out, name)
				}
			}
		}
	})
}

// listed are the tools that a parser sees in a message or batch.
func listed(raw json.RawMessage, find reading) (names []string) {
	var batch []json.RawMessage
	if json.Unmarshal(raw, &batch) != nil {
		batch = []json.RawMessage{raw}
	}
	for _, message := range batch {
		result, _ := find(pairs(message), "result")
		tools, _ := find(pairs(result), "tools")
		var list []json.RawMessage
		_ = json.Unmarshal(tools, &list)
		for _, tool := range list {
			var name string
			value, _ := find(pairs(tool), "name")
			_ = json.Unmarshal(value, &name)
			names = append(names, name)
		}
	}
	return names
}
