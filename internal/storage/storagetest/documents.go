package storagetest

import (
	"errors"
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
func (k *kit) keepDocument(id, url, body string, now time.Time) {
	k.Helper()
	k.ok(k.ClaimDocument(k.ctx(), claim(id, url, "keep", now, time.Time{}), now))
	k.ok(k.SaveDocument(k.ctx(), fetched(id, url, "keep", body, now), now))
}

func (k *kit) sameDocument(want storage.Document) {
	k.Helper()
	got, err := k.Document(k.ctx(), want.ClientID, want.URL)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		k.Errorf("document: %v (-want +got):\n%s", err, diff)
	}
}

func documentUnknown(k *kit) {
	k.keepDocument(documentID, documentID, "{}", start)
	for _, of := range [][2]string{{documentID, documentKey}, {documentKey, documentID}, {"", ""}, {documentID, documentID + "/"}} {
		_, err := k.Document(k.ctx(), of[0], of[1])
		k.refused(fmt.Sprintf("document of %q", of), err, storage.ErrNotFound)
	}
}

func documentSaved(k *kit) {
	k.ok(k.ClaimDocument(k.ctx(), claim(documentID, documentID, "one", start, time.Time{}), start))
	k.sameDocument(storage.Document{ClientID: documentID, URL: documentID, LeaseUntil: after(15 * time.Second)})
	body := `{"a":"` + strings.Repeat("ü'\\u0000", 5000) + `"}`
	k.ok(k.SaveDocument(k.ctx(), fetched(documentID, documentID, "one", body, start), start))
	want := storage.Document{
		ClientID: documentID, URL: documentID, Body: body, ETag: `"one"`, FetchedAt: start, FreshUntil: after(time.Hour),
	}
	k.sameDocument(want)
	later := after(time.Hour)
	k.ok(k.ClaimDocument(k.ctx(), claim(documentID, documentID, "two", later, start), later))
	k.ok(k.SaveDocument(k.ctx(), fetched(documentID, documentID, "two", body, later), later))
	want.ETag, want.FetchedAt, want.FreshUntil = `"two"`, later, later.Add(time.Hour)
	k.sameDocument(want)
	// Another client's copy of the same URL is its own.
	k.keepDocument("https://other.example/c", documentID, "{}", start)
	k.sameDocument(want)
}

func documentFailed(k *kit) {
	k.ok(k.ClaimDocument(k.ctx(), claim(documentID, documentID, "one", start, time.Time{}), start))
	k.ok(k.FailDocument(k.ctx(), storage.FailedDocument{
		ClientID: documentID, URL: documentID, Lease: "one", Failure: "no answer", RetryAt: after(30 * time.Second),
	}))
	k.sameDocument(storage.Document{ClientID: documentID, URL: documentID, Failure: "no answer", RetryAt: after(30 * time.Second)})
	early := claim(documentID, documentID, "two", after(29*time.Second), time.Time{})
	k.refused("before its time", k.ClaimDocument(k.ctx(), early, after(29*time.Second)), storage.ErrExists)
	k.ok(k.ClaimDocument(k.ctx(), claim(documentID, documentID, "two", after(30*time.Second), time.Time{}), after(30*time.Second)))
	k.ok(k.SaveDocument(k.ctx(), fetched(documentID, documentID, "two", "{}", after(31*time.Second)), after(31*time.Second)))
	k.sameDocument(storage.Document{
		ClientID: documentID, URL: documentID, Body: "{}", ETag: `"two"`, FetchedAt: after(31 * time.Second),
		FreshUntil: after(time.Hour + 31*time.Second),
	})
}

func documentFailedLater(k *kit) {
	k.keepDocument(documentID, documentID, "{}", start)
	later := after(2 * time.Hour)
	k.ok(k.ClaimDocument(k.ctx(), claim(documentID, documentID, "two", later, start), later))
	fail := storage.FailedDocument{ClientID: documentID, URL: documentID, Lease: "two", Failure: "gone", RetryAt: later.Add(time.Minute)}
	k.ok(k.FailDocument(k.ctx(), fail))
	k.sameDocument(storage.Document{
		ClientID: documentID, URL: documentID, Body: "{}", ETag: `"keep"`, FetchedAt: start, FreshUntil: after(time.Hour),
		Failure: "gone", RetryAt: later.Add(time.Minute),
	})
	k.refused("before its time", k.ClaimDocument(k.ctx(), claim(documentID, documentID, "three", later, start), later), storage.ErrExists)
	k.refused("twice", k.FailDocument(k.ctx(), fail), storage.ErrNotFound)
}

