package storagetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var documentCases = []testCase{
	{"Document/unknown", documentUnknown},
	{"Document/saved and confirmed", documentSaved},
	{"Document/failed", documentFailed},
	{"Document/failed after it was there", documentFailedLater},
	{"ClaimDocument/race for a new one", claimRaceNew},
	{"ClaimDocument/race to refresh", claimRaceRefresh},
	{"ClaimDocument/a lease ends", claimLeaseEnds},
	{"ClaimDocument/fetched since", claimFetchedSince},
	{"ClaimDocument/deleted since", claimDeletedSince},
	{"ClaimDocument/limit of a site", claimLimitOfSite},
	{"ClaimDocument/limit of all", claimLimitOfAll},
	{"ClaimDocument/after a fast clock", claimAfterFastClock},
	{"ClaimDocument/limit counts new attempts", claimLimitCountsAttempts},
	{"ClaimDocument/limit spares what is there", claimLimitSparesRefresh},
	{"SaveDocument/lease lost", saveLeaseLost},
	{"SaveDocument/events", saveEvents},
	{"ListDocumentClients/pages and grants", listDocumentClients},
	{"ListGrants/name of a document client", documentClientName},
	{"ClientSummary/of a document client", documentClientSummary},
	{"DeleteClient/with a document only", deleteDocumentClient},
	{"DeleteClient/with row and document", deleteClientWithBoth},
	{"DeleteExpired/idle documents", deleteIdleDocuments},
}

const (
	documentID  = "https://client.example/oauth/client.json"
	documentKey = "https://client.example/oauth/jwks.json"
)

// claim is a claim by the holder of a lease.
func claim(id, url, lease string, now, seen time.Time) storage.DocumentClaim {
	return storage.DocumentClaim{
		ClientID: id, URL: url, Site: "client.example", Lease: lease, Until: now.Add(15 * time.Second), Seen: seen,
		Limit: storage.FetchLimit{Since: now.Add(-time.Minute), PerSite: 100, All: 100},
	}
}

// fetched is a valid document.
func fetched(id, url, lease, body string, now time.Time) storage.FetchedDocument {
	return storage.FetchedDocument{
		ClientID: id, URL: url, Lease: lease, Name: "Name of " + id, Body: body, ETag: `"` + lease + `"`, FreshUntil: now.Add(time.Hour),
	}
}

// keepDocument stores a document of a client.
func (s *suite) keepDocument(id, url, body string, now time.Time) {
	s.Helper()
	s.ok(s.ClaimDocument(s.ctx(), claim(id, url, "keep", now, time.Time{}), now))
	s.ok(s.SaveDocument(s.ctx(), fetched(id, url, "keep", body, now), now))
}

func (s *suite) sameDocument(want storage.Document) {
	s.Helper()
	got, err := s.Document(s.ctx(), want.ClientID, want.URL)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		s.Errorf("document: %v (-want +got):\n%s", err, diff)
	}
}

func documentUnknown(s *suite) {
	s.keepDocument(documentID, documentID, "{}", start)
	for _, of := range [][2]string{{documentID, documentKey}, {documentKey, documentID}, {"", ""}, {documentID, documentID + "/"}} {
		_, err := s.Document(s.ctx(), of[0], of[1])
		s.refused(fmt.Sprintf("document of %q", of), err, storage.ErrNotFound)
	}
}

func documentSaved(s *suite) {
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "one", start, time.Time{}), start))
	s.sameDocument(storage.Document{ClientID: documentID, URL: documentID, LeaseUntil: after(15 * time.Second)})
	body := `{"a":"` + strings.Repeat("ü'\\u0000", 5000) + `"}`
	s.ok(s.SaveDocument(s.ctx(), fetched(documentID, documentID, "one", body, start), start))
	want := storage.Document{
		ClientID: documentID, URL: documentID, Body: body, ETag: `"one"`, FetchedAt: start, FreshUntil: after(time.Hour),
	}
	s.sameDocument(want)
	later := after(time.Hour)
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "two", later, start), later))
	s.ok(s.SaveDocument(s.ctx(), fetched(documentID, documentID, "two", body, later), later))
	want.ETag, want.FetchedAt, want.FreshUntil = `"two"`, later, later.Add(time.Hour)
	s.sameDocument(want)
	// Another client's copy of the same URL is its own.
	s.keepDocument("https://other.example/c", documentID, "{}", start)
	s.sameDocument(want)
}

