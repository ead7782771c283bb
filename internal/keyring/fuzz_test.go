package keyring_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// FuzzOpen: without the key, only what was sealed for a place opens there, and
// only in the one spelling.
func FuzzOpen(f *testing.F) {
	k := ring(f, specKey)
	genuine := map[string]string{frozen.Token: "if this breaks, something is very wrong"}
	for _, plaintext := range []string{"", "sixteen bytes !!"} {
		genuine[fixedToken(f, place+"\x00"+plaintext)] = plaintext
	}
	for text := range genuine {
		for _, spelling := range spellings(text) {
			f.Add(place, spelling)
		}
		f.Add("oauth_users/profile/u2", text)
		f.Add(place+"\x00if this breaks, something is very wrong", text)
	}
	f.Fuzz(func(t *testing.T, where, text string) {
		opened, err := k.Open(where, keyring.Sealed{KeyID: specKeyID, Token: text})
		if err == nil {
			if want, ok := genuine[text]; !ok || where != place || string(opened) != want {
				t.Errorf("%q opens as %q at %q", text, opened, where)
			}
			return
		}
		var reason *keyring.OpenError
		if !errors.As(err, &reason) || reason.Place != where || reason.KeyID != specKeyID || opened != nil {
			t.Errorf("got %q, %#v", opened, err)
		}
		if !errors.Is(err, keyring.ErrDamaged) && !errors.Is(err, keyring.ErrMisplaced) {
			t.Errorf("got %v", err)
		}
	})
}

// FuzzOpenShared: without the key, nothing opens but what was sealed.
func FuzzOpenShared(f *testing.F) {
	k := ring(f, otherKey+","+specKey)
	plaintexts := []string{"", "sixteen bytes !!", "sixteen bytes or more"}
	for _, plaintext := range plaintexts {
		for _, spelling := range spellings(fixedToken(f, plaintext)) {
			f.Add(spelling)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		opened, keyID, err := k.OpenShared([]byte(text))
		if err == nil {
			if keyID != specKeyID || !slices.Contains(plaintexts, string(opened)) {
				t.Errorf("%q opens as %q of %s", text, opened, keyID)
			}
			return
		}
		if !errors.Is(err, keyring.ErrDamaged) || opened != nil || keyID != "" {
			t.Errorf("got %q of %q, %v", opened, keyID, err)
		}
	})
}

// fixedToken is the same in every process, so that a corpus stays useful.
func fixedToken(f *testing.F, plaintext string) string {
	f.Helper()
	return token(f, specKey, time.Unix(1_750_000_000, 0), [16]byte{1, 2, 3}, pad(plaintext))
}

func spellings(text string) []string {
	return []string{
		text, text + "!", text + "\n", text + "=AAAA", " " + text, text[:20] + "\r\n" + text[20:],
		strings.TrimRight(text, "="), text[:len(text)-4], text[:12], "",
	}
}
