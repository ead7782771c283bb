package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
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

func updateClientReplaces(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("one")))
	s.ok(s.CreateClient(s.ctx(), client("two")))
	f := s.connect("a", "one", alice, start)
	s.ok(s.UpdateClient(s.ctx(), client("one"), renamed("one"), after(1)))
	s.sameClient(renamed("one"))
	s.sameClient(client("two"))
	s.alive(start, f)
	events, err := s.NewestEvents(s.ctx(), storage.EventFilter{Type: storage.EventClientUpdated}, 2)
	s.ok(err)
	const detail = "application_type, client_name, client_secret, client_uri, grant_types, redirect_uris, scope, " +
		"software_id, software_version, token_endpoint_auth_method"
	if len(events) != 1 || events[0].ClientID != "one" || events[0].Detail != detail {
		s.Errorf("events: %+v", events)
	}
}

// An update of one field names it in the event.
func updateClientNamesFields(s *suite) {
	is := client("one")
	s.ok(s.CreateClient(s.ctx(), is))
	for i, name := range metadata.Names() {
		next := is
		switch field := next.Field(name).(type) {
		case *string:
			*field += "2"
		case *[]string:
			*field = append(slices.Clone(*field), "new")
		case *metadata.JSON:
			*field = `{"keys":[]}`
		default:
			s.Fatalf("%s is a %T", name, field)
		}
		if name == "response_types" {
			continue // rows hold the only one there is, as FastMCP's do
		}
		s.ok(s.UpdateClient(s.ctx(), is, next, after(time.Duration(i)*time.Second)))
		events, err := s.NewestEvents(s.ctx(), storage.EventFilter{Type: storage.EventClientUpdated}, 1)
		s.ok(err)
		if len(events) != 1 || events[0].Detail != name {
			s.Errorf("%s: events: %+v", name, events)
		}
		is = next
	}
	s.sameClient(is)
}

func updateClientChanged(s *suite) {
	s.refused("unknown", s.UpdateClient(s.ctx(), client("one"), renamed("one"), start), storage.ErrNotFound)
	s.ok(s.CreateClient(s.ctx(), client("one")))
	other := client("one")
	other.RegistrationTokenHash = storage.HashOf("another token")
	s.refused("another token", s.UpdateClient(s.ctx(), other, renamed("one"), start), storage.ErrChanged)
	s.refused("another id", s.UpdateClient(s.ctx(), client("one"), renamed("two"), start), storage.ErrChanged)
	s.ok(s.UpdateClient(s.ctx(), client("one"), renamed("one"), start))
	s.refused("of an old state", s.UpdateClient(s.ctx(), client("one"), client("one"), start), storage.ErrChanged)
	s.sameClient(renamed("one"))
	s.happened(storage.EventClientRegistered, storage.EventClientUpdated)
}

// Each racer writes a state of its own; the one that won is there.
func updateClientRace(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("raced")))
	next := func(i int) storage.Client {
		c := renamed("raced")
		c.Name = fmt.Sprint("winner ", i)
		return c
	}
	errs := race(racers, func(i int) error { return s.UpdateClient(s.ctx(), client("raced"), next(i), start) })
	s.oneWins(errs, storage.ErrChanged)
	s.sameClient(next(slices.Index(errs, nil)))
}

// A concurrent update and deletion: whichever comes first, the client is gone.
func updateClientDeleted(s *suite) {
	for i := range 8 {
		id := fmt.Sprint("client", i)
		s.ok(s.CreateClient(s.ctx(), client(id)))
		errs := race(2, func(i int) error {
			if i == 0 {
				return s.DeleteClient(s.ctx(), id, start)
			}
			return s.UpdateClient(s.ctx(), client(id), renamed(id), start)
		})
		s.ok(errs[0])
		if errs[1] != nil && !errors.Is(errs[1], storage.ErrChanged) {
			s.refused("the update", errs[1], storage.ErrNotFound)
		}
		_, err := s.CurrentClient(s.ctx(), id)
		s.refused("client", err, storage.ErrNotFound)
	}
}
