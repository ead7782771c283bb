package storage

import (
	"context"
	"time"
)

// Store is everything mcpkeep remembers. Every method is one atomic step, safe
// for any number of goroutines, processes and replicas at once; when a method
// that changes something returns nil, a kill -9 the next microsecond loses
// nothing. Times are passed in and kept in whole seconds; something that
// expires at t is valid before t and no longer at t. Any method may return
// ErrUnavailable, and then it changed nothing.
type Store interface {
	ClientStore
	DocumentStore
	SignInStore
	GrantStore
	PasswordStore
	EventStore
	OperatorStore
	Maintenance
}

// ClientStore keeps registered clients.
type ClientStore interface {
	// CreateClient stores a new client for good. ErrExists when the id is taken.
	CreateClient(ctx context.Context, c Client) error
	// RegisterClient stores a client that registered by itself. Until somebody has
	// signed in with it, it may be reclaimed. ErrExists when the id is taken. ErrFull
	// when there are as many clients as the ceiling allows, on all replicas
	// together, and none that may be reclaimed; no client that is there is refused
	// anything or lost for that.
	RegisterClient(ctx context.Context, c Client, ceiling Ceiling) error
	// ReclaimClients deletes up to limit clients that registered by themselves at
	// the given time or before and that nobody has signed in with, the oldest first,
	// and returns their ids. One with a grant or a sign-in in flight stays.
	ReclaimClients(ctx context.Context, registered time.Time, limit int, now time.Time) ([]string, error)
	// Client returns a client as it is, or as it was half a second ago if another
	// process has changed or deleted it since. ErrNotFound when there is none;
	// ErrUnreadable when its row does not open. The slices in it are for reading
	// only: others may have the same.
	Client(ctx context.Context, id string) (Client, error)
	// CurrentClient is Client as it is. Nobody is refused for what Client said
	// before this was asked: a client that is told of a wrong secret although it
	// has just changed it, or of a bad token although it was deleted, does the
	// wrong thing.
	CurrentClient(ctx context.Context, id string) (Client, error)
	// ListClients returns up to limit clients ordered by id, from the first id
	// after the given one. A row that does not open is listed as unreadable.
	ListClients(ctx context.Context, after string, limit int, now time.Time) ([]ClientSummary, error)
	// UpdateClient replaces a client that still is what was read before: of two
	// updates of the same state one wins. ErrChanged when it is not, ErrNotFound
	// when there is none; nothing changes then.
	UpdateClient(ctx context.Context, was, c Client, now time.Time) error
	// UseAssertion spends a client assertion (RFC 7523 §3) by the hash of its id,
	// which is kept until it expires: of any number of calls one wins, the others
	// get ErrSpent.
	UseAssertion(ctx context.Context, clientID string, id Hash, expiresAt, now time.Time) error
	// DeleteClient removes a client, with what was fetched for it, and revokes all
	// its grants. ErrNotFound when there is none.
	DeleteClient(ctx context.Context, id string, now time.Time) error
}

// SignInStore keeps sign-ins in flight. They survive restarts and may go on at
// another replica; a browser other than the one they are bound to cannot finish
// them.
type SignInStore interface {
	// StartAuthorization stores a sign-in in flight. ErrExists when id or state
	// are taken.
	StartAuthorization(ctx context.Context, a Authorization) error
	// Authorization returns the sign-in with this id, finished or not.
	// ErrNotFound when it is unknown or expired.
	Authorization(ctx context.Context, id string, now time.Time) (Authorization, error)
	// AuthorizationByState returns the sign-in whose state at the provider has
	// this hash, otherwise like Authorization.
	AuthorizationByState(ctx context.Context, state Hash, now time.Time) (Authorization, error)
	// FinishAuthorization finishes a sign-in: of any number of calls one wins;
	// it records the person, registers the client if it is to be, stores the grant with its code and returns the
	// request. A provider token that comes with it takes the place of the person's
	// earlier one, for all their grants: providers revoke an account's oldest tokens
	// when there are many. The others get ErrSpent. ErrNotFound when the sign-in is
	// unknown, expired or bound to another browser; nothing changes then.
	// ErrDisabled when the person is kept out: that finishes the sign-in without
	// a grant, and the request is returned.
	FinishAuthorization(ctx context.Context, c Completion, now time.Time) (Request, error)
	// DenyAuthorization finishes a sign-in without a grant, otherwise like
	// FinishAuthorization.
	DenyAuthorization(ctx context.Context, id string, browser Hash, now time.Time) (Request, error)
	// RefuseAuthorization is DenyAuthorization where it is the provider or the policy
	// that says no, and not the person: another event tells the two apart.
	RefuseAuthorization(ctx context.Context, id string, browser Hash, now time.Time) (Request, error)
}

