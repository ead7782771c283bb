package keyring_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// TestNothingShowsKeys prints a keyring in all the ways that programs print.
func TestNothingShowsKeys(t *testing.T) {
	t.Parallel()
	k := ring(t, specKey+","+otherKey)
	_, failure := k.Open(place, keyring.Sealed{KeyID: specKeyID, Token: specKey})
	_, bad := keyring.Parse(specKey[:43] + "!")
	type config struct {
		Keys   *keyring.Keyring
		hidden *keyring.Keyring
		value  keyring.Keyring
	}
	for name, v := range map[string]any{
		"pointer": k, "value": *k, "list": []*keyring.Keyring{k}, "values": []keyring.Keyring{*k},
		"inside": config{k, k, *k}, "pointer inside": &config{k, k, *k}, "error": failure, "parse error": bad,
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%t", "%p", "%10.3v", "%z"} {
			noKey(t, name+" with "+verb, fmt.Sprintf(verb, v))
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).InfoContext(t.Context(), "x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).InfoContext(t.Context(), "x", "v", v)
		noKey(t, name+" logged", log.String())
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		noKey(t, name+" as JSON", string(encoded))
	}
}

func TestShownAsIDs(t *testing.T) {
	t.Parallel()
	k := ring(t, specKey+","+otherKey)
	const want = "keyring(" + specKeyID + " " + otherKeyID + ")"
	for name, got := range map[string]string{
		"String": k.String(), "GoString": k.GoString(), "LogValue": k.LogValue().String(),
		"%v": fmt.Sprintf("%v", k), "%#v": fmt.Sprintf("%#v", *k), "%x": fmt.Sprintf("%x", k),
	} {
		if got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// noKey looks for a part of either half of a key, which alone signs or decrypts.
func noKey(t *testing.T, what, out string) {
	t.Helper()
	for _, text := range []string{specKey, otherKey} {
		raw, err := base64.URLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		decimals := strings.Trim(fmt.Sprintf("%d", raw), "[]")
		for _, part := range []string{
			text[:8], text[24:32], hex.EncodeToString(raw[:4]), hex.EncodeToString(raw[16:20]),
			strings.Join(strings.Fields(decimals)[:4], " "), string(raw[:4]), string(raw[16:20]),
		} {
			if strings.Contains(strings.ToLower(out), strings.ToLower(part)) {
				t.Errorf("%s shows a key: %s", what, out)
			}
		}
	}
}
