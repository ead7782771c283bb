package assertion_test

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// held is a set of keys that someone fetched at a time.
type held struct {
	at  time.Time
	set *jose.JSONWebKeySet
}

// TestRotation: for 100 days, three replicas that reach the database at different moments
// sign with keys that each of them publishes, as does any set that was fetched within the
// hour before, or will be while the assertion is valid.
func TestRotation(t *testing.T) {
	t.Parallel()
	const step, days = time.Hour, 100
	c, store := newClock(), &memory{}
	began := c.now()
	var replicas []replica
	for range 3 {
		r := newReplica(store, c.now)
		r.refresh(t)
		replicas = append(replicas, r)
	}
	var sets []held
	var last []string                   // keys of the assertions a step ago
	signed := map[string]time.Time{}    // the first signature of each key
	published := map[string]time.Time{} // since when all sets have it
	for i := 0; c.now().Sub(began) < days*24*time.Hour; i++ {
		now := c.now()
		for n, r := range replicas {
			opens := i%(3+2*n) == 0 // each 3, 5 and 7 hours
			r.setAway(!opens)
			if opens {
				r.refresh(t)
			}
		}
		var fresh []held
		for _, r := range replicas {
			fresh = append(fresh, held{now, r.published(t)})
		}
		sets = append(sets, fresh...)
		for now.Sub(sets[0].at) > time.Hour {
			sets = sets[1:]
		}
		for _, key := range store.keys {
			if _, ok := published[key.ID]; !ok && all(fresh, key.ID) {
				published[key.ID] = now
			}
		}
		for _, kid := range last {
			if !all(fresh, kid) {
				t.Fatalf("%v after the start: the key of an assertion is gone while that is valid", now.Sub(began))
			}
		}
		last = nil
		for _, r := range replicas {
			token, kid := r.sign(t)
			last = append(last, kid)
			if _, ok := signed[kid]; !ok {
				signed[kid] = now
				if lead := now.Sub(published[kid]); !now.Equal(began) && (lead < time.Hour || published[kid].IsZero()) {
					t.Errorf("a key signs %v after all replicas published it", lead)
				}
			}
			for _, h := range sets {
				if len(h.set.Key(kid)) != 1 {
					t.Fatalf("%v after the start: the key of an assertion is not in a set fetched %v before", now.Sub(began), now.Sub(h.at))
				}
			}
			if err := verify(fresh[i%3].set, token, now); err != nil {
				t.Fatal(err)
			}
		}
		if len(store.keys) > 3 {
			t.Fatalf("%d keys are kept", len(store.keys))
		}
		c.forward(step)
	}
	if len(signed) != 4 { // from days 0, 30, 60 and 90
		t.Errorf("%d keys signed in %d days", len(signed), days)
	}
	for kid, first := range signed {
		if late := first.Sub(began) % (30 * 24 * time.Hour); late > 8*time.Hour {
			t.Errorf("key %s began to sign %v late", kid, late)
		}
	}
}

// all reports whether all sets have a key.
func all(sets []held, kid string) bool {
	for _, h := range sets {
		if len(h.set.Key(kid)) == 0 {
			return false
		}
	}
	return true
}

// TestEndedKey: a key is published while something that it signed may be valid, and not
// forever.
func TestEndedKey(t *testing.T) {
	t.Parallel()
	c, store := newClock(), &memory{}
	r := newReplica(store, c.now)
	_, first := r.sign(t)
	for range 29*24 + 1 {
		c.forward(time.Hour)
	}
	r.refresh(t) // makes the next key
	c.forward(23 * time.Hour)
	if _, kid := r.sign(t); kid != first {
		t.Error("the second key signs before its time")
	}
	c.forward(time.Hour)
	r.refresh(t)
	_, second := r.sign(t)
	if second == first {
		t.Fatal("the first key still signs")
	}
	c.forward(time.Hour)
	if set := r.published(t); len(set.Key(first)) != 1 {
		t.Error("the first key is gone an hour after its last signature")
	}
	c.forward(23*time.Hour + time.Second)
	if set := r.published(t); len(set.Key(first)) != 0 || len(set.Keys) != 1 || len(store.keys) != 1 {
		t.Errorf("a day later, %d keys are published and %d stored", len(set.Keys), len(store.keys))
	}
}
