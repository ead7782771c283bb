package assertion_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/assertion"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestOutage: without its database a replica signs with what it knows, for half a day, and
// publishes it for longer; then it is told to wait, not that nothing is wrong.
func TestOutage(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := newReplica(&memory{}, c.now)
	r.setAway(true)
	if _, _, err := r.Keys(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("the keys before any was read: %v", err)
	}
	if _, err := r.Sign(t.Context(), claims); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("before any key was read: %v", err)
	}
	r.setAway(false)
	r.refresh(t)
	_, kid := r.sign(t)
	r.setAway(true)
	c.forward(11 * time.Hour)
	if _, again := r.sign(t); again != kid {
		t.Error("another key signs")
	}
	c.forward(2 * time.Hour)
	if _, err := r.Sign(t.Context(), claims); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("after 13 hours: %v", err)
	}
	if set := r.published(t); len(set.Key(kid)) != 1 {
		t.Error("the key is not published after 13 hours")
	}
	r.setAway(false)
	r.refresh(t)
	r.sign(t)
}

// TestKeyOfAnotherReplica: a key that is sealed with an encryption key which this replica
// lacks is not replaced: the others sign with it. One that was read before stays known.
func TestKeyOfAnotherReplica(t *testing.T) {
	t.Parallel()
	c, store := newClock(), &memory{}
	knows, lacks := newReplica(store, c.now), newReplica(store, c.now)
	_, kid := knows.sign(t)
	store.spoil(func(k *storage.SigningKey) { k.Private, k.Broken = nil, storage.ErrUnavailable })
	if _, err := lacks.Sign(t.Context(), claims); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("Sign: %v", err)
	}
	if set := lacks.published(t); len(set.Keys) != 0 {
		t.Errorf("%d keys published", len(set.Keys))
	}
	knows.refresh(t)
	if _, again := knows.sign(t); again != kid || len(store.keys) != 1 {
		t.Errorf("%d keys in the store", len(store.keys))
	}
}

// TestDamagedKeys: a key that nothing opens is replaced: immediately when no other can sign,
// otherwise in the usual time.
func TestDamagedKeys(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(*storage.SigningKey){
		"does not open": func(k *storage.SigningKey) {
			k.Private, k.Broken = nil, &storage.UnreadableError{Table: "t", Row: k.ID}
		},
		"is no key": func(k *storage.SigningKey) { k.Private = []byte("text") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, store := newClock(), &memory{}
			_, kid := newReplica(store, c.now).sign(t)
			store.spoil(damage)
			second := newReplica(store, c.now)
			token, next := second.sign(t)
			if next == kid {
				t.Fatal("the damaged key signs")
			}
			if err := verify(newReplica(store, c.now).published(t), token, c.now()); err != nil {
				t.Errorf("at another replica: %v", err)
			}
			c.forward(29 * 24 * time.Hour)
			second.refresh(t)
			store.spoil(func(k *storage.SigningKey) {
				if k.Number == 3 {
					damage(k)
				}
			})
			third := newReplica(store, c.now)
			third.refresh(t)
			if _, now := third.sign(t); now != next || len(third.published(t).Keys) != 2 {
				t.Errorf("the key that signed before signs no more, or %d keys are published", len(third.published(t).Keys))
			}
		})
	}
}

// TestWrongClock: keys that were made while the clock was years ahead do not stop the ones
// after them.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	c, store := newClock(), &memory{}
	r := newReplica(store, func() time.Time { return c.now().AddDate(10, 0, 0) })
	_, wrong := r.sign(t)
	r = newReplica(store, c.now)
	if _, kid := r.sign(t); kid != wrong {
		t.Error("no key signed, or a new one without notice")
	}
	c.forward(25 * time.Hour)
	r.refresh(t)
	if _, kid := r.sign(t); kid == wrong {
		t.Error("the first key still signs")
	}
	c.forward(25 * time.Hour)
	r.refresh(t)
	if len(store.keys) != 1 {
		t.Errorf("%d keys are kept", len(store.keys))
	}
}

// TestNotWanted: where no upstream gets assertions, no key is made, and those of other
// replicas are published.
func TestNotWanted(t *testing.T) {
	t.Parallel()
	c, store := newClock(), &memory{}
	r := newReplica(store, c.now)
	r.Wanted = func() bool { return false }
	if document, keep, err := r.Keys(t.Context()); string(document) != `{"keys":[]}` || keep != 0 || err != nil {
		t.Errorf("without keys: %s, %v, %v", document, keep, err)
	}
	_, kid := newReplica(store, c.now).sign(t)
	other := newReplica(store, c.now)
	other.Wanted = r.Wanted
	if _, keep, _ := other.Keys(t.Context()); len(other.published(t).Key(kid)) != 1 || keep != assertion.CacheFor {
		t.Error("the key of another replica is not published")
	}
	if len(store.keys) != 1 {
		t.Errorf("%d keys were made", len(store.keys))
	}
}
