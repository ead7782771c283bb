package identity

import "crypto/rand"

// LocalIssuer is the Person.Issuer of the local owner.
const LocalIssuer = "local"

// LocalPerson is the one person of the local provider: whoever knows the password.
// The password is the permission, so no Policy needs to be asked.
func LocalPerson() Person {
	return Person{Issuer: LocalIssuer, Subject: "owner", Login: "owner", Name: "Owner"}
}

// passwordAlphabet has no i, l, o, 0 and 1, which look alike in many typefaces,
// and no capitals, which are a nuisance to type.
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

// randomIndex returns a uniform number below n, which is at most 256. Bytes above
// the largest multiple of n are thrown away: folding them in would favour the
// alphabet's first characters.
func randomIndex(n int) int {
	var b [1]byte
	for {
		_, _ = rand.Read(b[:]) // never fails: it ends the process instead
		if v := int(b[0]); v < 256-256%n {
			return v % n
		}
	}
}
