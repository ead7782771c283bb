package storagetest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var refreshCases = []testCase{
	{"RefreshGrant/every field", refreshGrantEveryField},
	{"RefreshGrant/changes nothing", refreshGrantChangesNothing},
	{"RefreshGrant/not found", refreshGrantNotFound},
	{"RotateRefreshToken/issues", rotateIssues},
	{"RotateRefreshToken/narrowed scope", rotateNarrowed},
	{"RotateRefreshToken/not found", rotateNotFound},
	{"RotateRefreshToken/expiry", rotateExpiry},
	{"RotateRefreshToken/long line", rotateLongLine},
}

func refreshGrantEveryField(s *suite) {
	f := s.connect("a", "client", alice, start)
	grant, user, err := s.RefreshGrant(s.ctx(), f.refresh(), f.client, start)
	s.ok(err)
	wantUser := storage.User{ID: s.userID(f, start), Person: alice}
	want := storage.Grant{
		ID: f.grant, UserID: wantUser.ID, ClientID: "client", Scope: fullScope, Resource: resource, RedirectURI: anyPortURI,
		CreatedAt: start, LastUsedAt: start,
		Provider: storage.ProviderState{GrantID: f.grant, Token: []byte("provider token of a"), CheckedAt: start},
	}
	if diff := cmp.Diff(want, grant); diff != "" {
		s.Errorf("grant (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantUser, user); diff != "" {
		s.Errorf("user (-want +got):\n%s", diff)
	}
}

func refreshGrantChangesNothing(s *suite) {
	f := s.connect("a", "client", alice, start)
	first, _, err := s.RefreshGrant(s.ctx(), f.refresh(), f.client, start)
	s.ok(err)
	second, _, err := s.RefreshGrant(s.ctx(), f.refresh(), f.client, after(time.Hour))
	if diff := cmp.Diff(first, second); diff != "" || err != nil {
		s.Errorf("second call: %v (-first +second):\n%s", err, diff)
	}
	next := s.rotate(f, after(time.Hour))
	spent, _, err := s.RefreshGrant(s.ctx(), f.refresh(), f.client, after(2*time.Hour)) // long after the window
	if spent.ID != f.grant || err != nil {
		s.Errorf("grant of a spent token = %q, %v", spent.ID, err)
	}
	if _, _, err := s.RefreshGrant(s.ctx(), next.refresh(), f.client, after(2*time.Hour)); err != nil {
		s.Errorf("looking at a spent token revoked its grant: %v", err)
	}
}

func refreshGrantNotFound(s *suite) {
	s.eachUnknownToken(func(token storage.Hash, client string, now time.Time) error {
		_, _, err := s.RefreshGrant(s.ctx(), token, client, now)
		return err
	})
}

func rotateNotFound(s *suite) {
	s.eachUnknownToken(func(token storage.Hash, client string, now time.Time) error {
		_, err := s.RotateRefreshToken(s.ctx(), storage.RefreshRotation{
			Token: token, ClientID: client, Grace: grace, Next: newTokens(now),
		}, now)
		return err
	})
}

// eachUnknownToken calls f with tokens it must not find, then checks that the
// valid ones were not harmed.
func (s *suite) eachUnknownToken(f func(token storage.Hash, client string, now time.Time) error) {
	s.Helper()
	valid, revoked := s.connect("a", "client", alice, start), s.connect("b", "client", alice, start)
	s.ok(s.RevokeGrant(s.ctx(), revoked.grant, start))
	spent := valid
	valid = s.rotate(spent, start)
	for name, try := range map[string]struct {
		token  storage.Hash
		client string
		now    time.Time
	}{
		"no token":             {"", "client", start},
		"unknown token":        {storage.HashOf("mkr_unknown"), "client", start},
		"access token":         {valid.access(), "client", start},
		"another client":       {valid.refresh(), "other", start},
		"another client later": {spent.refresh(), "other", after(time.Hour)}, // a replay, but not by its client
		"no client":            {valid.refresh(), "", start},
		"revoked":              {revoked.refresh(), "client", start},
		"expired":              {valid.refresh(), "client", after(refreshLife)},
		"expired and spent":    {spent.refresh(), "client", after(refreshLife)},
	} {
		s.refused(name, f(try.token, try.client, try.now), storage.ErrNotFound)
	}
	s.alive(start, valid)
}

func rotateIssues(s *suite) {
	f := s.connect("a", "client", alice, start)
	now := after(30 * time.Minute)
	x := f.rotation(now)
	issued, err := s.RotateRefreshToken(s.ctx(), x, now)
	s.ok(err)
	x.Next.Scope = fullScope
	want := storage.Issued{Tokens: x.Next, Grant: storage.Grant{
		ID: f.grant, UserID: s.userID(f, start), ClientID: "client", Scope: fullScope, Resource: resource, RedirectURI: anyPortURI,
		CreatedAt: start, LastUsedAt: now,
	}}
	if diff := cmp.Diff(want, issued); diff != "" {
		s.Errorf("issued (-want +got):\n%s", diff)
	}
	next := f
	next.tokens = issued.Tokens
	s.alive(now, next)
	if _, err := s.Access(s.ctx(), f.access(), now); err != nil {
		s.Errorf("the earlier access token: %v, want it to live on", err)
	}
}

func rotateNarrowed(s *suite) {
	f := s.connect("a", "client", alice, start)
	x := f.rotation(start)
	x.Next.Scope = "read"
	issued, err := s.RotateRefreshToken(s.ctx(), x, start)
	s.ok(err)
	repeated, err := s.RotateRefreshToken(s.ctx(), f.rotation(start), start)
	s.ok(err)
	access, err := s.Access(s.ctx(), storage.HashOf(issued.Tokens.Access.Value), start)
	s.ok(err)
	f.tokens = issued.Tokens
	next := s.rotate(f, start)
	wide, err := s.Access(s.ctx(), next.access(), start)
	s.ok(err)
	got := []string{issued.Tokens.Scope, repeated.Tokens.Scope, access.Scope, issued.Grant.Scope, wide.Scope}
	if diff := cmp.Diff([]string{"read", "read", "read", fullScope, fullScope}, got); diff != "" {
		s.Errorf("scopes of answer, repeated answer, access token, grant and next token (-want +got):\n%s", diff)
	}
}

func rotateExpiry(s *suite) {
	late, last := s.connect("a", "client", alice, start), s.connect("b", "client", alice, start)
	_, err := s.RotateRefreshToken(s.ctx(), late.rotation(start), after(refreshLife))
	s.refused("when it expires", err, storage.ErrNotFound)
	_, err = s.RotateRefreshToken(s.ctx(), last.rotation(start), after(refreshLife-time.Second))
	s.refused("in the last second", err, nil)
}

// Each rotation moves the end: a grant in use never expires.
func rotateLongLine(s *suite) {
	f := s.connect("a", "client", alice, start)
	now := start
	for range 10 {
		now = now.Add(refreshLife - time.Second)
		f = s.rotate(f, now)
	}
	s.alive(now, f)
}
