package storage

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// EventType says what happened.
type EventType string

// The events of the audit trail. Programs read them: names do not change.
const (
	EventClientRegistered    EventType = "client_registered"
	EventClientReadopted     EventType = "client_readopted" // under an id that was not known
	EventClientUpdated       EventType = "client_updated"
	EventClientDeleted       EventType = "client_deleted"
	EventSignInRefused       EventType = "sign_in_refused" // by provider, policy or password
	EventAuthorizationDenied EventType = "authorization_denied"
	EventGrantCreated        EventType = "grant_created"
	EventGrantRevoked        EventType = "grant_revoked"
	EventTokensIssued        EventType = "tokens_issued"
	EventTokensRefreshed     EventType = "tokens_refreshed"
	EventTokenRevoked        EventType = "token_revoked"
	EventCodeReuse           EventType = "code_reuse"
	EventRefreshReuse        EventType = "refresh_reuse"
	EventAssertionReuse      EventType = "assertion_reuse" // of a client assertion (RFC 7523)
	EventUserDisabled        EventType = "user_disabled"
	EventUserEnabled         EventType = "user_enabled"
	EventPasswordSet         EventType = "password_set"
	EventKeyRecorded         EventType = "key_recorded"
	EventKeyRetired          EventType = "key_retired"
)

// EventTypes returns all of them.
func EventTypes() []EventType {
	return []EventType{
		EventClientRegistered, EventClientReadopted, EventClientUpdated, EventClientDeleted, EventSignInRefused, EventAuthorizationDenied,
		EventGrantCreated, EventGrantRevoked, EventTokensIssued, EventTokensRefreshed, EventTokenRevoked, EventCodeReuse,
		EventRefreshReuse, EventAssertionReuse, EventUserDisabled, EventUserEnabled, EventPasswordSet, EventKeyRecorded, EventKeyRetired,
	}
}

// Event is an entry of the audit trail. It holds no secret: nothing that opens,
// signs in or names a token.
type Event struct {
	ID        string // sorts by time
	Type      EventType
	Actor     string // who did it: see Actor
	UserID    string // the person it is about, "" when nobody is known
	ClientID  string // "" when it is about no client
	GrantID   string // "" when it is about no grant
	Reference string // of the request, as in the log and on error pages
	Detail    string // why, or what exactly, for people
	At        time.Time
}

// FirstEventID returns the least id that an event of this time can have: that of a
// UUID version 7 (RFC 9562 section 5.7) with this time and nothing else.
func FirstEventID(at time.Time) string {
	const timeDigits = 12
	hex := fmt.Sprintf("%0*x", timeDigits, max(0, at.UnixMilli()))
	return EventIDPrefix + hex[:8] + "-" + hex[8:] + "-7000-8000-000000000000"
}

// EventIDPrefix begins the ids of events.
const EventIDPrefix = "ev_"

// EventIDTime returns when an event of this id was made; ok is false for what is no
// event's id.
func EventIDTime(id string) (at time.Time, ok bool) {
	hex, ok := strings.CutPrefix(id, EventIDPrefix)
	if !ok || len(hex) < 13 {
		return time.Time{}, false
	}
	milli, err := strconv.ParseInt(hex[:8]+hex[9:13], 16, 64)
	return time.UnixMilli(milli).UTC(), err == nil
}

// EventFilter selects events; zero values select all.
type EventFilter struct {
	Type     EventType
	UserID   string
	ClientID string
	GrantID  string
	Since    time.Time // at or after this time
}

// EventStore keeps the audit trail. The other steps of Store record their events
// themselves, in their own transaction.
type EventStore interface {
	// RecordEvent records something that changes nothing else here, such as a
	// sign-in that was refused. The store sets id, actor, reference and time.
	RecordEvent(ctx context.Context, e Event, now time.Time) error
	// ListEvents returns up to limit events ordered by id, from the first id
	// after the given one.
	ListEvents(ctx context.Context, f EventFilter, after string, limit int) ([]Event, error)
	// NewestEvents returns the newest limit events, the oldest of them first.
	NewestEvents(ctx context.Context, f EventFilter, limit int) ([]Event, error)
}

// Actor is on whose behalf a step is done. It travels in the context, because it
// matters to the audit trail alone.
type Actor struct {
	// Name is "client", "person", "operator", "server", or the id of a user.
	Name      string
	Reference string // of the request
	Reason    string // why, for the event's detail; "" to leave it to the step
}

// The actors that are not a user on record.
const (
	ActorClient   = "client"   // an app, at an endpoint for programs
	ActorPerson   = "person"   // somebody at a page
	ActorOperator = "operator" // somebody at the command line
	ActorServer   = "server"   // the program itself
)

type actorKey struct{}

// WithActor returns a context whose steps are recorded as done by a.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf returns the actor of a context; the server itself when none was set.
func ActorOf(ctx context.Context) Actor {
	a, ok := ctx.Value(actorKey{}).(Actor)
	if !ok || a.Name == "" {
		a.Name = ActorServer
	}
	return a
}