func claimRaceNew(k *kit) {
	k.oneWins(race(racers, func(i int) error {
		return k.ClaimDocument(k.ctx(), claim(documentID, documentID, fmt.Sprint(i), start, time.Time{}), start)
	}), storage.ErrExists)
}

func claimRaceRefresh(k *kit) {
	k.keepDocument(documentID, documentID, "{}", start)
	later := after(2 * time.Hour)
	k.oneWins(race(racers, func(i int) error {
		return k.ClaimDocument(k.ctx(), claim(documentID, documentID, fmt.Sprint(i), later, start), later)
	}), storage.ErrExists)
}

func claimLeaseEnds(k *kit) {
	for _, seen := range []time.Time{{}, start} {
		url := documentID
		if !seen.IsZero() {
			url = documentKey
			k.keepDocument(documentID, url, "{}", start)
		}
		k.ok(k.ClaimDocument(k.ctx(), claim(documentID, url, "one", start, seen), start))
		at := after(14 * time.Second)
		k.refused("held", k.ClaimDocument(k.ctx(), claim(documentID, url, "two", at, seen), at), storage.ErrExists)
		at = after(15 * time.Second)
		k.ok(k.ClaimDocument(k.ctx(), claim(documentID, url, "two", at, seen), at))
	}
}

func claimFetchedSince(k *kit) {
	k.keepDocument(documentID, documentID, "{}", after(time.Hour))
	now := after(3 * time.Hour)
	k.refused("knows an older one", k.ClaimDocument(k.ctx(), claim(documentID, documentID, "one", now, start), now), storage.ErrExists)
	k.refused("knows none", k.ClaimDocument(k.ctx(), claim(documentID, documentID, "one", now, time.Time{}), now), storage.ErrExists)
	k.ok(k.ClaimDocument(k.ctx(), claim(documentID, documentID, "one", now, after(time.Hour)), now))
}

func claimDeletedSince(k *kit) {
	k.refused("deleted", k.ClaimDocument(k.ctx(), claim(documentID, documentID, "one", start, start), start), storage.ErrExists)
	k.ok(k.ClaimDocument(k.ctx(), claim(documentID, documentID, "one", start, time.Time{}), start))
}

// attempts tries n new URLs of a site and returns how many were allowed.
func (k *kit) attempts(n int, site string, limit storage.FetchLimit, now time.Time) int {
	k.Helper()
	allowed := 0
	for i := range n {
		url := fmt.Sprintf("https://%s/%d/%d", site, now.Unix(), i)
		c := claim(url, url, "lease", now, time.Time{})
		c.Site, c.Limit = site, limit
		err := k.ClaimDocument(k.ctx(), c, now)
		var throttled *storage.ThrottledError
		switch {
		case err == nil:
			allowed++
		case !errors.As(err, &throttled) || !throttled.RetryAt.After(now):
			k.Fatalf("attempt %d: %v", i, err)
		}
	}
	return allowed
}

func (k *kit) allowed(what string, got, want int) {
	k.Helper()
	if got != want {
		k.Errorf("%s: %d attempts were allowed, want %d", what, got, want)
	}
}

func claimLimitOfSite(k *kit) {
	limit := func(now time.Time) storage.FetchLimit {
		return storage.FetchLimit{Since: now.Add(-time.Minute), PerSite: 3, All: 1000}
	}
	k.allowed("first", k.attempts(10, "a.example", limit(start), start), 3)
	k.allowed("another site", k.attempts(10, "b.example", limit(start), start), 3)
	k.allowed("within the minute", k.attempts(10, "a.example", limit(after(59*time.Second)), after(59*time.Second)), 0)
	k.allowed("after it", k.attempts(10, "a.example", limit(after(time.Minute)), after(time.Minute)), 3)
}

func claimLimitOfAll(k *kit) {
	allowed := 0
	for i := range 20 {
		limit := storage.FetchLimit{Since: after(-time.Minute), PerSite: 3, All: 7}
		allowed += k.attempts(1, fmt.Sprintf("%d.example", i), limit, start)
	}
	k.allowed("all sites", allowed, 7)
}

