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
	{"Events/retention", eventsRetention},
}

// types lists what happened since the store was made, oldest first, but for the
// key that it went on record with.
func (k *kit) types() []storage.EventType {
	k.Helper()
	events, err := k.ListEvents(k.ctx(), storage.EventFilter{}, "", 1000)
	k.ok(err)
	var types []storage.EventType
	for _, e := range events {
		if e.Type != storage.EventKeyRecorded {
			types = append(types, e.Type)
		}
	}
	return types
}

// happened checks the audit trail.
func (k *kit) happened(want ...storage.EventType) {
	k.Helper()
	if got := k.types(); !slices.Equal(got, want) {
		k.Errorf("events: %v, want %v", got, want)
	}
}

// about checks whom and what the newest entry of the audit trail names.
func (k *kit) about(want storage.Event) {
	k.Helper()
	events, err := k.NewestEvents(k.ctx(), storage.EventFilter{}, 1)
	k.ok(err)
	for _, e := range events {
		e.ID, e.Actor, e.At = "", "", want.At
		if e != want {
			k.Errorf("the event is about %+v, want %+v", e, want)
		}
	}
}

func eventsOfSteps(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("client")))
	f := k.connect("a", "client", alice, start)
	f = k.rotate(f, start)
	user := k.userID(f, start)
	k.ok(k.RevokeToken(k.ctx(), f.access(), f.client, start))
	k.about(storage.Event{Type: storage.EventTokenRevoked, UserID: user, ClientID: f.client, GrantID: f.grant, Detail: "access token"})
	k.ok(k.RevokeToken(k.ctx(), f.refresh(), f.client, start))
	k.ok(k.StartAuthorization(k.ctx(), authorization("no", "client", start)))
	_, err := k.DenyAuthorization(k.ctx(), "no", storage.HashOf("browser no"), start)
	k.ok(err)
	k.ok(k.StartAuthorization(k.ctx(), authorization("refused", "client", start)))
	_, err = k.RefuseAuthorization(k.ctx(), "refused", storage.HashOf("browser refused"), start)
	k.ok(err)
	k.ok(k.RevokeGrant(k.ctx(), k.connect("b", "client", alice, start).grant, start))
	k.ok(k.UpdateClient(k.ctx(), client("client"), renamed("client"), start))
	k.ok(k.DeleteClient(k.ctx(), "client", start))
	k.ok(k.SetPassword(k.ctx(), owner, "hash", true, start))
	k.happened(
		storage.EventClientRegistered, storage.EventGrantCreated, storage.EventTokensIssued, storage.EventTokensRefreshed,
		storage.EventTokenRevoked, storage.EventTokenRevoked, storage.EventAuthorizationDenied, storage.EventSignInRefused,
		storage.EventGrantCreated, storage.EventTokensIssued, storage.EventGrantRevoked,
		storage.EventClientUpdated, storage.EventClientDeleted, storage.EventPasswordSet,
	)
}

func eventsOfNothing(k *kit) {
	f := k.connect("a", "client", alice, start)
	before := k.types()
	k.refused("unknown grant", k.RevokeGrant(k.ctx(), "grt_unknown", start), storage.ErrNotFound)
	k.refused("unknown client", k.DeleteClient(k.ctx(), "unknown", start), storage.ErrNotFound)
	k.refused("unknown client", k.UpdateClient(k.ctx(), client("unknown"), renamed("unknown"), start), storage.ErrNotFound)
	k.ok(k.RevokeToken(k.ctx(), f.refresh(), "other", start))
	k.ok(k.RevokeToken(k.ctx(), storage.HashOf("unknown"), f.client, start))
	_, err := k.ExchangeCode(k.ctx(), storage.CodeExchange{Code: storage.HashOf("unknown"), ClientID: f.client, Next: newTokens(start)}, start)
	k.refused("unknown code", err, storage.ErrNotFound)
	canceled, cancel := context.WithCancel(k.ctx())
	cancel()
	k.refused("canceled", k.RevokeGrant(canceled, f.grant, start), storage.ErrUnavailable)
	k.happened(before...)
}

