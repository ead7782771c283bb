package keyring_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spec string
		want []string
	}{
		"one key":           {specKey, []string{specKeyID}},
		"two keys":          {specKey + "," + otherKey, []string{specKeyID, otherKeyID}},
		"the other order":   {otherKey + "," + specKey, []string{otherKeyID, specKeyID}},
		"white space":       {"\t" + specKey + " ,\r\n " + otherKey + "\n", []string{specKeyID, otherKeyID}},
		"standard alphabet": {strings.NewReplacer("-", "+", "_", "/").Replace(specKey), []string{specKeyID}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := ring(t, tc.spec)
			if diff := cmp.Diff(tc.want, k.IDs()); diff != "" {
				t.Error(diff)
			}
			if k.Primary() != tc.want[0] {
				t.Errorf("the primary is %s, want %s", k.Primary(), tc.want[0])
			}
			for _, id := range tc.want {
				if !k.Has(id) {
					t.Errorf("%s is not in the ring", id)
				}
			}
			if k.Has("0000000000000000") || k.Has("") {
				t.Error("an unknown key is in the ring")
			}
		})
	}
}

func TestNoKey(t *testing.T) {
	t.Parallel()
	k := new(keyring.Keyring)
	if k.Primary() != "" || len(k.IDs()) != 0 || k.Has(specKeyID) {
		t.Errorf("a ring without keys: primary %q, ids %v", k.Primary(), k.IDs())
	}
	if _, err := k.Open(place, seal(t, ring(t, specKey), place, "x")); !errors.Is(err, keyring.ErrUnknownKey) {
		t.Errorf("open: %v", err)
	}
	if _, _, err := k.OpenShared([]byte(sealShared(t, ring(t, specKey), "x"))); !errors.Is(err, keyring.ErrDamaged) {
		t.Errorf("open shared: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	short := base64.URLEncoding.EncodeToString(make([]byte, 31))
	for name, tc := range map[string]struct{ spec, want string }{
		"nothing":          {"", "no encryption key configured"},
		"white space only": {" \n", "no encryption key configured"},
		"an empty key":     {specKey + ",", "encryption key 2: 0 characters long; want the 44 of a Fernet key"},
		"no padding":       {strings.TrimRight(specKey, "="), "encryption key 1: without padding; append the = that makes it 44 characters long"},
		"two in one":       {specKey + " " + otherKey, "encryption key 1: has white space inside; separate keys by commas"},
		"hexadecimal":      {strings.Repeat("0f", 32), "encryption key 1: in hexadecimal; want 32 bytes in URL-safe base64, as `mcpkeep keys generate` prints them"},
		"31 bytes":         {otherKey + "," + short, "encryption key 2: not a Fernet key; want 32 bytes in URL-safe base64 with padding"},
		"33 bytes":         {otherKey + "," + strings.Repeat("A", 44), "encryption key 2: not a Fernet key; want 32 bytes in URL-safe base64 with padding"},
		"not base64":       {"!" + specKey[1:], "encryption key 1: has characters that are not in the alphabet of URL-safe base64: letters, digits, - and _"},
		"a line break":     {specKey[:20] + "\n" + specKey[21:], "encryption key 1: has white space inside; separate keys by commas"},
		"truncated":        {specKey[:30], "encryption key 1: 30 characters long; want the 44 of a Fernet key"},
		"in quotes":        {`"` + specKey + `"`, "encryption key 1: in quotes; leave them out"},
		"list in quotes":   {"'" + specKey + "," + otherKey + "'", "encryption key 1: in quotes; leave them out"},
		"bytes of Python":  {"b'" + specKey + "'", "encryption key 1: written as Python's bytes, b'…'; leave out the b and the quotes"},
		"list of JSON":     {`["` + specKey + `"]`, "encryption key 1: in brackets; separate keys by commas only"},
		"twice":            {otherKey + "," + specKey + "," + otherKey, "encryption key 3: the same as key 1"},
		"twice, in two spellings": {
			specKey + "," + strings.NewReplacer("-", "+", "_", "/").Replace(specKey), "encryption key 2: the same as key 1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, err := keyring.Parse(tc.spec)
			if err == nil {
				t.Fatalf("got %v, want an error", k)
			}
			if err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	first, second := keyring.Generate(), keyring.Generate()
	if first == second {
		t.Error("the same key twice")
	}
	if k := ring(t, first+","+second); len(k.IDs()) != 2 {
		t.Errorf("got %v", k)
	}
}
