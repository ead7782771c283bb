package storagetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var refusedCases = []testCase{
	{"Refused/each step keeps the account", refusedAccounts},
	{"Refused/no account", refusedNobody},
	{"Refused/account of any size", refusedHuge},
	{"Refused/among other events", refusedAmongOthers},
}

// carol may not enter.
var carol = storage.Person{
	Issuer: "https://issuer.example", Subject: "77", Login: "carol", Name: "Carol C.", Email: "carol@mail.example", Domain: "mail.example",
	Groups: []string{"sales", "everyone"},
}

// refusedEvents returns the events of refused sign-ins with their accounts, the oldest first.
func (s *suite) refusedEvents() []storage.Event {
	s.Helper()
	events, err := s.ListEvents(s.ctx(), storage.EventFilter{Type: storage.EventSignInRefused}, "", 1000)
	s.ok(err)
	for _, e := range events {
		if e.Account != nil {
			s.Errorf("the list has the account of %s", e.ID)
		}
	}
	s.ok(s.DescribeRefused(s.ctx(), events))
	return events
}

// refusedAre checks whose sign-ins were refused; nil is for an unknown account.
func (s *suite) refusedAre(want ...*storage.RefusedAccount) {
	s.Helper()
	var got []*storage.RefusedAccount
	for _, e := range s.refusedEvents() {
		got = append(got, e.Account)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("refused accounts (-want +got):\n%s", diff)
	}
}

func refusedAccounts(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("client")))
	s.disable(s.connect("a", "client", alice, start), start)
	s.ok(s.RecordEvent(s.ctx(), storage.Event{Type: storage.EventSignInRefused, Account: storage.AccountOf(carol)}, after(time.Minute)))
	s.ok(s.StartAuthorization(s.ctx(), authorization("b", "client", start)))
	_, err := s.RefuseAuthorization(s.ctx(), "b", storage.HashOf("browser b"), carol, after(2*time.Minute))
	s.ok(err)
	s.ok(s.StartAuthorization(s.ctx(), authorization("c", "client", start)))
	_, err = s.FinishAuthorization(s.ctx(), completion("c", alice, start), after(3*time.Minute))
	s.refused("a disabled user", err, storage.ErrDisabled)
	_, err = s.OpenBrowserSession(s.ctx(), storage.NewBrowserSession{ID: storage.HashOf("d"), Person: alice}, after(4*time.Minute))
	s.refused("a disabled user at a page", err, storage.ErrDisabled)
	s.refusedAre(storage.AccountOf(carol), storage.AccountOf(carol), storage.AccountOf(alice), storage.AccountOf(alice))
}

// refusedNobody: the provider did not say who it was, or it is the local owner.
func refusedNobody(s *suite) {
	s.ok(s.StartAuthorization(s.ctx(), authorization("a", "client", start)))
	_, err := s.RefuseAuthorization(s.ctx(), "a", storage.HashOf("browser a"), storage.Person{Issuer: carol.Issuer}, start)
	s.ok(err)
	s.ok(s.RecordEvent(s.ctx(), storage.Event{Type: storage.EventSignInRefused, Detail: "wrong password"}, start))
	s.refusedAre(nil, nil)
	s.ok(s.DescribeRefused(s.ctx(), nil))
}

// refusedHuge: what a provider says of someone is cut, and stays recognizable.
func refusedHuge(s *suite) {
	for i, text := range []string{"x", "é", "\x00", "\U0001F600", "\xff"} {
		huge := carol
		huge.Name, huge.Domain = strings.Repeat(text, 100_000), strings.Repeat(text, 300)
		huge.Groups = nil
		for range 10_000 {
			huge.Groups = append(huge.Groups, strings.Repeat(text, 100))
		}
		s.ok(s.RecordEvent(s.ctx(), storage.Event{Type: storage.EventSignInRefused, Account: storage.AccountOf(huge)}, after(time.Duration(i)*time.Minute)))
	}
	for _, e := range s.refusedEvents() {
		a := e.Account
		if a == nil || a.Broken != nil || a.Subject != carol.Subject || a.Login[:2] != carol.Login[:2] || !strings.HasSuffix(a.Name, "…") {
			s.Fatalf("account %+v", a)
		}
		if size := len(fmt.Sprint(a)); size > 3000 {
			s.Errorf("%d bytes are kept of a huge account", size)
		}
	}
}

// refusedAmongOthers: accounts are those of their own events, whatever else is listed.
func refusedAmongOthers(s *suite) {
	for i := range 6 {
		who := carol
		who.Login = fmt.Sprint("carol", i)
		e := storage.Event{Type: storage.EventSignInRefused, ClientID: fmt.Sprint("client", i%2), Account: storage.AccountOf(who)}
		s.ok(s.RecordEvent(s.ctx(), e, after(time.Duration(i)*time.Minute)))
		s.ok(s.RecordEvent(s.ctx(), storage.Event{Type: storage.EventTokensIssued, ClientID: "client1"}, after(time.Duration(i)*time.Minute)))
	}
	events, err := s.EventsBefore(s.ctx(), storage.EventFilter{ClientID: "client1"}, "", 5)
	s.ok(err)
	s.ok(s.DescribeRefused(s.ctx(), events))
	var logins []string
	for _, e := range events {
		if e.Account != nil {
			logins = append(logins, e.Account.Login)
		}
	}
	s.sameList("of a client", logins, "carol5", "carol3")
}
