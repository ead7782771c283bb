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
	{"Readopt/losers register nothing", readoptLosers},
	{"Readopt/race", readoptRace},
	{"Readopt/further redirect URI", readoptFurther},
	{"Readopt/further redirect URI of another client", readoptFurtherRefused},
	{"Readopt/reclaimed unless used", readoptReclaimed},
}

// readoption completes the sign-in of this id and registers the client again.
func readoption(id, clientID string, person storage.Person, now time.Time) storage.Completion {
	c, x := client(clientID), completion(id, person, now)
	c.AuthMethod, c.SecretHash, c.RegistrationTokenHash, c.CreatedAt, c.Origin = "", "", "", now, storage.OriginRegistered
	x.Client = &c
	return x
}

// readopt signs a person in with a client that is registered again.
func (s *suite) readopt(id, clientID string, now time.Time) family {
	s.Helper()
	a := authorization(id, clientID, now)
	a.Request.Readopt = true
	s.ok(s.StartAuthorization(s.ctx(), a))
	got, err := s.FinishAuthorization(s.ctx(), readoption(id, clientID, alice, now), now)
	if diff := cmp.Diff(a.Request, got); diff != "" || err != nil {
		s.Errorf("request: %v (-want +got):\n%s", err, diff)
	}
	return family{client: clientID, grant: "grt_" + id, browser: "browser " + id, code: "code " + id}
}

func readoptOnce(s *suite) {
	s.ok(s.StartAuthorization(s.ctx(), authorization("a", "dead", start)))
	_, err := s.Client(s.ctx(), "dead")
	s.refused("before", err, storage.ErrNotFound)
	f := s.readopt("b", "dead", start)
	s.sameClient(*readoption("b", "dead", alice, start).Client)
	_, err = s.ExchangeCode(s.ctx(), f.exchange(start), start)
	s.ok(err)
	s.happened(storage.EventClientReadopted, storage.EventGrantCreated, storage.EventTokensIssued)
	events, err := s.ListEvents(s.ctx(), storage.EventFilter{Type: storage.EventClientReadopted}, "", 9)
	s.ok(err)
	if len(events) != 1 || events[0].ClientID != "dead" || events[0].UserID == "" || events[0].Detail == "" {
		s.Errorf("events: %+v", events)
	}
}

func readoptKnown(s *suite) {
	want := client("alive")
	s.ok(s.CreateClient(s.ctx(), want))
	before := s.connect("a", "alive", bob, start)
	s.ok(s.StartAuthorization(s.ctx(), authorization("b", "alive", start)))
	_, err := s.FinishAuthorization(s.ctx(), readoption("b", "alive", alice, start), start)
	s.refused("a client that is there", err, storage.ErrChanged)
	s.sameClient(want)
	s.alive(start, before)
	if slices.Contains(s.types(), storage.EventClientReadopted) {
		s.Error("an event of a readoption")
	}
}

// A client whose row is gone had a secret, perhaps; the one that comes back has none.
func readoptRevokes(s *suite) {
	s.hasDocument("dead", start)
	lost := s.connect("a", "dead", bob, start)
	other := s.connect("b", "other", bob, start)
	f := s.readopt("c", "dead", start)
	s.dead(start, lost)
	s.alive(start, other)
	_, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
	s.ok(err)
}

func readoptLosers(s *suite) {
	s.ok(s.StartAuthorization(s.ctx(), authorization("a", "dead", start)))
	wrong := readoption("a", "dead", alice, start)
	wrong.Browser = storage.HashOf("another browser")
	_, err := s.FinishAuthorization(s.ctx(), wrong, start)
	s.refused("another browser", err, storage.ErrNotFound)
	_, err = s.FinishAuthorization(s.ctx(), readoption("a", "dead", alice, start), after(signInLife))
	s.refused("too late", err, storage.ErrNotFound)
	_, err = s.DenyAuthorization(s.ctx(), "a", storage.HashOf("browser a"), start)
	s.ok(err)
	_, err = s.FinishAuthorization(s.ctx(), readoption("a", "dead", alice, start), start)
	s.refused("denied", err, storage.ErrSpent)
	_, err = s.Client(s.ctx(), "dead")
	s.refused("client", err, storage.ErrNotFound)
}

