package repotest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
)

// Now is when the tests happen.
var Now = time.Unix(1_800_000_000, 0).UTC()

// Ring parses keys, the first of which seals.
func Ring(t testing.TB, keys ...string) *keyring.Keyring {
	t.Helper()
	r, err := keyring.Parse(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Open is a store over d whose keys are on record.
func Open(t testing.TB, d *db.DB, keys ...string) *repo.Repo {
	t.Helper()
	r := repo.New(d, Ring(t, keys...))
	if err := r.CheckKeys(t.Context(), Now); err != nil {
		t.Fatal(err)
	}
	return r
}

// KeyID is the id of one key.
func KeyID(t testing.TB, key string) string {
	t.Helper()
	return Ring(t, key).Primary()
}

// CheckKeys runs CheckKeys with these keys.
func CheckKeys(t testing.TB, d *db.DB, keys ...string) error {
	t.Helper()
	return repo.New(d, Ring(t, keys...)).CheckKeys(t.Context(), Now)
}

// OnRecord checks which keys are on record, in any order.
func OnRecord(t testing.TB, d *db.DB, keys ...string) {
	t.Helper()
	want := make([]string, len(keys))
	for i, key := range keys {
		want[i] = KeyID(t, key)
	}
	got, err := sealed.KeysOnRecord(t.Context(), d)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("keys on record: %v (-want +got):\n%s", err, diff)
	}
}

// Refused checks that err is ErrKey, names each id and shows no key.
func Refused(t testing.TB, err error, ids, keys []string) {
	t.Helper()
	if !errors.Is(err, sealed.ErrKey) {
		t.Fatalf("CheckKeys = %v, want ErrKey", err)
	}
	for _, id := range ids {
		if !strings.Contains(err.Error(), id) {
			t.Errorf("%q does not name key %s", err, id)
		}
	}
	for _, key := range keys {
		if strings.Contains(err.Error(), key) {
			t.Errorf("%q shows a key", err)
		}
	}
}

// Tally counts equal lines of all outputs.
func Tally(outputs []string) map[string]int {
	counts := map[string]int{}
	for _, out := range outputs {
		for line := range strings.SplitSeq(out, "\n") {
			counts[line]++
		}
	}
	return counts
}
