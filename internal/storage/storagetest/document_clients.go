package storagetest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func listDocumentClients(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("registered")))
	ids := []string{"https://a.example/c", "https://b.example/c", "https://c.example/c"}
	for _, id := range ids[:2] {
		s.keepDocument(id, id, "{}", start)
	}
	s.keepDocument(ids[0], documentKey, "{}", start)
	s.ok(s.ClaimDocument(s.ctx(), claim(ids[2], ids[2], "x", start, time.Time{}), start))
	s.ok(s.FailDocument(s.ctx(), storage.FailedDocument{ClientID: ids[2], URL: ids[2], Lease: "x", Name: "Vendor", Failure: "no", RetryAt: start}))
	s.connect("a", ids[0], alice, start)
	s.connect("b", ids[0], bob, start)
	s.ok(s.RevokeGrant(s.ctx(), s.connect("c", ids[1], bob, start).grant, start))
	want := []storage.DocumentClient{
		{ID: ids[0], Name: "Name of " + ids[0], FetchedAt: start, Grants: 2},
		{ID: ids[1], Name: "Name of " + ids[1], FetchedAt: start},
		{ID: ids[2], Name: "Vendor"},
	}
	var got []storage.DocumentClient
	for after := ""; ; after = got[len(got)-1].ID {
		page, err := s.ListDocumentClients(s.ctx(), after, 2, start)
		s.ok(err)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("list (-want +got):\n%s", diff)
	}
}

func documentClientName(s *suite) {
	s.keepDocument(documentID, documentID, "{}", start)
	f := s.connect("a", documentID, alice, start)
	_, user, err := s.RefreshGrant(s.ctx(), f.refresh(), documentID, start)
	s.ok(err)
	grants, err := s.ListGrants(s.ctx(), user.ID, "", 10, start)
	s.ok(err)
	if len(grants) != 1 || grants[0].ClientName != "Name of "+documentID {
		s.Errorf("grants %+v", grants)
	}
}

func documentClientSummary(s *suite) {
	s.keepDocument(documentID, documentID, "{}", start)
	s.connect("a", documentID, alice, start)
	want := storage.ClientSummary{Grants: 1, Client: storage.Client{
		ID: documentID, Origin: storage.OriginDocument, ConfirmedAt: start,
		Client: metadata.Client{
			Name: "Name of " + documentID,
		},
	}}
	got, err := s.ClientSummary(s.ctx(), documentID, start)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		s.Errorf("summary: %v (-want +got):\n%s", err, diff)
	}
	_, err = s.ClientSummary(s.ctx(), documentKey, start)
	s.refused("a key set is no client", err, storage.ErrNotFound)
}

func deleteDocumentClient(s *suite) {
	s.keepDocument(documentID, documentID, "{}", start)
	s.keepDocument(documentID, documentKey, "{}", start)
	s.keepDocument("https://other.example/c", documentKey, "{}", start)
	gone := s.connect("a", documentID, alice, start)
	s.ok(s.DeleteClient(s.ctx(), documentID, start))
	s.dead(start, gone)
	for _, url := range []string{documentID, documentKey} {
		_, err := s.Document(s.ctx(), documentID, url)
		s.refused("deleted", err, storage.ErrNotFound)
	}
	s.refused("twice", s.DeleteClient(s.ctx(), documentID, start), storage.ErrNotFound)
	_, err := s.Document(s.ctx(), "https://other.example/c", documentKey)
	s.ok(err)
}

func deleteClientWithBoth(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client(documentID)))
	s.keepDocument(documentID, documentKey, "{}", start)
	s.ok(s.DeleteClient(s.ctx(), documentID, start))
	_, err := s.Document(s.ctx(), documentID, documentKey)
	s.refused("document", err, storage.ErrNotFound)
	_, err = s.Client(s.ctx(), documentID)
	s.refused("client", err, storage.ErrNotFound)
}

// deleteIdleDocuments: what someone has a grant for stays, however old: a vendor's
// site that is away ends no sign-in.
func deleteIdleDocuments(s *suite) {
	idle, used, fresh := "https://idle.example/c", documentID, "https://fresh.example/c"
	s.keepDocument(idle, idle, "{}", start)
	s.keepDocument(used, used, "{}", start)
	s.keepDocument(used, documentKey, "{}", start)
	f := s.connect("a", used, alice, start)
	now := after(90 * time.Minute)
	s.keepDocument(fresh, fresh, "{}", now)
	s.deleteExpired(now)
	for _, of := range [][2]string{{used, used}, {used, documentKey}, {fresh, fresh}} {
		_, err := s.Document(s.ctx(), of[0], of[1])
		s.ok(err)
	}
	_, err := s.Document(s.ctx(), idle, idle)
	s.refused("idle", err, storage.ErrNotFound)
	_, _, err = s.RefreshGrant(s.ctx(), f.refresh(), used, now)
	s.ok(err)
}