func eventsOfRace(k *kit) {
	f := k.approve("a", "client", alice, start)
	race(racers, func(int) error {
		_, err := k.ExchangeCode(k.ctx(), f.exchange(start), start)
		return err
	})
	// One winner; the first loser revokes, all others find that done.
	k.happened(storage.EventGrantCreated, storage.EventTokensIssued, storage.EventCodeReuse)
}

func eventsActor(k *kit) {
	f := k.connect("a", "client", alice, start)
	user := k.userID(f, start)
	ctx := storage.WithActor(k.ctx(), storage.Actor{Name: storage.ActorOperator, Reference: "ref1", Reason: "left the company"})
	k.ok(k.RevokeGrant(ctx, f.grant, after(time.Minute)))
	events, err := k.NewestEvents(k.ctx(), storage.EventFilter{}, 1)
	k.ok(err)
	want := storage.Event{
		Type: storage.EventGrantRevoked, Actor: storage.ActorOperator, UserID: user, ClientID: "client",
		GrantID: f.grant, Reference: "ref1", Detail: "left the company", At: after(time.Minute),
	}
	if len(events) == 1 {
		want.ID = events[0].ID
	}
	if len(events) != 1 || events[0] != want || want.ID == "" {
		k.Errorf("newest event: %+v, want %+v", events, want)
	}
}

func eventsFilter(k *kit) {
	for i := range 5 {
		k.ok(k.RecordEvent(k.ctx(), storage.Event{
			Type: storage.EventSignInRefused, ClientID: fmt.Sprint("client", i%2), Detail: fmt.Sprint(i),
		}, after(time.Duration(i)*time.Minute)))
	}
	details := func(events []storage.Event, err error) (list []string) {
		k.Helper()
		k.ok(err)
		for _, e := range events {
			list = append(list, e.Detail)
		}
		return list
	}
	refused := storage.EventFilter{Type: storage.EventSignInRefused}
	page, err := k.ListEvents(k.ctx(), refused, "", 2)
	k.sameList("first page", details(page, err), "0", "1")
	if len(page) == 2 {
		k.sameList("second page", details(k.ListEvents(k.ctx(), refused, page[1].ID, 2)), "2", "3")
	}
	k.sameList("newest", details(k.NewestEvents(k.ctx(), refused, 2)), "3", "4")
	k.sameList("of a client", details(k.ListEvents(k.ctx(), storage.EventFilter{ClientID: "client1"}, "", 9)), "1", "3")
	k.sameList("since", details(k.NewestEvents(k.ctx(), storage.EventFilter{Since: after(3 * time.Minute)}, 9)), "3", "4")
	k.sameList("of another type", details(k.ListEvents(k.ctx(), storage.EventFilter{Type: storage.EventUserDisabled}, "", 9)))
	k.sameList("of a grant", details(k.ListEvents(k.ctx(), storage.EventFilter{GrantID: "grt_unknown"}, "", 9)))
	k.sameList("of a person", details(k.NewestEvents(k.ctx(), storage.EventFilter{UserID: "usr_unknown"}, 9)))
}

// sameList compares texts.
func (k *kit) sameList(what string, got []string, want ...string) {
	k.Helper()
	if !slices.Equal(got, want) {
		k.Errorf("%s: %q, want %q", what, got, want)
	}
}

func eventsRetention(k *kit) {
	k.ok(k.RecordEvent(k.ctx(), storage.Event{Type: storage.EventSignInRefused}, start))
	k.ok(k.RecordEvent(k.ctx(), storage.Event{Type: storage.EventUserDisabled}, after(time.Hour)))
	sweep := func(keep time.Duration) {
		k.Helper()
		_, err := k.DeleteExpired(k.ctx(), after(2*time.Hour), storage.Retention{Events: keep}, 100)
		k.ok(err)
	}
	sweep(0) // for ever
	k.happened(storage.EventSignInRefused, storage.EventUserDisabled)
	sweep(2 * time.Hour)
	k.happened(storage.EventUserDisabled)
}
