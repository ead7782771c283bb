package keyring_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// frozen was sealed by the first version of this package. Databases hold such
// values: this test is never changed together with the code.
var frozen = keyring.Sealed{
	KeyID: "abfcf3c89e14de74",
	Token: "gAAAAABrBEGyIT5SQL0IEMJnVQaTco7279tLhEvfh5ivkKRNmxCKeU6j7EgwMyYKVUJhwaZeYZ0WUeJIBfPtUzRkFQ8tknVdu4VIR-3WNBZ4" +
		"-f_FlUKPCirsJqYtiqPLAwq4VsBi9rFO6JMy9i8AuRLU4gCeT0U59w==",
}

func TestFrozenCiphertext(t *testing.T) {
	t.Parallel()
	plaintext, err := ring(t, specKey).Open("oauth_users/profile/u1", frozen)
	if err != nil || string(plaintext) != "if this breaks, something is very wrong" {
		t.Fatalf("something is very wrong: %q, %v", plaintext, err)
	}
}

func TestSealOpen(t *testing.T) {
	t.Parallel()
	k := ring(t, specKey+","+otherKey)
	for _, plaintext := range []string{"", "x", "\x00", "sixteen bytes !!", strings.Repeat("long ", 20_000), "\xff\xfe"} {
		sealed := seal(t, k, place, plaintext)
		if sealed.KeyID != specKeyID {
			t.Errorf("sealed with %s, want the primary", sealed.KeyID)
		}
		opened, err := k.Open(place, sealed)
		if err != nil || string(opened) != plaintext || opened == nil {
			t.Errorf("%.20q comes back as %.20q, %v", plaintext, opened, err)
		}
		if again := seal(t, k, place, plaintext); again.Token == sealed.Token {
			t.Errorf("%.20q is sealed the same way twice", plaintext)
		}
	}
}

func TestSealRefusesPlaces(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "table/column/\x00row"} {
		if sealed, err := ring(t, specKey).Seal(bad, []byte("secret")); err == nil || sealed.Token != "" ||
			strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, %v", bad, sealed, err)
		}
	}
}

