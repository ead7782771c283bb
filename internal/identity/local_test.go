package identity_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

func TestHashPassword(t *testing.T) {
	t.Parallel()
	const password = "correct horse battery staple"
	first, err := identity.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := regexp.MatchString(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, first); !ok {
		t.Errorf("not a PHC string: %s", first)
	}
	if second, err := identity.HashPassword(password); err != nil || second == first {
		t.Errorf("the salt repeats: %v", err)
	}
	for attempt, want := range map[string]bool{
		password: true, password + " ": false, strings.ToUpper(password): false, "": false, password[:27]: false,
		password + "\x00": false, strings.Repeat("x", 1025): false,
	} {
		if got, err := identity.VerifyPassword(first, attempt); err != nil || got != want {
			t.Errorf("VerifyPassword(%.40q) is %v, %v", attempt, got, err)
		}
	}
}

func TestHashPasswordRefuses(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"", strings.Repeat("hush", 257)} {
		if h, err := identity.HashPassword(password); err == nil || h != "" || strings.Contains(err.Error(), "hush") {
			t.Errorf("%d bytes: %q, %v", len(password), h, err)
		}
	}
	if _, err := identity.HashPassword(strings.Repeat("x", 1024)); err != nil {
		t.Error(err)
	}
}

// TestVerifyForeignHash uses a vector of the reference implementation, with other
// parameters than ours.
func TestVerifyForeignHash(t *testing.T) {
	t.Parallel()
	const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for password, want := range map[string]bool{"password": true, "Password": false} {
		if got, err := identity.VerifyPassword(phc, password); err != nil || got != want {
			t.Errorf("VerifyPassword(%q) is %v, %v", password, got, err)
		}
	}
}

func TestVerifyPasswordRefusesHashes(t *testing.T) {
	t.Parallel()
	const salt, key = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	cost := func(c string) string { return "$argon2id$v=19$" + c + "$" + salt + "$" + key }
	long := strings.Repeat("A", 88) // 66 bytes
	tests := map[string]string{
		"empty":               "",
		"plain text":          "password",
		"argon2i":             strings.Replace(cost("m=64,t=2,p=1"), "argon2id", "argon2i", 1),
		"argon2d":             strings.Replace(cost("m=64,t=2,p=1"), "argon2id", "argon2d", 1),
		"bcrypt":              "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"version 16":          strings.Replace(cost("m=64,t=2,p=1"), "v=19", "v=16", 1),
		"no version":          strings.Replace(cost("m=64,t=2,p=1"), "$v=19", "", 1),
		"no dollar":           cost("m=64,t=2,p=1")[1:],
		"text in front":       "x" + cost("m=64,t=2,p=1"),
		"more behind":         cost("m=64,t=2,p=1") + "$x",
		"line break behind":   cost("m=64,t=2,p=1") + "\n",
		"line break in key":   strings.Replace(cost("m=64,t=2,p=1"), "CTFh", "CT\nFh", 1),
		"other order":         cost("t=2,m=64,p=1"),
		"no lanes":            cost("m=64,t=2"),
		"more parameters":     cost("m=64,t=2,p=1,keyid=1"),
		"zero memory":         cost("m=0,t=2,p=1"),
		"zero passes":         cost("m=64,t=0,p=1"),
		"zero lanes":          cost("m=64,t=2,p=0"),
		"negative":            cost("m=-64,t=2,p=1"),
		"sign":                cost("m=+64,t=2,p=1"),
		"leading zero":        cost("m=064,t=2,p=1"),
		"space":               cost("m= 64,t=2,p=1"),
		"hexadecimal":         cost("m=0x40,t=2,p=1"),
		"underscore":          cost("m=6_4,t=2,p=1"),
		"too little memory":   cost("m=31,t=2,p=4"),
		"4 TiB":               cost("m=4294967295,t=2,p=1"),
		"just too much":       cost("m=262145,t=2,p=1"),
		"beyond 32 bits":      cost("m=4294967360,t=2,p=1"),
		"beyond 64 bits":      cost("m=18446744073709551680,t=2,p=1"),
		"endless passes":      cost("m=64,t=4294967295,p=1"),
		"just too many":       cost("m=64,t=17,p=1"),
		"lanes beyond 8 bits": cost("m=8192,t=2,p=257"),
		"many lanes":          cost("m=8192,t=2,p=17"),
		"no salt":             "$argon2id$v=19$m=64,t=2,p=1$$" + key,
		"short salt":          "$argon2id$v=19$m=64,t=2,p=1$c29tZXM$" + key,
		"long salt":           "$argon2id$v=19$m=64,t=2,p=1$" + long + "$" + key,
		"no key":              "$argon2id$v=19$m=64,t=2,p=1$" + salt + "$",
		"short key":           "$argon2id$v=19$m=64,t=2,p=1$" + salt + "$CTFhFdXPJO0",
		"long key":            "$argon2id$v=19$m=64,t=2,p=1$" + salt + "$" + long,
		"padding":             "$argon2id$v=19$m=64,t=2,p=1$" + salt + "=$" + key,
		"URL alphabet":        "$argon2id$v=19$m=64,t=2,p=1$" + salt + "$" + strings.Replace(key, "C", "_", 1),
		"loose last bits":     "$argon2id$v=19$m=64,t=2,p=1$" + salt + "$" + key[:42] + "d",
	}
	for name, phc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			ok, err := identity.VerifyPassword(phc, "password")
			if ok || !errors.Is(err, identity.ErrPasswordHash) || strings.Contains(err.Error(), key[:8]) {
				t.Errorf("%v, %v", ok, err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	// The bounds themselves are fine.
	if ok, err := identity.VerifyPassword(cost("m=128,t=16,p=16"), "password"); ok || err != nil {
		t.Errorf("allowed parameters: %v, %v", ok, err)
	}
}

func TestGeneratePassword(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^([a-hj-km-np-z2-9]{5}-){3}[a-hj-km-np-z2-9]{5}$`)
	const passwords = 5000
	seen, count := map[string]bool{}, map[rune]int{}
	for range passwords {
		p := identity.GeneratePassword()
		if !form.MatchString(p) || seen[p] {
			t.Fatalf("%q is malformed or repeats", p)
		}
		seen[p] = true
		for _, c := range strings.ReplaceAll(p, "-", "") {
			count[c]++
		}
	}
	// 31 characters, each 3226 times on average with a deviation of 56: eight
	// deviations do not happen, a biased choice is beyond that.
	for c, n := range count {
		if mean := passwords * 20 / 31; n < mean-448 || n > mean+448 {
			t.Errorf("%c occurs %d times, %d on average", c, n, mean)
		}
	}
	if len(count) != 31 {
		t.Errorf("%d different characters", len(count))
	}
}

func TestLocalPerson(t *testing.T) {
	t.Parallel()
	want := identity.Person{Issuer: "local", Subject: "owner", Login: "owner", Name: "Owner"}
	if diff := cmp.Diff(want, identity.Local{}.Person()); diff != "" {
		t.Errorf("local person (-want +got):\n%s", diff)
	}
}

func ExampleHashPassword() {
	password := identity.GeneratePassword()
	hash, err := identity.HashPassword(password)
	if err != nil {
		panic(err)
	}
	ok, err := identity.VerifyPassword(hash, password)
	fmt.Println(ok, err)
	// Output: true <nil>
}
