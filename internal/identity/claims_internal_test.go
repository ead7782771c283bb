package identity

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestClaimsOver: an address and whether it is verified come from one source.
func TestClaimsOver(t *testing.T) {
	t.Parallel()
	const first, second = "first@example.com", "second@example.com"
	for name, tt := range map[string]struct{ claims, others, want claims }{
		"none":                          {claims{}, claims{}, claims{}},
		"other claims":                  {claims{"a": 1}, claims{"a": 2, "b": 2}, claims{"a": 1, "b": 2}},
		"complete":                      {claims{"email": first, "email_verified": true}, claims{"email": second, "email_verified": false}, claims{"email": first, "email_verified": true}},
		"unverified":                    {claims{"email": first, "email_verified": false}, claims{"email": second, "email_verified": true}, claims{"email": first, "email_verified": false}},
		"address alone":                 {claims{"email": first}, claims{"email": second, "email_verified": true}, claims{"email": second, "email_verified": true}},
		"address alone, as the other":   {claims{"email": first}, claims{"email": second}, claims{"email": second}},
		"a flag without an address":     {claims{"email": first}, claims{"email_verified": true}, claims{"email": first}},
		"only the other":                {claims{}, claims{"email": second, "email_verified": true}, claims{"email": second, "email_verified": true}},
		"flag here, address there":      {claims{"email_verified": true}, claims{"email": second}, claims{"email": second}},
		"flag here, both there":         {claims{"email_verified": true}, claims{"email": second, "email_verified": false}, claims{"email": second, "email_verified": false}},
		"flags alone":                   {claims{"email_verified": true}, claims{"email_verified": true}, claims{}},
		"Microsoft's flag":              {claims{"xms_edov": true}, claims{"email": second}, claims{"email": second}},
		"Microsoft's flag, other place": {claims{"email": first, "email_verified": false}, claims{"xms_edov": true}, claims{"email": first, "email_verified": false}},
		"an address that is no text":    {claims{"email": 7, "email_verified": true}, claims{"email": second}, claims{"email": second}},
	} {
		if diff := cmp.Diff(tt.want, tt.claims.over(tt.others)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
