package identity

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

const (
	maxEmail     = 254 // RFC 5321 section 4.5.3.1.3, less the angle brackets
	maxLocalPart = 64
)

var (
	errEmail  = errors.New("not an email address")
	errDomain = errors.New("not a domain name")
)

// normalEmail returns the form of an address in which addresses are compared: ASCII letters
// in lower case, the domain as in DNS (RFC 5891). It refuses what two programs could read
// in two ways: quoting, comments, display names, a second "@" (or a character that
// normalizes to one), white space, control characters.
func normalEmail(s string) (string, error) {
	local, domain, ok := cutAddress(s)
	if !ok || local == "" || len(local) > maxLocalPart || len(s) > maxEmail || !utf8.ValidString(s) {
		return "", errEmail
	}
	if strings.ContainsFunc(local, unfitForEmail) || strings.ContainsRune(norm.NFKC.String(local), '@') {
		return "", errEmail
	}
	domain, err := normalDomain(domain)
	if err != nil {
		return "", errEmail
	}
	return lowerASCII(local) + "@" + domain, nil
}

// unfitForEmail reports characters that an unquoted address cannot contain (RFC 5322
// section 3.2.3, RFC 6532 section 3.2).
func unfitForEmail(r rune) bool {
	return strings.ContainsRune(`"(),:;<>@[\]`, r) || unicode.IsSpace(r) || !unicode.IsGraphic(r)
}

// strictDomain maps nothing: a look-alike letter stays a different name in punycode,
// and a full-width one is no letter of a domain at all.
var strictDomain = idna.New(idna.ValidateForRegistration(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.BidiRule())

// normalDomain returns a domain as in DNS: lower case, punycode.
func normalDomain(s string) (string, error) {
	ascii, err := strictDomain.ToASCII(lowerASCII(s))
	if err != nil || !strings.Contains(ascii, ".") || strings.HasSuffix(ascii, ".") {
		return "", errDomain
	}
	return ascii, nil
}

// domainOf is the domain of a normal address.
func domainOf(email string) string {
	_, domain, _ := cutAddress(email)
	return domain
}

// cutAddress cuts an address at its last "@".
func cutAddress(s string) (local, domain string, ok bool) {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// lowerASCII lowers A-Z and leaves every other byte alone. Unicode's own folding makes
// ASCII letters of others: a k of the Kelvin sign, an s of the long s.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