// GrantStore keeps grants, codes and tokens.
type GrantStore interface {
	// ExchangeCode redeems the code that fits client, redirect URI and
	// challenge, and stores the first tokens with it. Of any number of calls
	// one wins. A code that was redeemed before, presented by its client with
	// the right challenge, is ErrSpent, and its grant is revoked with all that
	// was issued from it. Anything else is ErrNotFound and changes nothing.
	ExchangeCode(ctx context.Context, x CodeExchange, now time.Time) (Issued, error)
	// RefreshGrant returns the live grant that a refresh token of this client
	// belongs to, and what is known of its person at the provider, so that the
	// provider can be asked again before rotation. It changes nothing. A spent
	// refresh token finds its grant as well. ErrNotFound when token or grant are
	// unknown, expired, revoked or another client's.
	RefreshGrant(ctx context.Context, token Hash, clientID string, now time.Time) (Grant, User, error)
	// RotateRefreshToken spends a refresh token and stores its successor. Of
	// any number of calls one spends it; every other call within the grace
	// window, counted from the first use, gets the same successor (or, when
	// that was rotated as well, the newest of its line). A use after the window
	// is ErrSpent, and the grant is revoked, the newest token included.
	// ErrNotFound as in RefreshGrant.
	RotateRefreshToken(ctx context.Context, r RefreshRotation, now time.Time) (Issued, error)
	// Access returns what a valid access token stands for. ErrNotFound when it
	// is unknown, expired, or its grant is revoked; what another process revokes
	// counts within one second, and what this process revokes at once. A store
	// may go on with what it knows while the database is away: see Access.Outage.
	Access(ctx context.Context, token Hash, now time.Time) (Access, error)
	// TouchGrant records that a grant was used; one that was touched less than
	// half a second ago may be left as it is. ErrNotFound when there is no live
	// grant of that id.
	TouchGrant(ctx context.Context, grantID string, now time.Time) error
	// StartProviderCheck begins to ask the provider about a person, whose token may
	// be good for one question only. Of any number of calls after the same look at
	// the ProviderState one wins; the others get ErrSpent, as does whoever comes
	// while a check is under way, or after another sign-in brought another token.
	StartProviderCheck(ctx context.Context, c ProviderCheck, now time.Time) error
	// FinishProviderCheck records what came of a check and lets others check again.
	// A refusal revokes all grants of the person. ErrNotFound when the check is not
	// the latest one of its grant any more, has finished, or another sign-in brought
	// another token; nothing changes then.
	FinishProviderCheck(ctx context.Context, c ProviderCheck, a ProviderAnswer, now time.Time) error
	// RevokeToken revokes a client's token (RFC 7009): a refresh token with its
	// whole grant, an access token alone. A token that is unknown or another
	// client's changes nothing and is no error.
	RevokeToken(ctx context.Context, token Hash, clientID string, now time.Time) error
	// RevokeGrant revokes a grant with all its codes and tokens. ErrNotFound
	// when there is no live grant of that id.
	RevokeGrant(ctx context.Context, grantID string, now time.Time) error
	// RevokeUserGrant revokes a grant of this person. ErrNotFound when there is
	// no live grant of that id, or it is somebody else's.
	RevokeUserGrant(ctx context.Context, userID, grantID string, now time.Time) error
	// ListGrants returns up to limit live grants of a person ordered by id,
	// from the first id after the given one.
	ListGrants(ctx context.Context, userID, after string, limit int, now time.Time) ([]Grant, error)
}

// PasswordStore keeps the password of the local provider's one person.
type PasswordStore interface {
	// SetPassword stores the person's password hash (PHC string), sealed. With
	// replace false an existing password stays and the result is ErrExists: of
	// several replicas starting at once one makes the password.
	SetPassword(ctx context.Context, p Person, hash string, replace bool, now time.Time) error
	// Password returns the person's password hash. ErrNotFound when none is set.
	Password(ctx context.Context, p Person) (string, error)
	// TryPassword counts an attempt and returns the user and the hash to verify
	// it against. After some failures in a row an attempt is taken only every
	// few seconds, on all replicas together: ErrThrottled otherwise.
	TryPassword(ctx context.Context, p Person, now time.Time) (User, string, error)
	// PasswordAccepted ends the count of failures.
	PasswordAccepted(ctx context.Context, userID string) error
}

// Maintenance is what keeps the store healthy.
type Maintenance interface {
	// Ready returns nil when the database answers, its schema is recent enough
	// and every key on record is at hand; otherwise an error with the reason,
	// which may be shown to operators.
	Ready(ctx context.Context) error
	// Stats counts.
	Stats(ctx context.Context, now time.Time) (Stats, error)
	// DeleteExpired removes up to limit rows of each kind that are expired or too
	// old to keep, and says how many. Spent rows stay until they expire, grants with
	// a provider token until that is taken. Of clients
	// only those go that ReclaimClients deletes, if they are not to be kept.
	DeleteExpired(ctx context.Context, now time.Time, keep Retention, limit int) (int64, error)
	// TakeProviderTokens removes up to limit provider tokens of people who have no
	// live grant any more and returns them, each to one caller, to be given back to
	// the provider. Those that do not open are removed and left out.
	TakeProviderTokens(ctx context.Context, now time.Time, limit int) ([][]byte, error)
}
