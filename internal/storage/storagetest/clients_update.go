package storagetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// renamed is client after an update of everything that an update may change.
func renamed(id string) storage.Client {
	c := client(id)
	c.Name, c.URI, c.Scope = "Renamed "+id, "", ""
	c.RedirectURIs, c.GrantTypes = []string{"https://new.example/cb"}, []string{"authorization_code"}
	c.AuthMethod, c.SecretHash = "none", ""
	c.ApplicationType, c.SoftwareID, c.SoftwareVersion = "web", "", ""
	return c
}

func updateClientReplaces(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("one")))
	k.ok(k.CreateClient(k.ctx(), client("two")))
	f := k.connect("a", "one", alice, start)
	k.ok(k.UpdateClient(k.ctx(), client("one"), renamed("one"), after(1)))
	k.sameClient(renamed("one"))
	k.sameClient(client("two"))
	k.alive(start, f)
	events, err := k.NewestEvents(k.ctx(), storage.EventFilter{Type: storage.EventClientUpdated}, 2)
	k.ok(err)
	const detail = "client_name, client_secret, client_uri, grant_types, redirect_uris, scope, token_endpoint_auth_method"
	if len(events) != 1 || events[0].ClientID != "one" || events[0].Detail != detail {
		k.Errorf("events: %+v", events)
	}
}

func updateClientChanged(k *kit) {
	k.refused("unknown", k.UpdateClient(k.ctx(), client("one"), renamed("one"), start), storage.ErrNotFound)
	k.ok(k.CreateClient(k.ctx(), client("one")))
	other := client("one")
	other.RegistrationTokenHash = storage.HashOf("another token")
	k.refused("another token", k.UpdateClient(k.ctx(), other, renamed("one"), start), storage.ErrChanged)
	k.refused("another id", k.UpdateClient(k.ctx(), client("one"), renamed("two"), start), storage.ErrChanged)
	k.ok(k.UpdateClient(k.ctx(), client("one"), renamed("one"), start))
	k.refused("of an old state", k.UpdateClient(k.ctx(), client("one"), client("one"), start), storage.ErrChanged)
	k.sameClient(renamed("one"))
	k.happened(storage.EventClientRegistered, storage.EventClientUpdated)
}

// Each racer writes a state of its own; the one that won is there.
func updateClientRace(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("raced")))
	next := func(i int) storage.Client {
		c := renamed("raced")
		c.Name = fmt.Sprint("winner ", i)
		return c
	}
	errs := race(racers, func(i int) error { return k.UpdateClient(k.ctx(), client("raced"), next(i), start) })
	k.oneWins(errs, storage.ErrChanged)
	k.sameClient(next(slices.Index(errs, nil)))
}

// An update and a deletion at once: whoever comes first, the client is gone.
func updateClientDeleted(k *kit) {
	for i := range 8 {
		id := fmt.Sprint("client", i)
		k.ok(k.CreateClient(k.ctx(), client(id)))
		errs := race(2, func(i int) error {
			if i == 0 {
				return k.DeleteClient(k.ctx(), id, start)
			}
			return k.UpdateClient(k.ctx(), client(id), renamed(id), start)
		})
		k.ok(errs[0])
		if errs[1] != nil && !errors.Is(errs[1], storage.ErrChanged) {
			k.refused("the update", errs[1], storage.ErrNotFound)
		}
		_, err := k.CurrentClient(k.ctx(), id)
		k.refused("client", err, storage.ErrNotFound)
	}
}
