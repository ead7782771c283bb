package storagetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var replaceCases = []testCase{
	{"Replaced/ends unused", replacedEnds},
	{"Replaced/stays when used", replacedStays},
	{"Replaced/keeps its time", replacedKeepsTime},
	{"Replaced/only the same", replacedSame},
	{"Replaced/not of shared IDs", replacedShared},
	{"Replaced/race", replacedRace},
}

// replacedFor is how long the cases keep replaced grants.
const replacedFor = 7 * 24 * time.Hour

// installation registers a client as dynamic registration does.
func (s *suite) installation(id string) {
	s.Helper()
	c := client(id)
	c.Origin, c.CreatedAt = storage.OriginRegistered, start
	s.ok(s.RegisterClient(s.ctx(), c, storage.Ceiling{}))
}

// connectTo is connect with another redirect URI or resource, "" for the usual one.
func (s *suite) connectTo(id, client, uri, target string, person storage.Person, now time.Time) family {
	s.Helper()
	a := authorization(id, client, now)
	if uri != "" {
		a.Request.RedirectURI = uri
	}
	if target != "" {
		a.Request.Resource = target
	}
	s.ok(s.StartAuthorization(s.ctx(), a))
	_, err := s.FinishAuthorization(s.ctx(), completion(id, person, now), now)
	s.ok(err)
	f := family{client: client, grant: "grt_" + id, browser: "browser " + id, code: "code " + id}
	x := f.exchange(now)
	x.RedirectURI = a.Request.RedirectURI
	issued, err := s.ExchangeCode(s.ctx(), x, now)
	s.ok(err)
	f.tokens = issued.Tokens
	return f
}

// clean deletes what is due.
func (s *suite) clean(now time.Time) {
	s.Helper()
	_, err := s.DeleteExpired(s.ctx(), now, storage.Retention{Replaced: replacedFor}, 100)
	s.ok(err)
}

// replaced lists the grants of alice that are marked, by both listings.
func (s *suite) replaced(f family, now time.Time) []string {
	s.Helper()
	var ids, found []string
	grants, err := s.ListGrants(s.ctx(), s.personOf(f, now), "", 100, now)
	s.ok(err)
	for _, g := range grants {
		if !g.ReplacedAt.IsZero() {
			ids = append(ids, g.ID)
		}
	}
	summaries, err := s.FindGrants(s.ctx(), storage.GrantFilter{UserID: s.personOf(f, now)}, "", 100, now)
	s.ok(err)
	for _, g := range summaries {
		if !g.Grant.ReplacedAt.IsZero() {
			found = append(found, g.Grant.ID)
		}
	}
	if !slices.Equal(ids, found) {
		s.Errorf("ListGrants has %q as replaced, FindGrants %q", ids, found)
	}
	return ids
}

// personOf is userID for a family whose access token has expired.
func (s *suite) personOf(f family, now time.Time) string {
	s.Helper()
	grant, _, err := s.RefreshGrant(s.ctx(), f.refresh(), f.client, now)
	s.ok(err)
	return grant.UserID
}

func (s *suite) wantReplaced(f family, now time.Time, want ...string) {
	s.Helper()
	if got := s.replaced(f, now); !slices.Equal(got, want) {
		s.Errorf("replaced: %q, want %q", got, want)
	}
}

// refreshable checks that the refresh tokens are valid, or that none is.
func (s *suite) refreshable(now time.Time, want bool, families ...family) {
	s.Helper()
	for _, f := range families {
		_, _, err := s.RefreshGrant(s.ctx(), f.refresh(), f.client, now)
		if want {
			s.refused("refresh token of "+f.grant, err, nil)
		} else {
			s.refused("refresh token of "+f.grant, err, storage.ErrNotFound)
		}
	}
}

