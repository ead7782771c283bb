package keyring_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

func TestSealOpenShared(t *testing.T) {
	t.Parallel()
	k := ring(t, specKey+","+otherKey)
	for _, plaintext := range []string{"", "x", "sixteen bytes !!", "\x00\xff"} {
		opened, keyID, err := k.OpenShared([]byte(sealShared(t, k, plaintext)))
		if err != nil || string(opened) != plaintext || opened == nil || keyID != specKeyID {
			t.Errorf("%q comes back as %q of %s, %v", plaintext, opened, keyID, err)
		}
	}
}

func TestOpenSharedTriesEveryKey(t *testing.T) {
	t.Parallel()
	k := ring(t, otherKey+","+specKey)
	for id, only := range map[string]string{specKeyID: specKey, otherKeyID: otherKey} {
		opened, keyID, err := k.OpenShared([]byte(sealShared(t, ring(t, only), "secret")))
		if err != nil || string(opened) != "secret" || keyID != id {
			t.Errorf("got %q of %s, %v; want it of %s", opened, keyID, err, id)
		}
	}
	opened, keyID, err := ring(t, otherKey).OpenShared([]byte(sealShared(t, ring(t, specKey), "secret")))
	if !errors.Is(err, keyring.ErrDamaged) || opened != nil || keyID != "" {
		t.Errorf("without the key: got %q of %q, %v", opened, keyID, err)
	}
}

// vector is one of the Fernet specification's. Its ttl_sec is not used: sealed
// values have no age limit.
type vector struct {
	Desc   string
	Token  string
	Now    time.Time
	IV     [16]byte
	Src    string
	Secret string
}

func vectors(t *testing.T, name string) []vector {
	t.Helper()
	var list []vector
	readJSON(t, name, &list)
	if len(list) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return list
}

// TestSpecificationGenerate: the tests' own way of making tokens is the
// specification's, and its tokens open.
func TestSpecificationGenerate(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "generate.json") {
		if made := token(t, v.Secret, v.Now, v.IV, pad(v.Src)); made != v.Token {
			t.Errorf("made %s, want %s", made, v.Token)
		}
		wantOpen(t, v.Secret, v.Token, v.Src)
	}
}

func TestSpecificationVerify(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "verify.json") {
		wantOpen(t, v.Secret, v.Token, v.Src)
	}
}

func wantOpen(t *testing.T, key, token, plaintext string) {
	t.Helper()
	if opened, _, err := ring(t, key).OpenShared([]byte(token)); err != nil || string(opened) != plaintext {
		t.Errorf("%s: got %q, %v; want %q", token, opened, err, plaintext)
	}
}

func TestSpecificationInvalid(t *testing.T) {
	t.Parallel()
	// Invalid for their time alone, which is not looked at. They hold nothing.
	tooOldOrYoung := map[string]bool{"far-future TS (unacceptable clock skew)": true, "expired TTL": true}
	for _, v := range vectors(t, "invalid.json") {
		if tooOldOrYoung[v.Desc] {
			wantOpen(t, v.Secret, v.Token, "")
			continue
		}
		k := ring(t, v.Secret)
		if opened, _, err := k.OpenShared([]byte(v.Token)); !errors.Is(err, keyring.ErrDamaged) || opened != nil {
			t.Errorf("%s: shared: got %q, %v", v.Desc, opened, err)
		}
		sealed := keyring.Sealed{KeyID: k.Primary(), Token: v.Token}
		if opened, err := k.Open(place, sealed); !errors.Is(err, keyring.ErrDamaged) || opened != nil {
			t.Errorf("%s: got %q, %v", v.Desc, opened, err)
		}
	}
}

// TestPython compares with a recording of Python's cryptography: its tokens open,
// and the spellings that it takes are the ones that are taken here.
func TestPython(t *testing.T) {
	t.Parallel()
	var recorded struct {
		Keys   string
		Tokens []struct {
			Plaintext   string
			Fernet      string
			MultiFernet string
			Spellings   []struct {
				Name  string
				Token string
				Opens bool
			}
		}
	}
	readJSON(t, "python.json", &recorded)
	k := ring(t, recorded.Keys)
	if len(recorded.Tokens) != 3 {
		t.Fatalf("%d tokens are recorded, want 3", len(recorded.Tokens))
	}
	for _, r := range recorded.Tokens {
		for token, key := range map[string]string{r.Fernet: specKeyID, r.MultiFernet: otherKeyID} {
			if opened, id, err := k.OpenShared([]byte(token)); err != nil || string(opened) != r.Plaintext || id != key {
				t.Errorf("%q comes as %q of %s, %v", r.Plaintext, opened, id, err)
			}
		}
		for _, s := range r.Spellings {
			opened, _, err := k.OpenShared([]byte(s.Token))
			if opens := err == nil; opens != s.Opens {
				t.Errorf("%q, %s: opens %t, in Python %t", r.Plaintext, s.Name, opens, s.Opens)
			}
			if err == nil && string(opened) != r.Plaintext {
				t.Errorf("%q, %s: got %q", r.Plaintext, s.Name, opened)
			}
		}
	}
}

func TestOpenSharedRefusesSignedRubbish(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no block": token(t, specKey, time.Now(), [16]byte{}, nil),
		"no IV":    signed(t, "\x80nonsense"),
		"nothing":  signed(t, ""),
	} {
		if opened, _, err := ring(t, specKey).OpenShared([]byte(text)); !errors.Is(err, keyring.ErrDamaged) || opened != nil {
			t.Errorf("%s: got %q, %v", name, opened, err)
		}
	}
}