// TestOldKeyOpens is rotation: what the former primary sealed stays readable.
func TestOldKeyOpens(t *testing.T) {
	t.Parallel()
	sealed := seal(t, ring(t, specKey), place, "secret")
	rotated := ring(t, otherKey+","+specKey)
	if opened, err := rotated.Open(place, sealed); err != nil || string(opened) != "secret" {
		t.Errorf("got %q, %v", opened, err)
	}
	if again := seal(t, rotated, place, "secret"); again.KeyID != otherKeyID {
		t.Errorf("sealed with %s, want %s", again.KeyID, otherKeyID)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	k := ring(t, specKey+","+otherKey)
	sealed := seal(t, k, place, "secret") // its token ends in padding
	text := sealed.Token
	if !strings.HasSuffix(text, "=") {
		t.Fatal("this test needs a token with padding")
	}
	with := func(token string) keyring.Sealed { return keyring.Sealed{KeyID: specKeyID, Token: token} }
	for name, tc := range map[string]struct {
		place  string
		sealed keyring.Sealed
		want   error
	}{
		"rubbish behind":       {place, with(text + "!"), keyring.ErrDamaged},
		"newline behind":       {place, with(text + "\n"), keyring.ErrDamaged},
		"space behind":         {place, with(text + " "), keyring.ErrDamaged},
		"padding behind":       {place, with(text + "=AAAA"), keyring.ErrDamaged},
		"more behind":          {place, with(text + "AAAA"), keyring.ErrDamaged},
		"space in front":       {place, with(" " + text), keyring.ErrDamaged},
		"line break inside":    {place, with(text[:40] + "\r\n" + text[40:]), keyring.ErrDamaged},
		"no padding":           {place, with(strings.TrimRight(text, "=")), keyring.ErrDamaged},
		"loose bits":           {place, with(looseBits(t, text)), keyring.ErrDamaged},
		"cut by a letter":      {place, with(text[:len(text)-1]), keyring.ErrDamaged},
		"cut by a quad":        {place, with(text[:len(text)-4]), keyring.ErrDamaged},
		"only the beginning":   {place, with(text[:12]), keyring.ErrDamaged},
		"nothing":              {place, with(""), keyring.ErrDamaged},
		"one bit of the IV":    {place, with(flip(t, text, 9)), keyring.ErrDamaged},
		"one bit of the time":  {place, with(flip(t, text, 8)), keyring.ErrDamaged},
		"other version":        {place, with(flip(t, text, 0)), keyring.ErrDamaged},
		"another key's id":     {place, keyring.Sealed{KeyID: otherKeyID, Token: text}, keyring.ErrDamaged},
		"unknown id":           {place, keyring.Sealed{KeyID: "0123456789abcdef", Token: text}, keyring.ErrUnknownKey},
		"no id":                {place, keyring.Sealed{Token: text}, keyring.ErrUnknownKey},
		"another row":          {"oauth_users/profile/u2", sealed, keyring.ErrMisplaced},
		"a longer row":         {place + "0", sealed, keyring.ErrMisplaced},
		"a shorter row":        {place[:len(place)-1], sealed, keyring.ErrMisplaced},
		"another column":       {"oauth_users/password/u1", sealed, keyring.ErrMisplaced},
		"no place":             {"", sealed, keyring.ErrMisplaced},
		"place and plaintext":  {place + "\x00sec", seal(t, k, place, "sec\x00ret"), keyring.ErrMisplaced},
		"a token of no place":  {place, with(sealShared(t, k, "secret")), keyring.ErrMisplaced},
		"an empty shared one":  {place, with(sealShared(t, k, "")), keyring.ErrMisplaced},
		"place without a NUL":  {place, with(sealShared(t, k, place)), keyring.ErrMisplaced},
		"no block, but signed": {place, with(token(t, specKey, time.Now(), [16]byte{}, nil)), keyring.ErrDamaged},
		"no IV, but signed":    {place, with(signed(t, "\x80nonsense")), keyring.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened, err := k.Open(tc.place, tc.sealed)
			if !errors.Is(err, tc.want) || opened != nil {
				t.Fatalf("got %q, %v; want %v", opened, err, tc.want)
			}
			want := &keyring.OpenError{Place: tc.place, KeyID: tc.sealed.KeyID, Err: tc.want}
			var got *keyring.OpenError
			if !errors.As(err, &got) || *got != *want {
				t.Errorf("got %#v, want %#v", got, want)
			}
			if diff := cmp.Diff(fmt.Sprintf("decrypt %s (key ID %s): %v", tc.place, tc.sealed.KeyID, tc.want), err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestOpenIgnoresTheTime: a clock that was wrong once must not lock anyone out.
func TestOpenIgnoresTheTime(t *testing.T) {
	t.Parallel()
	k := ring(t, specKey)
	for _, at := range []time.Time{time.Unix(0, 0), time.Now().AddDate(100, 0, 0)} {
		text := token(t, specKey, at, [16]byte{1}, pad(place+"\x00secret"))
		if opened, err := k.Open(place, keyring.Sealed{KeyID: specKeyID, Token: text}); err != nil || string(opened) != "secret" {
			t.Errorf("sealed in %d: got %q, %v", at.Year(), opened, err)
		}
	}
}

// flip changes one bit of a token's i-th byte.
func flip(t *testing.T, text string, i int) string {
	t.Helper()
	raw, err := base64.URLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	raw[i] ^= 1
	return base64.URLEncoding.EncodeToString(raw)
}

// looseBits spells a token with another last letter that decodes to the same bytes.
func looseBits(t *testing.T, text string) string {
	t.Helper()
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	body := strings.TrimRight(text, "=")
	last := strings.IndexByte(letters, body[len(body)-1])
	changed := body[:len(body)-1] + letters[last^1:][:1] + text[len(body):]
	raw, err := base64.URLEncoding.DecodeString(changed)
	if err != nil || base64.URLEncoding.EncodeToString(raw) != text {
		t.Fatal("not the same bytes")
	}
	return changed
}

// signed gives bytes the MAC of specKey.
func signed(t *testing.T, raw string) string {
	t.Helper()
	key, err := base64.URLEncoding.DecodeString(specKey)
	if err != nil {
		t.Fatal(err)
	}
	return sign(key, []byte(raw))
}
