package identity

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func FuzzNormalEmail(f *testing.F) {
	for _, seed := range []string{"alice@example.com", "a@b\u00fccher.example", "a\uff20b@c.example", `"a@b"@c.example`, "a@xn--bcher-kva.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		email, err := normalEmail(in)
		if err != nil {
			return
		}
		if again, err := normalEmail(email); err != nil || again != email {
			t.Errorf("%q becomes %q and then %q, %v", in, email, again, err)
		}
		domain := domainOf(email)
		if strings.Count(email, "@") != 1 || strings.ContainsFunc(domain, func(r rune) bool { return r > 0x7e || r <= ' ' || 'A' <= r && r <= 'Z' }) {
			t.Errorf("%q becomes %q", in, email)
		}
	})
}

// FuzzClaims reads a person from whatever a provider may say. No one has a login that
// looks like an address unless it is the verified one.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{"sub":"1","preferred_username":"boss@example.com","email":"a@b.example","email_verified":"true","groups":["/a",7,{}]}`,
		`{"sub":7,"email":["a"],"email_verified":1,"groups":{"a":{}},"_claim_names":{"groups":"src"},"hd":{}}`,
		`{"sub":"1","groups":"a","realm_access":{"roles":[null]},"name":null}`,
	} {
		f.Add(seed)
	}
	o := &OIDC{id: "https://op.example.com", issuer: &url.URL{Scheme: "https", Host: "op.example.com"}, config: OIDCConfig{Groups: true}}
	p := &provider{}
	f.Fuzz(func(t *testing.T, text string) {
		var said claims
		if json.Unmarshal([]byte(text), &said) != nil {
			return
		}
		who := o.personOf(p, said)
		if who.EmailVerified {
			if email, err := normalEmail(who.Email); err != nil || email != who.Email {
				t.Errorf("verified: %q", who.Email)
			}
		}
		if strings.Contains(who.Login, "@") && who.Login != who.Subject && (!who.EmailVerified || who.Login != who.Email) {
			t.Errorf("login %q", who.Login)
		}
		var kept claims
		if err := json.Unmarshal([]byte(o.keep(family{}, said)), &kept); err != nil {
			t.Fatal(err)
		}
		if again := o.personOf(p, kept); again.Label() != who.Label() || again.EmailVerified != who.EmailVerified || len(again.Groups) != len(who.Groups) {
			t.Errorf("%v was kept as %v", who, again)
		}
	})
}
