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
	EventClientRegistered     EventType = "client_registered"
	EventClientReadopted      EventType = "client_readopted" // under an unknown ID
	EventClientUpdated        EventType = "client_updated"
	EventClientDeleted        EventType = "client_deleted"
	EventClientsEvicted       EventType = "clients_evicted"   // registrations that no one used, by number
	EventClientRefused        EventType = "client_refused"    // a registered client failed to authenticate
	EventSignInRefused        EventType = "sign_in_refused"   // by provider, policy or password
	EventSignInThrottled      EventType = "sign_in_throttled" // too many attempts at the password
	EventAuthorizationDenied  EventType = "authorization_denied"
	EventGrantCreated         EventType = "grant_created"
	EventGrantAdopted         EventType = "grant_adopted" // from FastMCP
	EventAdoptionRefused      EventType = "adoption_refused"
	EventFastMCPTokenRefused  EventType = "fastmcp_token_refused" //nolint:gosec // expired, unsigned or without a row
	EventGrantRevoked         EventType = "grant_revoked"
	EventTokensIssued         EventType = "tokens_issued"
	EventTokensRefreshed      EventType = "tokens_refreshed"
	EventRefreshRepeated      EventType = "refresh_repeated" // the same tokens again: the response was lost
	EventTokenRevoked         EventType = "token_revoked"
	EventCodeReuse            EventType = "code_reuse"
	EventRefreshReuse         EventType = "refresh_reuse"
	EventAssertionReuse       EventType = "assertion_reuse" // of a client assertion (RFC 7523)
	EventUserDisabled         EventType = "user_disabled"
	EventUserEnabled          EventType = "user_enabled"
	EventPasswordSet          EventType = "password_set"
	EventSessionOpened        EventType = "session_opened" // at the page of your own connections
	EventSessionClosed        EventType = "session_closed" // by the user
	EventPersonalTokenMade    EventType = "personal_token_made"
	EventPersonalTokenRefused EventType = "personal_token_refused"
	EventToolCalled           EventType = "tool_called"
	EventToolCallsLost        EventType = "tool_calls_lost" // calls without an event, by number
	EventKeyRecorded          EventType = "key_recorded"
	EventKeyRetired           EventType = "key_retired"
)

// EventTypes returns all of them.
func EventTypes() []EventType {
	return []EventType{
		EventClientRegistered, EventClientReadopted, EventClientUpdated, EventClientDeleted, EventClientsEvicted, EventClientRefused,
		EventSignInRefused, EventSignInThrottled, EventAuthorizationDenied, EventGrantCreated, EventGrantAdopted, EventAdoptionRefused, EventFastMCPTokenRefused,
		EventGrantRevoked, EventTokensIssued, EventTokensRefreshed, EventRefreshRepeated, EventTokenRevoked, EventCodeReuse,
		EventRefreshReuse, EventAssertionReuse, EventUserDisabled, EventUserEnabled, EventPasswordSet, EventSessionOpened, EventSessionClosed,
		EventPersonalTokenMade, EventPersonalTokenRefused, EventToolCalled, EventToolCallsLost, EventKeyRecorded, EventKeyRetired,
	}
}

// Event is an entry of the audit trail. It contains no secret: no key, credential or token.
type Event struct {
	ID        string // sorts by time
	Type      EventType
	Actor     string // who did it: see Actor
	UserID    string // the user it is about, "" if unknown
	ClientID  string // "" if it does not concern a client
	GrantID   string // "" if it does not concern a grant
	Reference string // of the request, as in the log and on error pages
	Detail    string // why, or what exactly, for humans
	At        time.Time
	// Account is who was refused, nil when no one knows or the event is about something else.
	// Lists leave it out: DescribeRefused adds it.
	Account *RefusedAccount
}

// FirstEventID returns the smallest ID that an event at this time can have: a UUID version
// 7 (RFC 9562 section 5.7) with this time and all other bits zero.
func FirstEventID(at time.Time) string {
	const timeDigits = 12
	hex := fmt.Sprintf("%0*x", timeDigits, max(0, at.UnixMilli()))
	return EventIDPrefix + hex[:8] + "-" + hex[8:] + "-7000-8000-000000000000"
}

// The prefixes of IDs.
const (
	EventIDPrefix = "ev_"
	GrantIDPrefix = "gr_"
	UserIDPrefix  = "usr_"
)

// EventIDTime returns the time at which an event with this ID was created; ok is false if
// it is not an event ID.
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
	Until    time.Time // before this time
}

// Selects reports whether the filter selects an event.
func (f EventFilter) Selects(e Event) bool {
	return (f.Type == "" || f.Type == e.Type) && (f.UserID == "" || f.UserID == e.UserID) &&
		(f.ClientID == "" || f.ClientID == e.ClientID) && (f.GrantID == "" || f.GrantID == e.GrantID) &&
		!e.At.Before(f.Since) && (f.Until.IsZero() || e.At.Before(f.Until))
}

// EventStore keeps the audit trail. The other steps of Store record their events
// themselves, in their own transaction.
type EventStore interface {
	EventNumberStore

	// RecordEvent records something that changes nothing else in the store, such as a
	// refused sign-in, whose account is sealed. The store sets ID, actor, reference and time. Of a limited type
	// (EventType.Limited), what is beyond the limit is left out without an error.
	RecordEvent(ctx context.Context, e Event, now time.Time) error
	// ListEvents returns up to limit events ordered by ID, starting after the given one.
	ListEvents(ctx context.Context, f EventFilter, after string, limit int) ([]Event, error)
	// NewestEvents returns the newest limit events, the oldest of them first.
	NewestEvents(ctx context.Context, f EventFilter, limit int) ([]Event, error)
	// EventsBefore returns the newest limit events before the given ID, or of all if it is "",
	// the newest of them first. The filter's times do not count.
	EventsBefore(ctx context.Context, f EventFilter, before string, limit int) ([]Event, error)
	// DescribeRefused sets Account of those of the events that are about a refused account.
	DescribeRefused(ctx context.Context, events []Event) error
}

// Actor is on whose behalf a step is done. It travels in the context because only the
// audit trail needs it.
type Actor struct {
	// Name is "client", "person", "operator", "server", or the id of a user.
	Name      string
	Reference string // of the request
	Reason    string // why, for the event's detail; "" to leave it to the step
}

// The actors that are not a user on record.
const (
	ActorClient   = "client"   // an app, at an endpoint for programs
	ActorPerson   = "person"   // someone at a page
	ActorOperator = "operator" // someone at the command line
	ActorServer   = "server"   // the program itself
)

type actorKey struct{}

// WithActor returns a context whose steps are recorded as done by a.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// WithReason returns a context whose steps are recorded with this reason, "" to leave it
// to the step.
func WithReason(ctx context.Context, reason string) context.Context {
	a := ActorOf(ctx)
	a.Reason = reason
	return WithActor(ctx, a)
}

// ReferenceOf returns the reference of the request that a context belongs to, "" when it
// has none.
func ReferenceOf(ctx context.Context) string {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a.Reference
}

// ActorOf returns the actor of a context; the server itself when none was set.
func ActorOf(ctx context.Context) Actor {
	a, ok := ctx.Value(actorKey{}).(Actor)
	if !ok || a.Name == "" {
		a.Name = ActorServer
	}
	return a
}