func replacedEnds(s *suite) {
	s.installation("app")
	older := s.connect("a", "app", alice, start)
	pending := s.approve("b", "app", alice, after(time.Minute))
	s.wantReplaced(older, after(time.Minute)) // an approval that leads nowhere replaces nothing
	replaced := after(2 * time.Minute)
	issued, err := s.ExchangeCode(s.ctx(), pending.exchange(after(time.Minute)), after(time.Minute))
	s.ok(err)
	pending.tokens = issued.Tokens
	newer := s.connectTo("c", "app", "http://127.0.0.1:50001/callback", "", alice, replaced) // another port
	s.wantReplaced(newer, replaced, older.grant, pending.grant)
	s.clean(after(time.Minute + replacedFor - time.Second))
	s.refreshable(replaced.Add(replacedFor), true, older, pending, newer)
	s.clean(after(time.Minute + replacedFor))
	s.refreshable(after(time.Minute+replacedFor), false, older)
	s.refreshable(after(time.Minute+replacedFor), true, pending, newer)
	s.clean(replaced.Add(replacedFor))
	s.refreshable(replaced.Add(replacedFor), false, older, pending)
	s.refreshable(replaced.Add(replacedFor), true, newer)
	events, err := s.ListEvents(s.ctx(), storage.EventFilter{Type: storage.EventGrantRevoked}, "", 9)
	s.ok(err)
	if len(events) != 2 || events[0].GrantID != older.grant || !strings.Contains(events[0].Detail, "replaced by grant "+pending.grant) ||
		events[0].ClientID != "app" || events[0].UserID == "" || events[0].Actor != storage.ActorServer {
		s.Errorf("events: %+v", events)
	}
}

func replacedStays(s *suite) {
	s.installation("app")
	called, refreshed := s.connect("a", "app", alice, start), s.connectTo("b", "app", "", "", alice, after(time.Second))
	newer := s.connect("c", "app", alice, after(time.Minute))
	s.wantReplaced(newer, after(time.Minute), called.grant, refreshed.grant)
	used := after(6 * 24 * time.Hour)
	s.ok(s.TouchGrant(s.ctx(), called.grant, used))
	refreshed = s.rotate(refreshed, used)
	s.wantReplaced(newer, used)
	s.clean(after(60 * 24 * time.Hour))
	s.refreshable(after(60*24*time.Hour), true, called, refreshed, newer)
	again := s.connect("d", "app", alice, after(60*24*time.Hour))
	s.wantReplaced(again, after(60*24*time.Hour), called.grant, refreshed.grant, newer.grant)
}

// An app that signs in every day does not keep the first mark from counting.
func replacedKeepsTime(s *suite) {
	s.installation("app")
	first := s.connect("a", "app", alice, start)
	var latest family
	for day := 1; day <= 8; day++ {
		latest = s.connect(fmt.Sprint("b", day), "app", alice, after(time.Duration(day)*24*time.Hour))
	}
	now := after(8 * 24 * time.Hour)
	s.clean(now)
	s.refreshable(now, false, first)
	s.refreshable(now, true, latest)
	if n := len(s.replaced(latest, now)); n != 7 {
		s.Errorf("%d are replaced, want 7", n)
	}
}

// Another person, redirect URI, resource or client is another connection.
func replacedSame(s *suite) {
	s.installation("app")
	s.installation("other")
	const elsewhere = "https://app.example/cb"
	families := []family{
		s.connect("a", "app", alice, start),
		s.connect("b", "app", bob, start),
		s.connect("c", "other", alice, start),
		s.connectTo("d", "app", "http://127.0.0.1:33418/other", "", alice, start),
		s.connectTo("e", "app", "http://localhost:33418/callback", "", alice, start),
		s.connectTo("f", "app", elsewhere, "", alice, start),
		s.connectTo("g", "app", "https://app.example:8443/cb", "", alice, start),
		s.connectTo("h", "app", "", "https://other.example/mcp", alice, start),
	}
	for _, f := range families {
		s.wantReplaced(f, start)
	}
	s.clean(after(2 * replacedFor))
	s.refreshable(after(2*replacedFor), true, families...)
	s.connectTo("i", "app", elsewhere, "", alice, after(time.Second))
	s.wantReplaced(families[0], after(time.Second), families[5].grant)
}

