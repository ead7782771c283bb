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

func refreshGrantEveryField(k *kit) {
	f := k.connect("a", "client", alice, start)
	grant, user, err := k.RefreshGrant(k.ctx(), f.refresh(), f.client, start)
	k.ok(err)
	wantUser := storage.User{ID: k.userID(f, start), Person: alice}
	want := storage.Grant{
		ID: f.grant, UserID: wantUser.ID, ClientID: "client", Scope: fullScope, Resource: resource,
		CreatedAt: start, LastUsedAt: start,
		Provider: storage.ProviderState{GrantID: f.grant, Token: []byte("provider token of a"), CheckedAt: start},
	}
	if diff := cmp.Diff(want, grant); diff != "" {
		k.Errorf("grant (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantUser, user); diff != "" {
		k.Errorf("user (-want +got):\n%s", diff)
	}
}

func refreshGrantChangesNothing(k *kit) {
	f := k.connect("a", "client", alice, start)
	first, _, err := k.RefreshGrant(k.ctx(), f.refresh(), f.client, start)
	k.ok(err)
	second, _, err := k.RefreshGrant(k.ctx(), f.refresh(), f.client, after(time.Hour))
	if diff := cmp.Diff(first, second); diff != "" || err != nil {
		k.Errorf("second call: %v (-first +second):\n%s", err, diff)
	}
	next := k.rotate(f, after(time.Hour))
	spent, _, err := k.RefreshGrant(k.ctx(), f.refresh(), f.client, after(2*time.Hour)) // long after the window
	if spent.ID != f.grant || err != nil {
		k.Errorf("grant of a spent token = %q, %v", spent.ID, err)
	}
	if _, _, err := k.RefreshGrant(k.ctx(), next.refresh(), f.client, after(2*time.Hour)); err != nil {
		k.Errorf("looking at a spent token revoked its grant: %v", err)
	}
}

func refreshGrantNotFound(k *kit) {
	k.eachUnknownToken(func(token storage.Hash, client string, now time.Time) error {
		_, _, err := k.RefreshGrant(k.ctx(), token, client, now)
		return err
	})
}

func rotateNotFound(k *kit) {
	k.eachUnknownToken(func(token storage.Hash, client string, now time.Time) error {
		_, err := k.RotateRefreshToken(k.ctx(), storage.RefreshRotation{
			Token: token, ClientID: client, Grace: grace, Next: newTokens(now),
		}, now)
		return err
	})
}

// eachUnknownToken calls f with tokens it must not find, then checks that the
// valid ones were not harmed.
func (k *kit) eachUnknownToken(f func(token storage.Hash, client string, now time.Time) error) {
	k.Helper()
	valid, revoked := k.connect("a", "client", alice, start), k.connect("b", "client", alice, start)
	k.ok(k.RevokeGrant(k.ctx(), revoked.grant, start))
	spent := valid
	valid = k.rotate(spent, start)
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
		k.refused(name, f(try.token, try.client, try.now), storage.ErrNotFound)
	}
	k.alive(start, valid)
}

func rotateIssues(k *kit) {
	f := k.connect("a", "client", alice, start)
	now := after(30 * time.Minute)
	x := f.rotation(now)
	issued, err := k.RotateRefreshToken(k.ctx(), x, now)
	k.ok(err)
	x.Next.Scope = fullScope
	want := storage.Issued{Tokens: x.Next, Grant: storage.Grant{
		ID: f.grant, UserID: k.userID(f, start), ClientID: "client", Scope: fullScope, Resource: resource,
		CreatedAt: start, LastUsedAt: now,
	}}
	if diff := cmp.Diff(want, issued); diff != "" {
		k.Errorf("issued (-want +got):\n%s", diff)
	}
	next := f
	next.tokens = issued.Tokens
	k.alive(now, next)
	if _, err := k.Access(k.ctx(), f.access(), now); err != nil {
		k.Errorf("the earlier access token: %v, want it to live on", err)
	}
}

func rotateNarrowed(k *kit) {
	f := k.connect("a", "client", alice, start)
	x := f.rotation(start)
	x.Next.Scope = "read"
	issued, err := k.RotateRefreshToken(k.ctx(), x, start)
	k.ok(err)
	repeated, err := k.RotateRefreshToken(k.ctx(), f.rotation(start), start)
	k.ok(err)
	access, err := k.Access(k.ctx(), storage.HashOf(issued.Tokens.Access.Value), start)
	k.ok(err)
	f.tokens = issued.Tokens
	next := k.rotate(f, start)
	wide, err := k.Access(k.ctx(), next.access(), start)
	k.ok(err)
	got := []string{issued.Tokens.Scope, repeated.Tokens.Scope, access.Scope, issued.Grant.Scope, wide.Scope}
	if diff := cmp.Diff([]string{"read", "read", "read", fullScope, fullScope}, got); diff != "" {
		k.Errorf("scopes of answer, repeated answer, access token, grant and next token (-want +got):\n%s", diff)
	}
}

func rotateExpiry(k *kit) {
	late, last := k.connect("a", "client", alice, start), k.connect("b", "client", alice, start)
	_, err := k.RotateRefreshToken(k.ctx(), late.rotation(start), after(refreshLife))
	k.refused("when it expires", err, storage.ErrNotFound)
	_, err = k.RotateRefreshToken(k.ctx(), last.rotation(start), after(refreshLife-time.Second))
	k.refused("in the last second", err, nil)
}

// Each rotation moves the end: a grant in use never expires.
func rotateLongLine(k *kit) {
	f := k.connect("a", "client", alice, start)
	now := start
	for range 10 {
		now = now.Add(refreshLife - time.Second)
		f = k.rotate(f, now)
	}
	k.alive(now, f)
}
