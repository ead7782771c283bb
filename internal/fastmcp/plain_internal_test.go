package fastmcp

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// objects are JSON objects, and what is none, plain and not.
var objects = []string{
	`{}`, ` { } `, `{"a":1}`, "\t{\n\"a\" : \"b\" ,\r\"c\" : [ 1 , {\"d\":\"]}\"} ] }\n", `{"a":null,"b":true,"c":-1.5e3,"d":""}`,
	`{"a":"\\","b":"\"}","c":"\u0041"}`, `{"\u0061":1}`, `{"a":1,"a":2}`, `{"a":"é","b":"` + "\x7f\xff" + `"}`, `{"é":1}`,
	`{"a":["x","y"],"b":["x",1],"c":["\n"],"d":[],"e":[ ],"f":[ "x" , "y" ]}`,
	``, `null`, `[]`, `{`, `}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 2}`, `{"a":[}]}`, `{"a":1}}`, `{"a":1}x`, `{a:1}`, `{"a":"b`, `{"a":"\`,
	`{"a":tru}`, `{"a":"` + "\n" + `"}`, `{"a":["x",]}`, `{"a":[,]}`, `{"a":["x" "y"]}`, `{"a":["x"}`, `{"a":"b"c}`, `{"a":""x""}`, `{"a" "b"}`,
}

// FuzzPlain: what the reader of plain JSON reads, encoding/json reads too, and
// reads the same.
func FuzzPlain(f *testing.F) {
	for _, o := range objects {
		f.Add([]byte(o))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		pairs, ok := splitPlain(nil, data)
		if !ok {
			return
		}
		valid := true
		got := map[string]json.RawMessage{}
		for _, p := range pairs {
			valid = valid && json.Valid(p.value)
			got[string(p.name)] = p.value
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); (err == nil) != valid || valid && !reflect.DeepEqual(got, want) {
			t.Fatalf("got %s, valid: %v; want %s, %v", got, valid, want, err)
		}
		for _, p := range pairs {
			sameText(t, p.value)
			sameTexts(t, p.value)
		}
	})
}

func sameText(t *testing.T, value []byte) {
	got, ok := plainText(value)
	if !ok {
		return
	}
	var want string
	if err := json.Unmarshal(value, &want); err != nil || got != want {
		t.Fatalf("%s: got %q, want %q, %v", value, got, want, err)
	}
	if again, ok := appendPlainText(nil, got); !ok || !bytes.Equal(again, value) {
		t.Fatalf("%s is written as %s", value, again)
	}
}

func sameTexts(t *testing.T, value []byte) {
	got, ok := plainTexts(value)
	if !ok {
		return
	}
	var want []string
	if err := json.Unmarshal(value, &want); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: got %q, want %q, %v", value, got, want, err)
	}
	written, ok := appendPlainTexts(nil, got)
	if encoded, err := encode(got); !ok || err != nil || !bytes.Equal(written, encoded) {
		t.Fatalf("%q is written as %s, want %s", got, written, encoded)
	}
}

// TestPlainIsUsual: what FastMCP and this program write is read without
// encoding/json.
func TestPlainIsUsual(t *testing.T) {
	t.Parallel()
	name := "Claude Code"
	written, err := EncodeClient(Client{
		ClientID: "c1", RedirectURIs: []string{"http://localhost/cb"}, ClientName: &name,
		Extra: map[string]json.RawMessage{"mcpkeep": json.RawMessage(`{"grant_types":["authorization_code"]}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		string(written), `{"__encrypted_data__":"Z0FBQUFB","__encryption_version__":1}`,
		`{"__encrypted_data__": "Z0FBQUFB", "__encryption_version__": 1}`, // PostgreSQL's spelling
	} {
		if _, ok := splitPlain(nil, []byte(text)); !ok {
			t.Errorf("left to encoding/json: %s", text)
		}
	}
}

// TestDecodeObject: as json.Unmarshal does, but for names in another case.
func TestDecodeObject(t *testing.T) {
	t.Parallel()
	type object struct {
		A string   `json:"a"`
		B []string `json:"b"`
		C int      `json:"c"`
	}
	for _, text := range append(objects, `{"a":"x","b":["y"],"c":3,"d":{}}`, `{"a":1}`, `{"b":"x"}`, `{"c":"1"}`, `{"a":null,"b":null}`) {
		var got, want object
		err := DecodeObject([]byte(text), func(name string) any {
			return map[string]any{"a": &got.A, "b": &got.B, "c": &got.C}[name]
		})
		wantErr := json.Unmarshal([]byte(text), &want)
		if text == "null" { // no object, which json.Unmarshal takes for an empty one
			wantErr = ErrCorrupted
		}
		if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v; want %+v, %v", text, got, err, want, wantErr)
		}
	}
}

func BenchmarkOpenClient(b *testing.B) {
	name := "Claude Code"
	plaintext, err := EncodeClient(Client{ClientID: "c1", RedirectURIs: []string{"http://localhost/cb"}, ClientName: &name})
	if err != nil {
		b.Fatal(err)
	}
	value, err := Seal(noCipher{}, plaintext)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := OpenClient(noCipher{}, value); err != nil {
			b.Fatal(err)
		}
	}
}

// noCipher is a cipher that does nothing.
type noCipher struct{}

func (noCipher) SealShared(plaintext []byte) (string, error) { return string(plaintext), nil }

func (noCipher) OpenShared(token []byte) ([]byte, string, error) { return token, "", nil }