// claimLimitCountsAttempts: what failed before is counted when it is tried again.
func claimLimitCountsAttempts(k *kit) {
	limit := func(now time.Time) storage.FetchLimit {
		return storage.FetchLimit{Since: now.Add(-time.Minute), PerSite: 1, All: 1000}
	}
	for i, url := range []string{"https://a.example/1", "https://a.example/2"} {
		now := after(time.Duration(i) * time.Hour)
		c := claim(url, url, "lease", now, time.Time{})
		c.Site = "a.example"
		k.ok(k.ClaimDocument(k.ctx(), c, now))
		k.ok(k.FailDocument(k.ctx(), storage.FailedDocument{ClientID: url, URL: url, Lease: "lease", Failure: "no", RetryAt: now.Add(time.Second)}))
	}
	now := after(3 * time.Hour)
	again := func(url string) error {
		c := claim(url, url, "lease", now, time.Time{})
		c.Site, c.Limit = "a.example", limit(now)
		return k.ClaimDocument(k.ctx(), c, now)
	}
	k.ok(again("https://a.example/1"))
	k.refused("second", again("https://a.example/2"), storage.ErrThrottled)
	k.allowed("third", k.attempts(1, "a.example", limit(now), now), 0)
}

// claimLimitSparesRefresh: a flood of strangers keeps nobody known from being
// refreshed.
func claimLimitSparesRefresh(k *kit) {
	k.keepDocument(documentID, documentID, "{}", start)
	now := after(2 * time.Hour)
	limit := storage.FetchLimit{Since: now.Add(-time.Minute), PerSite: 5, All: 5}
	k.allowed("flood", k.attempts(10, "client.example", limit, now), 5)
	c := claim(documentID, documentID, "one", now, start)
	c.Limit = limit
	k.ok(k.ClaimDocument(k.ctx(), c, now))
	k.ok(k.SaveDocument(k.ctx(), fetched(documentID, documentID, "one", "{}", now), now))
	later := now.Add(time.Minute)
	k.allowed("refreshes are not counted", k.attempts(10, "client.example", storage.FetchLimit{Since: now, PerSite: 5, All: 5}, later), 5)
}

func saveLeaseLost(k *kit) {
	k.ok(k.ClaimDocument(k.ctx(), claim(documentID, documentID, "slow", start, time.Time{}), start))
	now := after(time.Minute)
	k.ok(k.ClaimDocument(k.ctx(), claim(documentID, documentID, "quick", now, time.Time{}), now))
	k.refused("slow one", k.SaveDocument(k.ctx(), fetched(documentID, documentID, "slow", `{"old":1}`, now), now), storage.ErrNotFound)
	k.refused("slow one, failing", k.FailDocument(k.ctx(), storage.FailedDocument{
		ClientID: documentID, URL: documentID, Lease: "slow", Failure: "no", RetryAt: now.Add(time.Hour),
	}), storage.ErrNotFound)
	k.ok(k.SaveDocument(k.ctx(), fetched(documentID, documentID, "quick", `{"new":1}`, now), now))
	k.refused("slow one, later", k.SaveDocument(k.ctx(), fetched(documentID, documentID, "slow", `{"old":1}`, now), now), storage.ErrNotFound)
	k.ok(k.DeleteClient(k.ctx(), documentID, now))
	k.refused("deleted", k.SaveDocument(k.ctx(), fetched(documentID, documentID, "quick", `{"new":1}`, now), now), storage.ErrNotFound)
	_, err := k.Document(k.ctx(), documentID, documentID)
	k.refused("deleted", err, storage.ErrNotFound)
}

func saveEvents(k *kit) {
	k.keepDocument(documentID, documentID, "{}", start)
	k.keepDocument(documentID, documentKey, "{}", start)
	save := func(url, body string, seen, now time.Time) {
		k.Helper()
		k.ok(k.ClaimDocument(k.ctx(), claim(documentID, url, "again", now, seen), now))
		k.ok(k.SaveDocument(k.ctx(), fetched(documentID, url, "again", body, now), now))
	}
	save(documentID, "{}", start, after(time.Hour)) // the same
	save(documentID, `{"new":1}`, after(time.Hour), after(2*time.Hour))
	save(documentKey, `{"new":1}`, start, after(2*time.Hour))
	k.happened(storage.EventClientRegistered, storage.EventClientUpdated, storage.EventClientUpdated, storage.EventClientUpdated)
}

