package storagetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var claimCases = []testCase{
	{"ClaimName/kept and listed", claimKept},
	{"ClaimName/weak claims do not replace", claimWeak},
	{"ClaimName/a client with a name stays", claimNamed},
	{"ClaimName/race", claimRace},
	{"ClaimName/without a document", claimUnread},
}

// nameless is a registered client without a name.
func (s *suite) nameless(id string) storage.Client {
	s.Helper()
	c := client(id)
	c.Name = ""
	s.ok(s.CreateClient(s.ctx(), c))
	return c
}

func (s *suite) claim(id, name string, weak bool) {
	s.Helper()
	s.ok(s.ClaimName(s.ctx(), storage.NameClaim{ClientID: id, Name: name, Weak: weak}, after(time.Second)))
}

// claims returns the claims of a client in all listings.
func (s *suite) claims(id, user string) []string {
	s.Helper()
	summary, err := s.ClientSummary(s.ctx(), id, start)
	s.ok(err)
	grants, err := s.ListGrants(s.ctx(), user, "", 9, start)
	s.ok(err)
	found, err := s.FindGrants(s.ctx(), storage.GrantFilter{ClientID: id}, "", 9, start)
	s.ok(err)
	if len(grants) != 1 || len(found) != 1 {
		s.Fatalf("%d and %d grants, want one", len(grants), len(found))
	}
	return []string{summary.Client.ClaimedName, grants[0].ClaimedName, found[0].Grant.ClaimedName}
}

func claimKept(s *suite) {
	want := s.nameless("one")
	f := s.connect("a", "one", alice, start)
	s.claim("one", "agent", true)
	want.ClaimedName = "agent"
	s.sameClient(want)
	s.claim("one", "An App", false)
	want.ClaimedName = "An App"
	s.sameClient(want)
	access, err := s.Access(s.ctx(), f.access(), start)
	s.ok(err)
	if got := s.claims("one", access.User.ID); !slices.Equal(got, []string{"An App", "An App", "An App"}) {
		s.Errorf("listings: %q", got)
	}
	list, err := s.ListClients(s.ctx(), "", 9, start)
	s.ok(err)
	if len(list) != 1 || list[0].Client.ClaimedName != "An App" || list[0].Client.Name != "" {
		s.Errorf("clients: %+v", list)
	}
	next := want
	next.URI = "https://other.example/"
	s.ok(s.UpdateClient(s.ctx(), want, next, start))
	s.sameClient(next)
	s.alive(start, f)
}

func claimWeak(s *suite) {
	want := s.nameless("one")
	s.claim("one", "An App", false)
	s.claim("one", "agent", true)
	want.ClaimedName = "An App"
	s.sameClient(want)
}

func claimNamed(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("one")))
	s.claim("one", "An App", false)
	s.claim("one", "agent", true)
	s.sameClient(client("one"))
	s.claim("unknown", "An App", false)
	_, err := s.Client(s.ctx(), "unknown")
	s.refused("an unknown client", err, storage.ErrNotFound)
}

// Each racer claims another name: one of them is kept, and nothing else changes.
func claimRace(s *suite) {
	want := s.nameless("raced")
	name := func(i int) string { return fmt.Sprint("App ", i) }
	errs := race(racers, func(i int) error {
		return s.ClaimName(s.ctx(), storage.NameClaim{ClientID: "raced", Name: name(i)}, start)
	})
	for _, err := range errs {
		s.ok(err)
	}
	got, err := s.CurrentClient(s.ctx(), "raced")
	s.ok(err)
	if !slices.ContainsFunc(slices.Collect(func(yield func(string) bool) {
		for i := range racers {
			if !yield(name(i)) {
				return
			}
		}
	}), func(n string) bool { return n == got.ClaimedName }) {
		s.Errorf("kept %q", got.ClaimedName)
	}
	want.ClaimedName = got.ClaimedName
	s.sameClient(want)
}

// A client that was approved without its document has a claim until there is one.
func claimUnread(s *suite) {
	f := s.approveUnread("a", start)
	issued, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
	s.ok(err)
	s.claim(documentID, "agent", true)
	s.claim(documentID, "An App", false)
	s.sameDocument(storage.Document{
		ClientID: documentID, URL: documentID, ApprovedRedirectURI: unreadRedirect, ClaimedName: "An App",
	})
	if got := s.claims(documentID, issued.Grant.UserID); !slices.Equal(got, []string{"An App", "An App", "An App"}) {
		s.Errorf("listings: %q", got)
	}
	list, err := s.ListDocumentClients(s.ctx(), "", 9, start)
	s.ok(err)
	if len(list) != 1 || list[0].ClaimedName != "An App" {
		s.Errorf("clients: %+v", list)
	}
	s.keepDocument(documentID, documentID, "{}", start)
	got, err := s.Document(s.ctx(), documentID, documentID)
	s.ok(err)
	if got.ClaimedName != "" {
		s.Errorf("%+v", got)
	}
	const read = "https://read.example/client.json" // which says its name
	s.keepDocument(read, read, "{}", start)
	s.claim(read, "An App", false)
	if got, err = s.Document(s.ctx(), read, read); err != nil || got.ClaimedName != "" {
		s.Errorf("%+v, %v", got, err)
	}
}
