package storagetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var eventCases = []testCase{
	{"Events/each step records its own", eventsOfSteps},
	{"Events/what changes nothing records nothing", eventsOfNothing},
	{"Events/losers record nothing", eventsOfRace},
	{"Events/actor, reference and reason", eventsActor},
	{"Events/filter and pages", eventsFilter},
	{"Events/before one", eventsBefore},
	{"Events/retention", eventsRetention},
	{"Events/limited", eventsLimited},
	{"Events/of a repeat", eventsOfRepeat},
}

// types lists what happened since the store was made, oldest first, but for the
// key that it continued record with.
func (s *suite) types() []storage.EventType {
	s.Helper()
	events, err := s.ListEvents(s.ctx(), storage.EventFilter{}, "", 1000)
	s.ok(err)
	var types []storage.EventType
	for _, e := range events {
		if s.shows(e) {
			types = append(types, e.Type)
		}
	}
	return types
}

// happened checks the audit trail.
func (s *suite) happened(want ...storage.EventType) {
	s.Helper()
	if got := s.types(); !slices.Equal(got, want) {
		s.Errorf("events: %v, want %v", got, want)
	}
}

// about checks whom and what the newest entry of the audit trail names.
func (s *suite) about(want storage.Event) {
	s.Helper()
	events, err := s.NewestEvents(s.ctx(), storage.EventFilter{}, 1)
	s.ok(err)
	for _, e := range events {
		e.ID, e.Actor, e.At = "", "", want.At
		if e != want {
			s.Errorf("the event is about %+v, want %+v", e, want)
		}
	}
}

func eventsOfSteps(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("client")))
	f := s.connect("a", "client", alice, start)
	f = s.rotate(f, start)
	user := s.userID(f, start)
	s.ok(s.RevokeToken(s.ctx(), f.access(), f.client, start))
	s.about(storage.Event{Type: storage.EventTokenRevoked, UserID: user, ClientID: f.client, GrantID: f.grant, Detail: "access token"})
	s.ok(s.RevokeToken(s.ctx(), f.refresh(), f.client, start))
	s.ok(s.StartAuthorization(s.ctx(), authorization("no", "client", start)))
	_, err := s.DenyAuthorization(s.ctx(), "no", storage.HashOf("browser no"), start)
	s.ok(err)
	s.ok(s.StartAuthorization(s.ctx(), authorization("refused", "client", start)))
	_, err = s.RefuseAuthorization(s.ctx(), "refused", storage.HashOf("browser refused"), alice, start)
	s.ok(err)
	s.ok(s.RevokeGrant(s.ctx(), s.connect("b", "client", alice, start).grant, start))
	s.ok(s.UpdateClient(s.ctx(), client("client"), renamed("client"), start))
	s.ok(s.DeleteClient(s.ctx(), "client", start))
	s.ok(s.SetPassword(s.ctx(), owner, "hash", true, start))
	s.happened(
		storage.EventClientRegistered, storage.EventGrantCreated, storage.EventTokensIssued, storage.EventTokensRefreshed,
		storage.EventTokenRevoked, storage.EventTokenRevoked, storage.EventAuthorizationDenied, storage.EventSignInRefused,
		storage.EventGrantCreated, storage.EventTokensIssued, storage.EventGrantRevoked,
		storage.EventClientUpdated, storage.EventClientDeleted, storage.EventPasswordSet,
	)
}

func eventsOfNothing(s *suite) {
	f := s.connect("a", "client", alice, start)
	before := s.types()
	s.refused("unknown grant", s.RevokeGrant(s.ctx(), "grt_unknown", start), storage.ErrNotFound)
	s.refused("unknown client", s.DeleteClient(s.ctx(), "unknown", start), storage.ErrNotFound)
	s.refused("unknown client", s.UpdateClient(s.ctx(), client("unknown"), renamed("unknown"), start), storage.ErrNotFound)
	s.ok(s.RevokeToken(s.ctx(), f.refresh(), "other", start))
	s.ok(s.RevokeToken(s.ctx(), storage.HashOf("unknown"), f.client, start))
	_, err := s.ExchangeCode(s.ctx(), storage.CodeExchange{Code: storage.HashOf("unknown"), ClientID: f.client, Next: newTokens(start)}, start)
	s.refused("unknown code", err, storage.ErrNotFound)
	canceled, cancel := context.WithCancel(s.ctx())
	cancel()
	s.refused("canceled", s.RevokeGrant(canceled, f.grant, start), storage.ErrUnavailable)
	s.happened(before...)
}

func eventsOfRace(s *suite) {
	f := s.approve("a", "client", alice, start)
	race(racers, func(int) error {
		_, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
		return err
	})
	// One winner; the first loser revokes, all others find that done.
	s.happened(storage.EventGrantCreated, storage.EventTokensIssued, storage.EventCodeReuse)
}

func eventsActor(s *suite) {
	f := s.connect("a", "client", alice, start)
	user := s.userID(f, start)
	ctx := storage.WithActor(s.ctx(), storage.Actor{Name: storage.ActorOperator, Reference: "ref1", Reason: "left the company"})
	s.ok(s.RevokeGrant(ctx, f.grant, after(time.Minute)))
	events, err := s.NewestEvents(s.ctx(), storage.EventFilter{}, 1)
	s.ok(err)
	want := storage.Event{
		Type: storage.EventGrantRevoked, Actor: storage.ActorOperator, UserID: user, ClientID: "client",
		GrantID: f.grant, Reference: "ref1", Detail: "left the company", At: after(time.Minute),
	}
	if len(events) == 1 {
		want.ID = events[0].ID
	}
	if len(events) != 1 || events[0] != want || want.ID == "" {
		s.Errorf("newest event: %+v, want %+v", events, want)
	}
}