func documentFailed(s *suite) {
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "one", start, time.Time{}), start))
	s.ok(s.FailDocument(s.ctx(), storage.FailedDocument{
		ClientID: documentID, URL: documentID, Lease: "one", Failure: "not JSON", Invalid: true, RetryAt: after(30 * time.Second),
	}))
	s.sameDocument(storage.Document{ClientID: documentID, URL: documentID, Failure: "not JSON", Invalid: true, RetryAt: after(30 * time.Second)})
	early := claim(documentID, documentID, "two", after(29*time.Second), time.Time{})
	s.refused("before its time", s.ClaimDocument(s.ctx(), early, after(29*time.Second)), storage.ErrExists)
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "two", after(30*time.Second), time.Time{}), after(30*time.Second)))
	s.ok(s.SaveDocument(s.ctx(), fetched(documentID, documentID, "two", "{}", after(31*time.Second)), after(31*time.Second)))
	s.sameDocument(storage.Document{
		ClientID: documentID, URL: documentID, Body: "{}", ETag: `"two"`, FetchedAt: after(31 * time.Second),
		FreshUntil: after(time.Hour + 31*time.Second),
	})
}

func documentFailedLater(s *suite) {
	s.keepDocument(documentID, documentID, "{}", start)
	later := after(2 * time.Hour)
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "two", later, start), later))
	fail := storage.FailedDocument{ClientID: documentID, URL: documentID, Lease: "two", Failure: "gone", RetryAt: later.Add(time.Minute)}
	s.ok(s.FailDocument(s.ctx(), fail))
	s.sameDocument(storage.Document{
		ClientID: documentID, URL: documentID, Body: "{}", ETag: `"keep"`, FetchedAt: start, FreshUntil: after(time.Hour),
		Failure: "gone", RetryAt: later.Add(time.Minute),
	})
	s.refused("before its time", s.ClaimDocument(s.ctx(), claim(documentID, documentID, "three", later, start), later), storage.ErrExists)
	s.refused("twice", s.FailDocument(s.ctx(), fail), storage.ErrNotFound)
}

func saveLeaseLost(s *suite) {
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "slow", start, time.Time{}), start))
	now := after(time.Minute)
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "quick", now, time.Time{}), now))
	s.refused("slow one", s.SaveDocument(s.ctx(), fetched(documentID, documentID, "slow", `{"old":1}`, now), now), storage.ErrNotFound)
	s.refused("slow one, failing", s.FailDocument(s.ctx(), storage.FailedDocument{
		ClientID: documentID, URL: documentID, Lease: "slow", Failure: "no", RetryAt: now.Add(time.Hour),
	}), storage.ErrNotFound)
	s.ok(s.SaveDocument(s.ctx(), fetched(documentID, documentID, "quick", `{"new":1}`, now), now))
	s.refused("slow one, later", s.SaveDocument(s.ctx(), fetched(documentID, documentID, "slow", `{"old":1}`, now), now), storage.ErrNotFound)
	s.ok(s.DeleteClient(s.ctx(), documentID, now))
	s.refused("deleted", s.SaveDocument(s.ctx(), fetched(documentID, documentID, "quick", `{"new":1}`, now), now), storage.ErrNotFound)
	_, err := s.Document(s.ctx(), documentID, documentID)
	s.refused("deleted", err, storage.ErrNotFound)
}

func saveEvents(s *suite) {
	s.keepDocument(documentID, documentID, "{}", start)
	s.keepDocument(documentID, documentKey, "{}", start)
	save := func(url, body string, seen, now time.Time) {
		s.Helper()
		s.ok(s.ClaimDocument(s.ctx(), claim(documentID, url, "again", now, seen), now))
		s.ok(s.SaveDocument(s.ctx(), fetched(documentID, url, "again", body, now), now))
	}
	save(documentID, "{}", start, after(time.Hour)) // the same
	save(documentID, `{"new":1}`, after(time.Hour), after(2*time.Hour))
	save(documentKey, `{"new":1}`, start, after(2*time.Hour))
	s.happened(storage.EventClientRegistered, storage.EventClientUpdated, storage.EventClientUpdated, storage.EventClientUpdated)
}
