package identity

import "crypto/rand"

// Local is the provider with a single user, the owner, who signs in with a password. The
// form is on our own pages, and the caller stores the hash.
type Local struct{}

var _ Provider = Local{}

const local = "local"

// Name implements Provider.
func (Local) Name() string { return local }

// Title implements Provider.
func (Local) Title() string { return "local password" }

// Issuer implements Provider.
func (Local) Issuer() string { return local }

// Person is the provider's only user: anyone who knows the password. The password is the
// permission, so no Policy applies.
func (Local) Person() Person {
	return Person{Issuer: local, Subject: "owner", Login: "owner", Name: "Owner"}
}

// passwordAlphabet omits i, l, o, 0 and 1, which look alike in many typefaces, and
// capitals, which are a nuisance to type.
const passwordAlphabet = "abcdefghjkmnpqrstuvwxyz23456789"

// GeneratePassword returns a random password in four groups of five small letters
// and digits, such as "h7kqm-2xwpd-…": 99 bits, easy to read aloud and to type.
func GeneratePassword() string {
	const groups, size = 4, 5
	out := make([]byte, 0, groups*(size+1))
	for i := range groups * size {
		if i > 0 && i%size == 0 {
			out = append(out, '-')
		}
		out = append(out, passwordAlphabet[randomIndex(len(passwordAlphabet))])
	}
	return string(out)
}

// randomIndex returns a uniform number below n, which is at most 256. It discards bytes
// above the largest multiple of n: using them would favor the alphabet's first characters.
func randomIndex(n int) int {
	var b [1]byte
	for {
		_, _ = rand.Read(b[:]) // never fails: it ends the process instead
		if v := int(b[0]); v < 256-256%n {
			return v % n
		}
	}
}
