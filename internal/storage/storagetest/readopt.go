package storagetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var readoptCases = []testCase{
	{"Readopt/in the same step", readoptOnce},
	{"Readopt/a client that is there stays", readoptKnown},
	{"Readopt/what was granted before is revoked", readoptRevokes},
	{"Readopt/whoever loses registers nothing", readoptLosers},
	{"Readopt/race", readoptRace},
	{"Readopt/reclaimed unless used", readoptReclaimed},
}

// readoption completes the sign-in of this id and registers the client anew.
func readoption(id, clientID string, person storage.Person, now time.Time) storage.Completion {
	c, x := client(clientID), completion(id, person, now)
	c.AuthMethod, c.SecretHash, c.RegistrationTokenHash, c.CreatedAt = "", "", "", now
	x.Client = &c
	return x
}

// readopt signs a person in with a client that is registered anew.
func (k *kit) readopt(id, clientID string, now time.Time) family {
	k.Helper()
	a := authorization(id, clientID, now)
	a.Request.Readopt = true
	k.ok(k.StartAuthorization(k.ctx(), a))
	got, err := k.FinishAuthorization(k.ctx(), readoption(id, clientID, alice, now), now)
	if diff := cmp.Diff(a.Request, got); diff != "" || err != nil {
		k.Errorf("request: %v (-want +got):\n%s", err, diff)
	}
	return family{client: clientID, grant: "grt_" + id, browser: "browser " + id, code: "code " + id}
}

func readoptOnce(k *kit) {
	k.ok(k.StartAuthorization(k.ctx(), authorization("a", "dead", start)))
	_, err := k.Client(k.ctx(), "dead")
	k.refused("before", err, storage.ErrNotFound)
	f := k.readopt("b", "dead", start)
	k.sameClient(*readoption("b", "dead", alice, start).Client)
	_, err = k.ExchangeCode(k.ctx(), f.exchange(start), start)
	k.ok(err)
	k.happened(storage.EventClientReadopted, storage.EventGrantCreated, storage.EventTokensIssued)
	events, err := k.ListEvents(k.ctx(), storage.EventFilter{Type: storage.EventClientReadopted}, "", 9)
	k.ok(err)
	if len(events) != 1 || events[0].ClientID != "dead" || events[0].UserID == "" || events[0].Detail == "" {
		k.Errorf("events: %+v", events)
	}
}

func readoptKnown(k *kit) {
	want := client("alive")
	k.ok(k.CreateClient(k.ctx(), want))
	before := k.connect("a", "alive", bob, start)
	k.readopt("b", "alive", start)
	k.sameClient(want)
	k.alive(start, before)
	if slices.Contains(k.types(), storage.EventClientReadopted) {
		k.Error("an event of a readoption")
	}
}

// A client whose row is gone had a secret, perhaps; the one that comes back has none.
func readoptRevokes(k *kit) {
	lost := k.connect("a", "dead", bob, start)
	other := k.connect("b", "other", bob, start)
	f := k.readopt("c", "dead", start)
	k.dead(start, lost)
	k.alive(start, other)
	_, err := k.ExchangeCode(k.ctx(), f.exchange(start), start)
	k.ok(err)
}

func readoptLosers(k *kit) {
	k.ok(k.StartAuthorization(k.ctx(), authorization("a", "dead", start)))
	wrong := readoption("a", "dead", alice, start)
	wrong.Browser = storage.HashOf("another browser")
	_, err := k.FinishAuthorization(k.ctx(), wrong, start)
	k.refused("another browser", err, storage.ErrNotFound)
	_, err = k.FinishAuthorization(k.ctx(), readoption("a", "dead", alice, start), after(signInLife))
	k.refused("too late", err, storage.ErrNotFound)
	_, err = k.DenyAuthorization(k.ctx(), "a", storage.HashOf("browser a"), start)
	k.ok(err)
	_, err = k.FinishAuthorization(k.ctx(), readoption("a", "dead", alice, start), start)
	k.refused("denied", err, storage.ErrSpent)
	_, err = k.Client(k.ctx(), "dead")
	k.refused("client", err, storage.ErrNotFound)
}

// Many people at once with the same dead id: everybody gets in, and the client is
// registered once.
func readoptRace(k *kit) {
	for i := range racers {
		k.ok(k.StartAuthorization(k.ctx(), authorization(fmt.Sprint(i), "dead", start)))
	}
	errs := race(racers, func(i int) error {
		person := storage.Person{Issuer: "https://idp.example", Subject: fmt.Sprint(i % 8), Login: "somebody"}
		_, err := k.FinishAuthorization(k.ctx(), readoption(fmt.Sprint(i), "dead", person, start), start)
		return err
	})
	for i, err := range errs {
		k.ok(err)
		f := family{client: "dead", grant: fmt.Sprint("grt_", i), code: fmt.Sprint("code ", i)}
		_, err := k.ExchangeCode(k.ctx(), f.exchange(start), start)
		k.ok(err)
	}
	n := 0
	for _, typ := range k.types() {
		if typ == storage.EventClientReadopted {
			n++
		}
	}
	if n != 1 {
		k.Errorf("%d readoptions, want 1", n)
	}
}

func readoptReclaimed(k *kit) {
	k.ok(k.register("a", start, 2))
	f := k.readopt("b", "used", start)
	_, err := k.ExchangeCode(k.ctx(), f.exchange(start), start)
	k.ok(err)
	k.ok(k.StartAuthorization(k.ctx(), authorization("c", "unused", start)))
	_, err = k.FinishAuthorization(k.ctx(), readoption("c", "unused", bob, start), start)
	k.ok(err)
	k.refused("beyond the ceiling", k.register("d", start, 2), storage.ErrFull)
	now := after(24 * time.Hour)
	_, err = k.TakeProviderTokens(k.ctx(), now, 100) // the grant that came to nothing goes after it
	k.ok(err)
	_, err = k.DeleteExpired(k.ctx(), now, storage.Retention{UnusedClients: time.Hour}, 100)
	k.ok(err)
	k.registered("used")
}
