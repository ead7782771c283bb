package storagetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func claimRaceNew(s *suite) {
	s.oneWins(race(racers, func(i int) error {
		return s.ClaimDocument(s.ctx(), claim(documentID, documentID, fmt.Sprint(i), start, time.Time{}), start)
	}), storage.ErrExists)
}

func claimRaceRefresh(s *suite) {
	s.keepDocument(documentID, documentID, "{}", start)
	later := after(2 * time.Hour)
	s.oneWins(race(racers, func(i int) error {
		return s.ClaimDocument(s.ctx(), claim(documentID, documentID, fmt.Sprint(i), later, start), later)
	}), storage.ErrExists)
}

func claimLeaseEnds(s *suite) {
	for _, seen := range []time.Time{{}, start} {
		url := documentID
		if !seen.IsZero() {
			url = documentKey
			s.keepDocument(documentID, url, "{}", start)
		}
		s.ok(s.ClaimDocument(s.ctx(), claim(documentID, url, "one", start, seen), start))
		at := after(14 * time.Second)
		s.refused("held", s.ClaimDocument(s.ctx(), claim(documentID, url, "two", at, seen), at), storage.ErrExists)
		at = after(15 * time.Second)
		s.ok(s.ClaimDocument(s.ctx(), claim(documentID, url, "two", at, seen), at))
	}
}

func claimFetchedSince(s *suite) {
	s.keepDocument(documentID, documentID, "{}", after(time.Hour))
	now := after(3 * time.Hour)
	s.refused("knows an older one", s.ClaimDocument(s.ctx(), claim(documentID, documentID, "one", now, start), now), storage.ErrExists)
	s.refused("knows none", s.ClaimDocument(s.ctx(), claim(documentID, documentID, "one", now, time.Time{}), now), storage.ErrExists)
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "one", now, after(time.Hour)), now))
}

func claimDeletedSince(s *suite) {
	s.refused("deleted", s.ClaimDocument(s.ctx(), claim(documentID, documentID, "one", start, start), start), storage.ErrExists)
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "one", start, time.Time{}), start))
}

// attempts tries n new URLs of a site and returns how many were allowed.
func (s *suite) attempts(n int, site string, limit storage.FetchLimit, now time.Time) int {
	s.Helper()
	allowed := 0
	for i := range n {
		url := fmt.Sprintf("https://%s/%d/%d", site, now.Unix(), i)
		c := claim(url, url, "lease", now, time.Time{})
		c.Site, c.Limit = site, limit
		err := s.ClaimDocument(s.ctx(), c, now)
		var throttled *storage.ThrottledError
		switch {
		case err == nil:
			allowed++
		case !errors.As(err, &throttled) || !throttled.RetryAt.After(now):
			s.Fatalf("attempt %d: %v", i, err)
		}
	}
	return allowed
}

func (s *suite) allowed(what string, got, want int) {
	s.Helper()
	if got != want {
		s.Errorf("%s: %d attempts were allowed, want %d", what, got, want)
	}
}

func claimLimitOfSite(s *suite) {
	limit := func(now time.Time) storage.FetchLimit {
		return storage.FetchLimit{Since: now.Add(-time.Minute), PerSite: 3, All: 1000}
	}
	s.allowed("first", s.attempts(10, "a.example", limit(start), start), 3)
	s.allowed("another site", s.attempts(10, "b.example", limit(start), start), 3)
	s.allowed("within the minute", s.attempts(10, "a.example", limit(after(59*time.Second)), after(59*time.Second)), 0)
	s.allowed("after it", s.attempts(10, "a.example", limit(after(time.Minute)), after(time.Minute)), 3)
}

// claimAfterFastClock: what a clock that was a day ahead wrote keeps no one from fetching.
func claimAfterFastClock(s *suite) {
	limit := func(now time.Time) storage.FetchLimit {
		return storage.FetchLimit{Since: now.Add(-time.Minute), PerSite: 3, All: 3}
	}
	day := after(24 * time.Hour)
	s.allowed("a day ahead", s.attempts(10, "a.example", limit(day), day), 3)
	s.allowed("now", s.attempts(10, "a.example", limit(start), start), 3)
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "fast", day, time.Time{}), day))
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "now", start, time.Time{}), start))
	s.ok(s.FailDocument(s.ctx(), storage.FailedDocument{ClientID: documentID, URL: documentID, Lease: "now", Failure: "away", RetryAt: day}))
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentID, "next", start, time.Time{}), start))
	s.keepDocument(documentID, documentKey, "{}", start)
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentKey, "fast", day, start), day))
	s.ok(s.ClaimDocument(s.ctx(), claim(documentID, documentKey, "now", start, start), start))
}

func claimLimitOfAll(s *suite) {
	allowed := 0
	for i := range 20 {
		limit := storage.FetchLimit{Since: after(-time.Minute), PerSite: 3, All: 7}
		allowed += s.attempts(1, fmt.Sprintf("%d.example", i), limit, start)
	}
	s.allowed("all sites", allowed, 7)
}

// claimLimitCountsAttempts: what failed before is counted when it is tried again.
func claimLimitCountsAttempts(s *suite) {
	limit := func(now time.Time) storage.FetchLimit {
		return storage.FetchLimit{Since: now.Add(-time.Minute), PerSite: 1, All: 1000}
	}
	for i, url := range []string{"https://a.example/1", "https://a.example/2"} {
		now := after(time.Duration(i) * time.Hour)
		c := claim(url, url, "lease", now, time.Time{})
		c.Site = "a.example"
		s.ok(s.ClaimDocument(s.ctx(), c, now))
		s.ok(s.FailDocument(s.ctx(), storage.FailedDocument{ClientID: url, URL: url, Lease: "lease", Failure: "no", RetryAt: now.Add(time.Second)}))
	}
	now := after(3 * time.Hour)
	again := func(url string) error {
		c := claim(url, url, "lease", now, time.Time{})
		c.Site, c.Limit = "a.example", limit(now)
		return s.ClaimDocument(s.ctx(), c, now)
	}
	s.ok(again("https://a.example/1"))
	s.refused("second", again("https://a.example/2"), storage.ErrThrottled)
	s.allowed("third", s.attempts(1, "a.example", limit(now), now), 0)
}

// claimLimitSparesRefresh: a flood of strangers keeps no one known from being
// refreshed.
func claimLimitSparesRefresh(s *suite) {
	s.keepDocument(documentID, documentID, "{}", start)
	now := after(2 * time.Hour)
	limit := storage.FetchLimit{Since: now.Add(-time.Minute), PerSite: 5, All: 5}
	s.allowed("flood", s.attempts(10, "client.example", limit, now), 5)
	c := claim(documentID, documentID, "one", now, start)
	c.Limit = limit
	s.ok(s.ClaimDocument(s.ctx(), c, now))
	s.ok(s.SaveDocument(s.ctx(), fetched(documentID, documentID, "one", "{}", now), now))
	later := now.Add(time.Minute)
	s.allowed("refreshes are not counted", s.attempts(10, "client.example", storage.FetchLimit{Since: now, PerSite: 5, All: 5}, later), 5)
}