// Several installations share the ID of a document, of an operator's client and of a
// readopted one.
func replacedShared(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("operator")))
	s.keepDocument("https://app.example/client.json", "https://app.example/client.json", "{}", start)
	readopted := s.readopt("a", "dead", start)
	issued, err := s.ExchangeCode(s.ctx(), readopted.exchange(start), start)
	s.ok(err)
	readopted.tokens = issued.Tokens
	families := []family{readopted}
	for i, id := range []string{"operator", "https://app.example/client.json", "dead"} {
		families = append(families,
			s.connect(fmt.Sprint("b", i), id, alice, after(time.Minute)), s.connect(fmt.Sprint("c", i), id, alice, after(2*time.Minute)))
	}
	s.wantReplaced(readopted, after(2*time.Minute))
	s.clean(after(2 * replacedFor))
	s.refreshable(after(2*replacedFor), true, families...)
}

// Of connections that are made concurrently, the newest one stays.
func replacedRace(s *suite) {
	s.installation("app")
	families := make([]family, 16)
	for i := range families {
		families[i] = s.approve(fmt.Sprintf("%02d", i), "app", alice, start)
	}
	for _, err := range race(len(families), func(i int) error {
		issued, err := s.ExchangeCode(s.ctx(), families[i].exchange(start), start)
		families[i].tokens = issued.Tokens
		return err
	}) {
		s.ok(err)
	}
	s.wantReplaced(families[15], start, func() (want []string) {
		for _, f := range families[:15] {
			want = append(want, f.grant)
		}
		return want
	}()...)
	for _, err := range race(racers, func(int) error {
		_, err := s.DeleteExpired(s.ctx(), after(replacedFor), storage.Retention{Replaced: replacedFor}, 5)
		return err
	}) {
		s.ok(err)
	}
	s.clean(after(replacedFor))
	s.refreshable(after(replacedFor), false, families[:15]...)
	s.refreshable(after(replacedFor), true, families[15])
	events, err := s.ListEvents(s.ctx(), storage.EventFilter{Type: storage.EventGrantRevoked}, "", 99)
	s.ok(err)
	if len(events) != 15 {
		s.Errorf("%d events, want one for each grant", len(events))
	}
}

var confirmedCases = []testCase{{"Access/confirmed", accessConfirmed}}

// A call learns when the provider last confirmed its person, by any of their grants.
func accessConfirmed(s *suite) {
	f := s.connect("a", "client", alice, start)
	limited := false
	want := func(what string, confirmed, retry time.Time) {
		s.Helper()
		time.Sleep(450 * time.Millisecond) // what a cache knows
		access, err := s.Access(s.ctx(), f.access(), after(2*time.Second))
		s.ok(err)
		if !access.ConfirmedAt.Equal(confirmed) || !access.RetryAt.Equal(retry) || access.User.Limited != limited {
			s.Errorf("%s: confirmed at %v, not to be asked before %v, limited %t; want %v, %v, %t",
				what, access.ConfirmedAt, access.RetryAt, access.User.Limited, confirmed, retry, limited)
		}
	}
	want("after the sign-in", start, time.Time{})
	other := s.connect("b", "other", alice, after(time.Second))
	want("after another sign-in", after(time.Second), time.Time{})
	c := s.startCheck(other, after(2*time.Second), "check")
	s.ok(s.FinishProviderCheck(s.ctx(), c, storage.ProviderAnswer{RetryAt: after(time.Minute), Limited: true}, after(2*time.Second)))
	limited = true
	want("after no answer", after(time.Second), after(time.Minute))
	limited = false
	c = s.startCheck(other, after(time.Minute), "again")
	s.ok(s.FinishProviderCheck(s.ctx(), c, storage.ProviderAnswer{Person: &alice}, after(time.Minute)))
	want("after an answer", after(time.Minute), time.Time{})
}