func eventsFilter(s *suite) {
	for i := range 5 {
		s.ok(s.RecordEvent(s.ctx(), storage.Event{
			Type: storage.EventSignInRefused, ClientID: fmt.Sprint("client", i%2), Detail: fmt.Sprint(i),
		}, after(time.Duration(i)*time.Minute)))
	}
	details := func(events []storage.Event, err error) (list []string) {
		s.Helper()
		s.ok(err)
		for _, e := range events {
			list = append(list, e.Detail)
		}
		return list
	}
	refused := storage.EventFilter{Type: storage.EventSignInRefused}
	page, err := s.ListEvents(s.ctx(), refused, "", 2)
	s.sameList("first page", details(page, err), "0", "1")
	if len(page) == 2 {
		s.sameList("second page", details(s.ListEvents(s.ctx(), refused, page[1].ID, 2)), "2", "3")
	}
	s.sameList("newest", details(s.NewestEvents(s.ctx(), refused, 2)), "3", "4")
	s.sameList("of a client", details(s.ListEvents(s.ctx(), storage.EventFilter{ClientID: "client1"}, "", 9)), "1", "3")
	s.sameList("since", details(s.NewestEvents(s.ctx(), storage.EventFilter{Since: after(3 * time.Minute)}, 9)), "3", "4")
	s.sameList("until", details(s.NewestEvents(s.ctx(), storage.EventFilter{Type: storage.EventSignInRefused, Until: after(2 * time.Minute)}, 9)), "0", "1")
	s.sameList("until, of a client", details(s.ListEvents(s.ctx(), storage.EventFilter{ClientID: "client1", Since: after(0), Until: after(3 * time.Minute)}, "", 9)), "1")
	s.sameList("of another type", details(s.ListEvents(s.ctx(), storage.EventFilter{Type: storage.EventUserDisabled}, "", 9)))
	s.sameList("of a grant", details(s.ListEvents(s.ctx(), storage.EventFilter{GrantID: "grt_unknown"}, "", 9)))
	s.sameList("of a person", details(s.NewestEvents(s.ctx(), storage.EventFilter{UserID: "usr_unknown"}, 9)))
}

// sameList compares texts.
func (s *suite) sameList(what string, got []string, want ...string) {
	s.Helper()
	if !slices.Equal(got, want) {
		s.Errorf("%s: %q, want %q", what, got, want)
	}
}

func eventsRetention(s *suite) {
	s.ok(s.RecordEvent(s.ctx(), storage.Event{Type: storage.EventSignInRefused}, start))
	s.ok(s.RecordEvent(s.ctx(), storage.Event{Type: storage.EventUserDisabled}, after(time.Hour)))
	sweep := func(keep time.Duration) {
		s.Helper()
		_, err := s.DeleteExpired(s.ctx(), after(2*time.Hour), storage.Retention{Events: keep}, 100)
		s.ok(err)
	}
	sweep(0) // forever
	s.happened(storage.EventSignInRefused, storage.EventUserDisabled)
	sweep(2 * time.Hour)
	s.happened(storage.EventUserDisabled)
}

// eventsLimited: of a type that strangers can bring about, few are recorded in a minute, and
// others are not in their way.
func eventsLimited(s *suite) {
	const more = 5
	for range storage.LimitedEvents + more {
		s.ok(s.RecordEvent(s.ctx(), storage.Event{Type: storage.EventClientRefused, ClientID: "client"}, start))
		s.ok(s.RecordEvent(s.ctx(), storage.Event{Type: storage.EventSignInThrottled}, start))
	}
	s.ok(s.RecordEvent(s.ctx(), storage.Event{Type: storage.EventSignInRefused}, start))
	count := map[storage.EventType]int{}
	for _, t := range s.types() {
		count[t]++
	}
	if count[storage.EventClientRefused] != storage.LimitedEvents || count[storage.EventSignInThrottled] != storage.LimitedEvents ||
		count[storage.EventSignInRefused] != 1 {
		s.Errorf("recorded %v, want %d of each flood and the other one", count, storage.LimitedEvents)
	}
}

func eventsOfRepeat(s *suite) {
	f := s.connect("a", "client", alice, start)
	s.rotate(f, start)
	user := s.userID(f, start)
	_, err := s.RotateRefreshToken(s.ctx(), f.rotation(start), start)
	s.ok(err)
	s.about(storage.Event{Type: storage.EventRefreshRepeated, UserID: user, ClientID: f.client, GrantID: f.grant})
}

// eventsBefore goes back from any event, for each filter.
func eventsBefore(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("client")))
	f := s.connect("a", "client", alice, start)
	user := s.userID(f, start)
	s.rotate(f, start)
	s.rotate(s.connect("b", "client", bob, start), start)
	for _, filter := range []storage.EventFilter{
		{}, {Type: storage.EventTokensRefreshed}, {UserID: user}, {ClientID: "client"}, {GrantID: f.grant},
		{UserID: user, ClientID: "client", Type: storage.EventTokensIssued}, {UserID: "none"},
	} {
		forwards, err := s.ListEvents(s.ctx(), filter, "", 1000)
		s.ok(err)
		var backwards []storage.Event
		for before := storage.EventIDPrefix + "~"; ; before = backwards[len(backwards)-1].ID {
			page, err := s.EventsBefore(s.ctx(), filter, before, 2)
			s.ok(err)
			backwards = append(backwards, page...)
			if len(page) < 2 {
				break
			}
		}
		slices.Reverse(backwards)
		if !slices.Equal(forwards, backwards) || (len(forwards) > 0) != (filter.UserID != "none") {
			s.Errorf("%+v: %v backwards, %v forwards", filter, backwards, forwards)
		}
	}
}
