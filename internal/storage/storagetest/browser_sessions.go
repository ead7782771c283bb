package storagetest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var browserSessionCases = []testCase{
	{"BrowserSession/lasts", browserSessionLasts},
	{"BrowserSession/closed", browserSessionClosed},
	{"BrowserSession/no disabled user", browserSessionDisabled},
	{"BrowserSession/ends with a refusal", browserSessionRefused},
	{"BrowserSession/expires", browserSessionExpires},
	{"OpenBrowserSession/newest provider token", browserSessionToken},
	{"OpenBrowserSession/spare provider token", browserSessionSpareToken},
}

// open opens a session of a person.
func (s *suite) open(name string, p storage.Person, now time.Time) storage.Hash {
	s.Helper()
	id := storage.HashOf(name)
	s.ok(second(s.OpenBrowserSession(s.ctx(), storage.NewBrowserSession{ID: id, Person: p}, now)))
	return id
}

func (s *suite) closed(what string, id storage.Hash, now time.Time) {
	s.Helper()
	s.refused(what, second(s.BrowserSession(s.ctx(), id, now)), storage.ErrNotFound)
}

// Use makes it last, until its whole time is over.
func browserSessionLasts(s *suite) {
	id := s.open("a", alice, start)
	s.closed("another", storage.HashOf("b"), start)
	now := start
	for range 16 {
		got, err := s.BrowserSession(s.ctx(), id, now)
		s.ok(err)
		want := min(now.Add(storage.BrowserSessionIdle).Sub(start), storage.BrowserSessionLife)
		if got.User.Login != alice.Login || !got.CreatedAt.Equal(start) || got.ExpiresAt.Sub(start) != want {
			s.Errorf("after %v: %+v, want %v", now.Sub(start), got, want)
		}
		now = now.Add(storage.BrowserSessionIdle - time.Second)
	}
	s.closed("after its life", id, start.Add(storage.BrowserSessionLife))
	idle := s.open("c", alice, start)
	s.closed("unused", idle, start.Add(storage.BrowserSessionIdle))
}

func browserSessionClosed(s *suite) {
	id, other := s.open("a", alice, start), s.open("b", alice, start)
	for range 2 {
		s.ok(s.CloseBrowserSession(s.ctx(), id, start))
	}
	s.closed("closed", id, start)
	s.ok(second(s.BrowserSession(s.ctx(), other, start)))
	s.happened(storage.EventSessionOpened, storage.EventSessionOpened, storage.EventSessionClosed)
}

func browserSessionDisabled(s *suite) {
	f := s.connect("a", "client", alice, start)
	id, his, user := s.open("a", alice, start), s.open("b", bob, start), s.userID(f, start)
	s.ok(second(s.DisableUser(s.ctx(), user, start)))
	s.closed("disabled", id, start)
	s.ok(second(s.BrowserSession(s.ctx(), his, start)))
	before := s.types()
	_, err := s.OpenBrowserSession(s.ctx(), storage.NewBrowserSession{ID: storage.HashOf("c"), Person: alice}, start)
	s.refused("a new one", err, storage.ErrDisabled)
	s.closed("refused", storage.HashOf("c"), start)
	s.happened(append(before, storage.EventSignInRefused)...)
	s.ok(s.EnableUser(s.ctx(), user, start))
	s.closed("enabled again", id, start)
}

func browserSessionRefused(s *suite) {
	f := s.connect("a", "client", alice, start)
	id, his := s.open("a", alice, start), s.open("b", bob, start)
	c := s.startCheck(f, start, "check")
	s.ok(s.FinishProviderCheck(s.ctx(), c, storage.ProviderAnswer{Refused: true}, start))
	s.closed("refused by the provider", id, start)
	s.ok(second(s.BrowserSession(s.ctx(), his, start)))
}

func browserSessionExpires(s *suite) {
	id := s.open("a", alice, start)
	deleted := func(now time.Time, want int64) {
		s.Helper()
		if n, err := s.DeleteExpired(s.ctx(), now, storage.Retention{}, 100); n != want || err != nil {
			s.Errorf("%d rows deleted, %v, want %d", n, err, want)
		}
	}
	deleted(start.Add(storage.BrowserSessionIdle-time.Second), 0)
	s.ok(second(s.BrowserSession(s.ctx(), id, start)))
	deleted(start.Add(storage.BrowserSessionIdle), 1)
}

// The newest sign-in has the token of all grants. A check of the earlier token says nothing
// about the new one.
func browserSessionToken(s *suite) {
	f := s.connect("a", "client", alice, start)
	running := s.startCheck(f, start, "running")
	late := s.check(f, start, "late")
	now := after(time.Minute)
	spare, err := s.OpenBrowserSession(s.ctx(), storage.NewBrowserSession{
		ID: storage.HashOf("a"), Person: alice, ProviderToken: []byte("newer"),
	}, now)
	if spare || err != nil {
		s.Errorf("spare %t, %v", spare, err)
	}
	got := s.provider(f, now)
	got.CheckID = ""
	if diff := cmp.Diff(storage.ProviderState{GrantID: f.grant, Token: []byte("newer"), CheckedAt: now}, got); diff != "" {
		s.Errorf("(-want +got):\n%s", diff)
	}
	s.refused("the check under way", s.FinishProviderCheck(s.ctx(), running, storage.ProviderAnswer{Token: []byte("older")}, now), storage.ErrNotFound)
	s.refused("one that read the earlier token", s.StartProviderCheck(s.ctx(), late, now), storage.ErrSpent)
	if got := s.provider(f, now); string(got.Token) != "newer" {
		s.Errorf("the token is %q", got.Token)
	}
	s.ok(s.StartProviderCheck(s.ctx(), s.check(f, now, "next"), now))
}

func browserSessionSpareToken(s *suite) {
	for i, person := range []storage.Person{alice, alice, bob} {
		spare, err := s.OpenBrowserSession(s.ctx(), storage.NewBrowserSession{
			ID: storage.HashOf(string(rune('a' + i))), Person: person, ProviderToken: []byte("token"),
		}, start)
		if !spare || err != nil {
			s.Errorf("spare %t, %v", spare, err)
		}
	}
	s.taken("no token is kept", start)
}
