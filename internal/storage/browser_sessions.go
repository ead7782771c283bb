package storage

import (
	"context"
	"time"
)

// How long a browser session lasts, in all and without use.
const (
	BrowserSessionLife = 8 * time.Hour
	BrowserSessionIdle = 30 * time.Minute
)

// BrowserSession is a sign-in at the page of your own connections.
type BrowserSession struct {
	User      User
	CreatedAt time.Time // of the sign-in
	ExpiresAt time.Time // unless it is used
	// AuthenticatedAt is when the provider authenticated the user themselves: a sign-in may
	// rest on a session at the provider. Zero when it did not say.
	AuthenticatedAt time.Time
}

// NewBrowserSession is a sign-in at a page, which begins a session.
type NewBrowserSession struct {
	ID Hash // of the cookie
	// UserID is the local provider's user; otherwise Person says who signed in.
	UserID        string
	Person        Person
	ProviderToken []byte // nil when the provider gave none
	// KeepToken keeps a provider token that no grant needs for an hour, so that the user can
	// make a personal token.
	KeepToken       bool
	AuthenticatedAt time.Time // see BrowserSession
}

// BrowserSessionStore keeps sign-ins at the pages where users see their own connections.
// They give no access to anything else.
type BrowserSessionStore interface {
	// OpenBrowserSession records the user and stores a session. The provider token replaces
	// the one that the user's grants have, if any: providers revoke an account's oldest
	// tokens when there are many. spare reports that the user has no such grant, so that the
	// token is not needed and was not kept. ErrDisabled when the user is disabled.
	OpenBrowserSession(ctx context.Context, s NewBrowserSession, now time.Time) (spare bool, err error)
	// BrowserSession returns a live session, which lasts for another BrowserSessionIdle from
	// now, to within a minute. ErrNotFound when there is none.
	BrowserSession(ctx context.Context, id Hash, now time.Time) (BrowserSession, error)
	// CloseBrowserSession ends a session. One that is unknown is no error.
	CloseBrowserSession(ctx context.Context, id Hash, now time.Time) error
}
