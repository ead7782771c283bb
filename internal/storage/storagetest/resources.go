package storagetest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var resourceCases = []testCase{
	{"Resource/Created", resourceCreated},
	{"Resource/Unknown", resourceUnknown},
	{"Resource/Taken", resourceTaken},
	{"Resource/Race", resourceRace},
	{"Resource/EndsWithClient", resourceEnds},
	{"Resource/ClientIsUsed", resourceIsUsed},
}

const otherURL, thirdURL = "https://other.example/mcp", "https://other.example/third/mcp"

// resourceServer is a client whose credential introspects tokens.
func resourceServer(id string) storage.Client {
	c := client(id)
	c.RedirectURIs, c.GrantTypes, c.ResponseTypes = []string{}, []string{}, []string{"code"}
	c.AuthMethod, c.SecretHash = "client_secret_basic", storage.HashOf("secret")
	return c
}

func resourceCreated(s *suite) {
	s.ok(s.CreateResourceServer(s.ctx(), resourceServer("rs"), []string{thirdURL, otherURL}))
	want := []storage.Resource{
		{URL: otherURL, ClientID: "rs", CreatedAt: start}, {URL: thirdURL, ClientID: "rs", CreatedAt: start},
	}
	list, err := s.ResourcesOf(s.ctx(), "rs")
	if diff := cmp.Diff(want, list); diff != "" || err != nil {
		s.Errorf("resources: %v (-want +got):\n%s", err, diff)
	}
	got, err := s.Resource(s.ctx(), otherURL)
	if diff := cmp.Diff(want[0], got); diff != "" || err != nil {
		s.Errorf("resource: %v (-want +got):\n%s", err, diff)
	}
	created, err := s.CurrentClient(s.ctx(), "rs")
	if err != nil || created.AuthMethod != "client_secret_basic" || created.SecretHash != storage.HashOf("secret") || len(created.RedirectURIs) != 0 {
		s.Errorf("client: %+v, %v", created, err)
	}
	s.happened(storage.EventClientRegistered)
}

func resourceUnknown(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("other")))
	_, err := s.Resource(s.ctx(), otherURL)
	s.refused("unknown", err, storage.ErrNotFound)
	list, err := s.ResourcesOf(s.ctx(), "other")
	if len(list) > 0 || err != nil {
		s.Errorf("resources of a plain client: %v, %v", list, err)
	}
}

// When one of the URLs is taken nothing is stored, neither client nor resource.
func resourceTaken(s *suite) {
	s.ok(s.CreateResourceServer(s.ctx(), resourceServer("rs"), []string{otherURL}))
	s.refused("URL", s.CreateResourceServer(s.ctx(), resourceServer("late"), []string{thirdURL, otherURL}), storage.ErrExists)
	_, err := s.CurrentClient(s.ctx(), "late")
	s.refused("its client", err, storage.ErrNotFound)
	_, err = s.Resource(s.ctx(), thirdURL)
	s.refused("its other URL", err, storage.ErrNotFound)
	s.refused("id", s.CreateResourceServer(s.ctx(), resourceServer("rs"), []string{thirdURL}), storage.ErrExists)
	_, err = s.Resource(s.ctx(), thirdURL)
	s.refused("URL of a taken id", err, storage.ErrNotFound)
}

func resourceRace(s *suite) {
	s.oneWins(race(racers, func(i int) error {
		return s.CreateResourceServer(s.ctx(), resourceServer("rs-"+string(rune('a'+i%26))+string(rune('a'+i/26))), []string{otherURL})
	}), storage.ErrExists)
}

func resourceEnds(s *suite) {
	s.ok(s.CreateResourceServer(s.ctx(), resourceServer("rs"), []string{otherURL}))
	s.ok(second(s.Resource(s.ctx(), otherURL)))
	s.ok(s.DeleteClient(s.ctx(), "rs", after(time.Minute)))
	_, err := s.Resource(s.ctx(), otherURL)
	s.refused("resource of a deleted client", err, storage.ErrNotFound)
	s.ok(s.CreateResourceServer(s.ctx(), resourceServer("again"), []string{otherURL}))
}

// A resource's client signs no one in, yet it does not count as unused.
func resourceIsUsed(s *suite) {
	s.ok(s.CreateResourceServer(s.ctx(), resourceServer("rs"), []string{otherURL}))
	s.ok(s.CreateClient(s.ctx(), client("unused")))
	list, err := s.ListUnusedClients(s.ctx(), after(time.Hour), "", 10, after(time.Hour))
	if len(list) != 1 || list[0].Client.ID != "unused" || err != nil {
		s.Errorf("unused clients: %+v, %v", list, err)
	}
	deleted, err := s.DeleteUnusedClients(s.ctx(), []string{"rs", "unused"}, after(time.Hour), after(time.Hour))
	if deleted != 1 || err != nil {
		s.Errorf("%d deleted, %v, want the other one alone", deleted, err)
	}
	s.ok(second(s.Resource(s.ctx(), otherURL)))
}
