package oauth

import (
	"fmt"
	"testing"
)

// TestKeySets: a key set is parsed once, and the memory has a bound.
func TestKeySets(t *testing.T) {
	t.Parallel()
	const body = `{"keys":[{"kty":"EC","crv":"P-256","kid":"%d","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`
	var sets KeySets
	first, err := sets.Parse(fmt.Sprintf(body, 0))
	again, errAgain := sets.Parse(fmt.Sprintf(body, 0))
	if err != nil || errAgain != nil || &first.keys[0] != &again.keys[0] {
		t.Errorf("parsed twice: %v, %v", err, errAgain)
	}
	for i := range 2 * maxKeySets {
		if set, err := sets.Parse(fmt.Sprintf(body, i)); err != nil || set.keys[0].KeyID != fmt.Sprint(i) {
			t.Fatal(i, err)
		}
		if len(sets.parsed) > maxKeySets {
			t.Fatalf("%d sets are remembered", len(sets.parsed))
		}
	}
	if _, err := sets.Parse("{}"); err == nil {
		t.Error("a set without keys is taken")
	}
}
