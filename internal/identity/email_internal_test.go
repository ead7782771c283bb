package identity

import (
	"strings"
	"testing"
)

func TestNormalEmail(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"alice@example.com":                      "alice@example.com",
		"Alice.B+Tag@EXAMPLE.com":                "alice.b+tag@example.com",
		"o'brien@sub.example.com":                "o'brien@sub.example.com",
		"jos\u00e9@example.com":                  "jos\u00e9@example.com",
		"alice@b\u00fccher.example":              "alice@xn--bcher-kva.example",
		"alice@xn--bcher-kva.example":            "alice@xn--bcher-kva.example",
		"alice@\u0435xample.com":                 "alice@xn--xample-2of.com", // Cyrillic e: another domain
		"alice@exam\u0440le.com":                 "alice@xn--examle-erf.com", // Cyrillic er
		"\u212aate@example.com":                  "\u212aate@example.com",    // Kelvin sign: not kate
		"alice@\uff45xample.com":                 "",                         // full width
		"alice@example\u3002com":                 "",                         // ideographic full stop
		"alice@example.com.":                     "",
		"alice@localhost":                        "",
		"alice@b\u00dcCHER.example":              "",
		"alice@exa\u00admple.com":                "", // soft hyphen
		"alice@exa\u200dmple.com":                "",
		"alice\uff20example.com":                 "", // Unicode's other @
		"alice\ufe6bexample.com":                 "", // and the small one
		"mallory@evil\uff20example.co":           "", // in a domain
		"mallory\uff20x@example.com":             "", // in a local part
		"a@b@example.com":                        "",
		`"alice@evil.com"@example.com`:           "",
		"Alice <alice@example.com>":              "",
		"alice@example.com,b@evil.com":           "",
		"alice @example.com":                     "",
		"alice\n@example.com":                    "",
		"alice\u2028@example.com":                "",
		"alice\x00@example.com":                  "",
		"al\xffice@example.com":                  "",
		"alice@[127.0.0.1]":                      "",
		"alice@-example.com":                     "",
		"alice@exa_mple.com":                     "",
		"alice@":                                 "",
		"@example.com":                           "",
		"alice":                                  "",
		"":                                       "",
		strings.Repeat("a", 65) + "@example.com": "",
		"a@" + strings.Repeat("b.", 130) + "com": "",
		"a@" + strings.Repeat("b", 64) + ".com":  "",
	} {
		got, err := normalEmail(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; want %q", in, got, err, want)
		}
	}
}
