package metadata

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// PersonalClientID is the client ID of personal tokens, which no app can have.
const PersonalClientID = "personal-token"

// Client is what a client says about itself, with defaults filled in and without
// what is not supported. Its JSON is that of RFC 7591 §2; what is empty is left out.
// A new field needs nothing else to be stored, returned to the client and named in
// events: its JSON name does that.
type Client struct {
	Name          string   `json:"client_name,omitempty"`
	URI           string   `json:"client_uri,omitempty"` // http or https
	RedirectURIs  []string `json:"redirect_uris"`        // exactly as registered
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types,omitempty"`
	// AuthMethod is the token endpoint authentication method: "none",
	// "client_secret_post", "client_secret_basic", "private_key_jwt"; or "" for a row
	// of another program that did not record one, and for a client that was
	// re-registered under its ID: then a secret is required if there is one and
	// ignored otherwise.
	AuthMethod string `json:"token_endpoint_auth_method"`
	// AuthMethods lists all methods that may be used, AuthMethod first, when a metadata
	// document names several; otherwise it is nil and AuthMethod is the only one.
	AuthMethods []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	// SigningAlg is the only algorithm accepted of private_key_jwt, "" for any.
	SigningAlg string `json:"token_endpoint_auth_signing_alg,omitempty"`
	// The keys of private_key_jwt (RFC 7523): a JSON Web Key Set, or the https URL
	// where it is fetched. At most one of them is set.
	JWKS            JSON   `json:"jwks,omitempty"`
	JWKSURI         string `json:"jwks_uri,omitempty"`
	ApplicationType string `json:"application_type,omitempty"` // "native", "web" or ""
	Scope           string `json:"scope,omitempty"`            // space-delimited; what the client registered for
	SoftwareID      string `json:"software_id,omitempty"`
	SoftwareVersion string `json:"software_version,omitempty"`
}

// HasKeys reports whether the client has keys to authenticate with.
func (c Client) HasKeys() bool { return c.JWKS != "" || c.JWKSURI != "" }

// Field returns a pointer to the field with a JSON name, nil for an unknown one.
func (c *Client) Field(name string) any {
	i, ok := fields[name]
	if !ok {
		return nil
	}
	return reflect.ValueOf(c).Elem().Field(i).Addr().Interface()
}

// Names returns the JSON names of all fields, sorted.
func Names() []string {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Changed returns the JSON names of the fields in which two values differ, sorted.
// An empty list is like none.
func Changed(a, b Client) []string {
	var names []string
	for _, name := range Names() {
		x, y := reflect.ValueOf(a).Field(fields[name]), reflect.ValueOf(b).Field(fields[name])
		if empty(x) && empty(y) || reflect.DeepEqual(x.Interface(), y.Interface()) {
			continue
		}
		names = append(names, name)
	}
	return names
}

// empty reports whether a field, which is a string or a list, has no value.
func empty(field reflect.Value) bool { return field.Len() == 0 }

// fields finds a field by its JSON name.
var fields = func() map[string]int {
	t := reflect.TypeFor[Client]()
	byName := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		byName[name] = i
	}
	return byName
}()

// JSON is a JSON value as text, "" for none.
type JSON string

// MarshalJSON returns the value.
func (j JSON) MarshalJSON() ([]byte, error) {
	if j == "" {
		return []byte("null"), nil
	}
	return []byte(j), nil
}

// UnmarshalJSON keeps the value as it is written; null is "".
func (j *JSON) UnmarshalJSON(value []byte) error {
	if *j = JSON(value); *j == "null" {
		*j = ""
	}
	return nil
}

var (
	_ json.Marshaler   = JSON("")
	_ json.Unmarshaler = (*JSON)(nil)
)
