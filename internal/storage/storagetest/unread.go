package storagetest

import (
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var unreadCases = []testCase{
	{"Unread/approved next to the document", unreadApproved},
	{"Unread/a document clears it", unreadCleared},
	{"Unread/losers approve nothing", unreadLosers},
	{"Unread/the cleaner", unreadCleaned},
	{"DocumentProbe/one at a time", probeOnce},
	{"ClaimDocumentProbe/after a fast clock", probeAfterFastClock},
}

const unreadRedirect = "http://127.0.0.1:4711/callback"

// approveUnread signs a person in with a client whose document is not there.
func (s *suite) approveUnread(id string, now time.Time) family {
	s.Helper()
	a := authorization(id, documentID, now)
	a.Request.Readopt = true
	s.ok(s.StartAuthorization(s.ctx(), a))
	x := completion(id, alice, now)
	x.Client = &storage.Client{
		ID: documentID, Origin: storage.OriginUnread, Client: metadata.Client{RedirectURIs: []string{unreadRedirect}},
	}
	_, err := s.FinishAuthorization(s.ctx(), x, now)
	s.ok(err)
	return family{client: documentID, grant: "grt_" + id, browser: "browser " + id, code: "code " + id}
}

// CIMD-11: installations share the ID, so nothing of another one is revoked.
func unreadApproved(s *suite) {
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "one", start, time.Time{}), start))
	s.ok(s.FailDocument(s.ctx(), storage.FailedDocument{
		ClientID: documentID, URL: documentID, Lease: "one", Failure: "away", Kind: storage.FailureAway, RetryAt: after(30 * time.Second),
	}))
	other := s.connect("other", documentID, bob, start)
	f := s.approveUnread("a", start)
	s.approveUnread("b", start) // a second time is none
	s.sameDocument(storage.Document{
		ClientID: documentID, URL: documentID, Failure: "away", Kind: storage.FailureAway, RetryAt: after(30 * time.Second),
		ApprovedRedirectURI: unreadRedirect,
	})
	_, err := s.Client(s.ctx(), documentID)
	s.refused("a row", err, storage.ErrNotFound)
	_, err = s.ExchangeCode(s.ctx(), f.exchange(start), start)
	s.ok(err)
	s.alive(start, other)
	events, err := s.ListEvents(s.ctx(), storage.EventFilter{Type: storage.EventClientReadopted}, "", 9)
	s.ok(err)
	if len(events) != 1 || events[0].ClientID != documentID || events[0].Detail != unreadRedirect || events[0].UserID == "" {
		s.Errorf("events: %+v", events)
	}
}

func unreadCleared(s *suite) {
	s.approveUnread("a", start) // without a row, too
	s.sameDocument(storage.Document{ClientID: documentID, URL: documentID, ApprovedRedirectURI: unreadRedirect})
	s.keepDocument(documentID, documentID, "{}", start)
	got, err := s.Document(s.ctx(), documentID, documentID)
	s.ok(err)
	if got.ApprovedRedirectURI != "" || got.Body != "{}" {
		s.Errorf("%+v", got)
	}
}

func unreadLosers(s *suite) {
	s.ok(s.StartAuthorization(s.ctx(), authorization("a", documentID, start)))
	_, err := s.DenyAuthorization(s.ctx(), "a", storage.HashOf("browser a"), start)
	s.ok(err)
	x := completion("a", alice, start)
	x.Client = &storage.Client{ID: documentID, Origin: storage.OriginUnread, Client: metadata.Client{RedirectURIs: []string{unreadRedirect}}}
	_, err = s.FinishAuthorization(s.ctx(), x, start)
	s.refused("denied before", err, storage.ErrSpent)
	_, err = s.Document(s.ctx(), documentID, documentID)
	s.refused("denied before", err, storage.ErrNotFound)
}

// It stays while anyone has a grant.
func unreadCleaned(s *suite) {
	s.approveUnread("a", start)
	_, err := s.DeleteExpired(s.ctx(), after(90*time.Minute), storage.Retention{}, 100)
	s.ok(err)
	if _, err := s.Document(s.ctx(), documentID, documentID); err != nil && slices.Contains(s.types(), storage.EventTokensIssued) {
		s.Error(err)
	}
	f := s.approveUnread("b", after(2*time.Hour))
	_, err = s.ExchangeCode(s.ctx(), f.exchange(after(2*time.Hour)), after(2*time.Hour))
	s.ok(err)
	_, err = s.DeleteExpired(s.ctx(), after(5*time.Hour), storage.Retention{}, 100)
	s.ok(err)
	_, err = s.Document(s.ctx(), documentID, documentID)
	s.ok(err)
}

func probeOnce(s *suite) {
	got, err := s.DocumentProbe(s.ctx())
	s.ok(err)
	if !got.At.IsZero() || got.Reachable {
		s.Errorf("before the first: %+v", got)
	}
	before, until := start.Add(-time.Minute), after(30*time.Second)
	s.ok(s.ClaimDocumentProbe(s.ctx(), "one", until, before, start))
	s.refused("a second one", s.ClaimDocumentProbe(s.ctx(), "two", until, before, start), storage.ErrExists)
	want := storage.DocumentProbe{Reachable: true, At: after(time.Second)}
	s.refused("another's lease", s.SaveDocumentProbe(s.ctx(), "two", want), storage.ErrNotFound)
	s.ok(s.SaveDocumentProbe(s.ctx(), "one", want))
	s.refused("a second time", s.SaveDocumentProbe(s.ctx(), "one", want), storage.ErrNotFound)
	if got, err = s.DocumentProbe(s.ctx()); err != nil || got.Reachable != want.Reachable || !got.At.Equal(want.At) {
		s.Errorf("%+v, %v", got, err)
	}
	s.refused("too early", s.ClaimDocumentProbe(s.ctx(), "two", after(time.Hour), start, after(time.Minute)), storage.ErrExists)
	s.ok(s.ClaimDocumentProbe(s.ctx(), "two", after(time.Minute), after(time.Second), after(30*time.Second)))
	s.ok(s.ClaimDocumentProbe(s.ctx(), "three", after(2*time.Minute), after(time.Second), after(time.Minute))) // two has died
}

// probeAfterFastClock: neither a lease nor a result of a clock that was a day ahead keeps
// others from probing.
func probeAfterFastClock(s *suite) {
	const day = 24 * time.Hour
	s.ok(s.ClaimDocumentProbe(s.ctx(), "fast", after(day+30*time.Second), after(day-time.Minute), after(day)))
	s.ok(s.ClaimDocumentProbe(s.ctx(), "now", after(30*time.Second), start.Add(-time.Minute), start))
	s.ok(s.SaveDocumentProbe(s.ctx(), "now", storage.DocumentProbe{Reachable: true, At: after(day)}))
	s.ok(s.ClaimDocumentProbe(s.ctx(), "next", after(30*time.Second), start.Add(-time.Minute), start))
}