// Many people concurrently with the same stale ID: the client is registered once, the others
// hear that it is there, and everyone gets in.
func readoptRace(s *suite) {
	for i := range racers {
		s.ok(s.StartAuthorization(s.ctx(), authorization(fmt.Sprint(i), "dead", start)))
	}
	errs := race(racers, func(i int) error {
		person := storage.Person{Issuer: "https://idp.example", Subject: fmt.Sprint(i % 8), Login: "someone"}
		_, err := s.FinishAuthorization(s.ctx(), readoption(fmt.Sprint(i), "dead", person, start), start)
		return err
	})
	s.oneWins(errs, storage.ErrChanged)
	for i, err := range errs {
		if err != nil {
			_, err = s.FinishAuthorization(s.ctx(), further(fmt.Sprint(i), bob), start)
			s.ok(err)
		}
		f := family{client: "dead", grant: fmt.Sprint("grt_", i), code: fmt.Sprint("code ", i)}
		_, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
		s.ok(err)
	}
	n := 0
	for _, typ := range s.types() {
		if typ == storage.EventClientReadopted {
			n++
		}
	}
	if n != racers {
		s.Errorf("%d readoptions and further redirect URIs, want %d", n, racers)
	}
}

// further completes the sign-in of this id, whose redirect URI the client does not have.
func further(id string, person storage.Person) storage.Completion {
	x := completion(id, person, start)
	x.Further = true
	return x
}

// A further redirect URI is the grant's: the client stays as it is, and so do other grants.
func readoptFurther(s *suite) {
	first := s.readopt("a", "dead", start)
	issued, err := s.ExchangeCode(s.ctx(), first.exchange(start), start)
	s.ok(err)
	first.tokens = issued.Tokens
	before, err := s.Client(s.ctx(), "dead")
	s.ok(err)
	a := authorization("b", "dead", start)
	a.Request.RedirectURI = "https://elsewhere.example/cb"
	s.ok(s.StartAuthorization(s.ctx(), a))
	s.ok(errorOf(s.FinishAuthorization(s.ctx(), further("b", bob), start)))
	s.sameClient(before)

	f := family{client: "dead", grant: "grt_b", code: "code b"}
	x := f.exchange(start)
	s.refused("at the redirect URI of others", errorOf(s.ExchangeCode(s.ctx(), x, start)), storage.ErrNotFound)
	x.RedirectURI = a.Request.RedirectURI
	s.ok(errorOf(s.ExchangeCode(s.ctx(), x, start)))
	s.alive(start, first)
	events, err := s.ListEvents(s.ctx(), storage.EventFilter{Type: storage.EventClientReadopted}, "", 9)
	s.ok(err)
	if len(events) != 2 || events[1].ClientID != "dead" || events[1].GrantID != "grt_b" || events[1].UserID == events[0].UserID || events[1].Detail != a.Request.RedirectURI {
		s.Errorf("events: %+v", events)
	}
}

// A client that registered, one that an operator registered and none at all have no further
// redirect URIs.
func readoptFurtherRefused(s *suite) {
	registered, operators := client("registered"), client("operator's")
	registered.Origin, operators.RegistrationTokenHash = storage.OriginRegistered, ""
	for _, c := range []storage.Client{registered, operators} {
		s.ok(s.CreateClient(s.ctx(), c))
		s.ok(s.StartAuthorization(s.ctx(), authorization(c.ID, c.ID, start)))
		before := s.types()
		s.refused(c.ID, errorOf(s.Store.FinishAuthorization(s.ctx(), further(c.ID, alice), start)), storage.ErrChanged)
		s.happened(before...)
		s.ok(s.finishPlain(c.ID, start))
	}
	s.ok(s.StartAuthorization(s.ctx(), authorization("gone", "gone", start)))
	s.refused("gone", errorOf(s.Store.FinishAuthorization(s.ctx(), further("gone", alice), start)), storage.ErrNoClient)
}

// errorOf returns the error of a step that also returns something else.
func errorOf[T any](_ T, err error) error { return err }

func readoptReclaimed(s *suite) {
	s.ok(s.register("a", start, 2))
	f := s.readopt("b", "used", start)
	_, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
	s.ok(err)
	s.ok(s.StartAuthorization(s.ctx(), authorization("c", "unused", start)))
	_, err = s.FinishAuthorization(s.ctx(), readoption("c", "unused", bob, start), start)
	s.ok(err)
	s.refused("beyond the ceiling", s.register("d", start, 2), storage.ErrFull)
	now := after(24 * time.Hour)
	_, err = s.TakeProviderTokens(s.ctx(), now, 100) // the grant that came to nothing goes after it
	s.ok(err)
	_, err = s.DeleteExpired(s.ctx(), now, storage.Retention{UnusedClients: time.Hour}, 100)
	s.ok(err)
	s.registered("used")
}
