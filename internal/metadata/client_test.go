package metadata_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
)

// filled is a client with a value in every field.
func filled(t *testing.T) metadata.Client {
	t.Helper()
	var c metadata.Client
	for _, name := range metadata.Names() {
		switch f := c.Field(name).(type) {
		case *string:
			*f = "value of " + name
		case *[]string:
			*f = []string{"value of " + name}
		case *metadata.JSON:
			*f = `{"keys":[]}`
		default:
			t.Fatalf("%s is a %T", name, f)
		}
	}
	if v := reflect.ValueOf(c); v.NumField() != len(metadata.Names()) {
		t.Fatalf("%d fields, %d names", v.NumField(), len(metadata.Names()))
	}
	return c
}

func TestJSON(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]metadata.Client{
		"empty": {RedirectURIs: []string{}, GrantTypes: []string{}}, "filled": filled(t),
	} {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got metadata.Client
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Every field is found by the name that it has in JSON.
func TestField(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(filled(t))
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		t.Fatal(err)
	}
	var got metadata.Client
	for name, value := range members {
		if err := json.Unmarshal(value, got.Field(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(filled(t), got); diff != "" {
		t.Errorf("client (-want +got):\n%s", diff)
	}
	if f := got.Field("client_secret"); f != nil {
		t.Errorf("client_secret is a %T, want nil", f)
	}
}

// A change of any one field is named.
func TestChanged(t *testing.T) {
	t.Parallel()
	for _, name := range metadata.Names() {
		was, is := filled(t), filled(t)
		switch f := is.Field(name).(type) {
		case *string:
			*f = "other"
		case *[]string:
			*f = append(*f, "other")
		case *metadata.JSON:
			*f = "{}"
		}
		if diff := cmp.Diff([]string{name}, metadata.Changed(was, is)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	a, b := metadata.Client{}, metadata.Client{GrantTypes: []string{}}
	if got := metadata.Changed(a, b); got != nil {
		t.Errorf("an empty list and none: %v", got)
	}
}