func listDocumentClients(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("registered")))
	ids := []string{"https://a.example/c", "https://b.example/c", "https://c.example/c"}
	for _, id := range ids[:2] {
		k.keepDocument(id, id, "{}", start)
	}
	k.keepDocument(ids[0], documentKey, "{}", start)
	k.ok(k.ClaimDocument(k.ctx(), claim(ids[2], ids[2], "x", start, time.Time{}), start))
	k.ok(k.FailDocument(k.ctx(), storage.FailedDocument{ClientID: ids[2], URL: ids[2], Lease: "x", Name: "Vendor", Failure: "no", RetryAt: start}))
	k.connect("a", ids[0], alice, start)
	k.connect("b", ids[0], bob, start)
	k.ok(k.RevokeGrant(k.ctx(), k.connect("c", ids[1], bob, start).grant, start))
	want := []storage.DocumentClient{
		{ID: ids[0], Name: "Name of " + ids[0], FetchedAt: start, Grants: 2},
		{ID: ids[1], Name: "Name of " + ids[1], FetchedAt: start},
		{ID: ids[2], Name: "Vendor"},
	}
	var got []storage.DocumentClient
	for after := ""; ; after = got[len(got)-1].ID {
		page, err := k.ListDocumentClients(k.ctx(), after, 2, start)
		k.ok(err)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		k.Errorf("list (-want +got):\n%s", diff)
	}
}

func documentClientName(k *kit) {
	k.keepDocument(documentID, documentID, "{}", start)
	f := k.connect("a", documentID, alice, start)
	_, user, err := k.RefreshGrant(k.ctx(), f.refresh(), documentID, start)
	k.ok(err)
	grants, err := k.ListGrants(k.ctx(), user.ID, "", 10, start)
	k.ok(err)
	if len(grants) != 1 || grants[0].ClientName != "Name of "+documentID {
		k.Errorf("grants %+v", grants)
	}
}

func documentClientSummary(k *kit) {
	k.keepDocument(documentID, documentID, "{}", start)
	k.connect("a", documentID, alice, start)
	want := storage.ClientSummary{Grants: 1, Client: storage.Client{
		ID: documentID, Name: "Name of " + documentID, Origin: storage.OriginDocument, ConfirmedAt: start,
	}}
	got, err := k.ClientSummary(k.ctx(), documentID, start)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		k.Errorf("summary: %v (-want +got):\n%s", err, diff)
	}
	_, err = k.ClientSummary(k.ctx(), documentKey, start)
	k.refused("a key set is no client", err, storage.ErrNotFound)
}

func deleteDocumentClient(k *kit) {
	k.keepDocument(documentID, documentID, "{}", start)
	k.keepDocument(documentID, documentKey, "{}", start)
	k.keepDocument("https://other.example/c", documentKey, "{}", start)
	gone := k.connect("a", documentID, alice, start)
	k.ok(k.DeleteClient(k.ctx(), documentID, start))
	k.dead(start, gone)
	for _, url := range []string{documentID, documentKey} {
		_, err := k.Document(k.ctx(), documentID, url)
		k.refused("deleted", err, storage.ErrNotFound)
	}
	k.refused("twice", k.DeleteClient(k.ctx(), documentID, start), storage.ErrNotFound)
	_, err := k.Document(k.ctx(), "https://other.example/c", documentKey)
	k.ok(err)
}

func deleteClientWithBoth(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client(documentID)))
	k.keepDocument(documentID, documentKey, "{}", start)
	k.ok(k.DeleteClient(k.ctx(), documentID, start))
	_, err := k.Document(k.ctx(), documentID, documentKey)
	k.refused("document", err, storage.ErrNotFound)
	_, err = k.Client(k.ctx(), documentID)
	k.refused("client", err, storage.ErrNotFound)
}

// deleteIdleDocuments: what somebody has a grant for stays, however old: a vendor's
// site that is away ends no sign-in.
func deleteIdleDocuments(k *kit) {
	idle, used, fresh := "https://idle.example/c", documentID, "https://fresh.example/c"
	k.keepDocument(idle, idle, "{}", start)
	k.keepDocument(used, used, "{}", start)
	k.keepDocument(used, documentKey, "{}", start)
	f := k.connect("a", used, alice, start)
	now := after(90 * time.Minute)
	k.keepDocument(fresh, fresh, "{}", now)
	k.deleteExpired(now)
	for _, of := range [][2]string{{used, used}, {used, documentKey}, {fresh, fresh}} {
		_, err := k.Document(k.ctx(), of[0], of[1])
		k.ok(err)
	}
	_, err := k.Document(k.ctx(), idle, idle)
	k.refused("idle", err, storage.ErrNotFound)
	_, _, err = k.RefreshGrant(k.ctx(), f.refresh(), used, now)
	k.ok(err)
}
