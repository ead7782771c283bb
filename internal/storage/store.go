package storage

import (
	"context"
	"time"
)

// Store is everything mcpkeep stores. Every method is one atomic step, safe for
// concurrent use by any number of goroutines, processes and replicas. When a method that
// changes something returns nil, a kill -9 the next microsecond loses nothing. Times are
// passed in and stored in whole seconds; a value that expires at t is valid before t and
// invalid at t. Any method may return ErrUnavailable, and then it changed nothing.
type Store interface {
	ClientStore
	ResourceStore
	DocumentStore
	SignInStore
	GrantStore
	AdoptionStore
	PasswordStore
	BrowserSessionStore
	PersonalTokenStore
	EventStore
	OperatorStore
	Maintenance
}

// UnknownClientLife is how long an unregistered client ID is remembered.
const UnknownClientLife = time.Hour

// ClientStore keeps registered clients.
type ClientStore interface {
	// CreateClient stores a new client permanently. ErrExists when the ID is taken.
	CreateClient(ctx context.Context, c Client) error
	// RegisterClient stores a client that registered itself. It may be reclaimed until
	// someone signs in with it. ErrExists when the ID is taken. ErrFull when the ceiling
	// is reached, counted across all replicas (several may together exceed that for unused
	// clients for a moment), and no client can be evicted; clients in use are not
	// affected. An evicted client takes the event of its registration along; one event
	// says how many there were.
	RegisterClient(ctx context.Context, c Client, ceiling Ceiling) error
	// ReclaimClients deletes up to limit clients that registered themselves at or before
	// the given time and were never used to sign in, the oldest first, and returns their
	// IDs. A client with a grant or a sign-in in progress stays.
	ReclaimClients(ctx context.Context, registered time.Time, limit int, now time.Time) ([]string, error)
	// CarryClient returns a client encrypted, to be carried by a page until a time, so that
	// an eviction in between does no harm.
	CarryClient(c Client, until time.Time) (string, error)
	// CarriedClient returns the client with this ID from what CarryClient returned.
	// ErrNotFound when that is not so, too old, or the client was deleted since.
	CarriedClient(ctx context.Context, id, carried string, now time.Time) (Client, error)
	// RestoreClient stores a client again that was evicted; one that is there stays as it
	// is. ErrNotFound when it was deleted.
	RestoreClient(ctx context.Context, c Client, now time.Time) error
	// Client returns a client, possibly as it was half a second ago if another process
	// has changed or deleted it since. ErrNotFound when there is none; ErrUnreadable when
	// its row cannot be decrypted. Its slices are read-only, because callers share them.
	Client(ctx context.Context, id string) (Client, error)
	// CurrentClient returns the client's current state. Callers must consult it before
	// rejecting a request based on Client: a client that is told its secret is wrong
	// right after changing it, or its token is bad after it was deleted, does the wrong
	// thing.
	CurrentClient(ctx context.Context, id string) (Client, error)
	// ListClients returns up to limit clients ordered by ID, starting after the given
	// one. A row that cannot be decrypted is listed as unreadable.
	ListClients(ctx context.Context, after string, limit int, now time.Time) ([]ClientSummary, error)
	// UpdateClient replaces a client if it has not changed since it was read: of two
	// updates of the same state, one wins. ErrChanged when it has, ErrNotFound when there
	// is none; then nothing changes.
	UpdateClient(ctx context.Context, was, c Client, now time.Time) error
	// ClaimName keeps what a client without a name calls itself, in place of an earlier
	// claim unless the new one is weak. A client that has a name or that another program
	// registered stays as it is, and an unknown client is no error. A store may skip
	// claims of a client for a few minutes after it kept one.
	ClaimName(ctx context.Context, c NameClaim, now time.Time) error
	// UseAssertion spends a client assertion (RFC 7523 §3), identified by the hash of its
	// jti, which is stored until it expires: of any number of calls, one wins and the
	// others get ErrSpent.
	UseAssertion(ctx context.Context, clientID string, id Hash, expiresAt, now time.Time) error
	// SeeUnknownClient remembers that an unregistered client ID, identified by its hash,
	// came to renew a token, and reports whether it did so before, within
	// UnknownClientLife. Of calls at the same moment one is the first. Of too many IDs the
	// ones that came longest ago are forgotten.
	SeeUnknownClient(ctx context.Context, id Hash, now time.Time) (again bool, err error)
	// DeleteClient removes a client and the documents fetched for it, and revokes all its
	// grants. ErrNotFound when there is none.
	DeleteClient(ctx context.Context, id string, now time.Time) error
}

// SignInStore keeps sign-ins in progress. They survive restarts and can continue on
// another replica. Only the browser that they are bound to can finish them.
type SignInStore interface {
	// StartAuthorization stores a sign-in in progress. ErrExists when its ID or state is
	// taken. Of a browser the oldest end when there are many. Of those whose user is not
	// known yet the oldest are evicted when there are too many in all; ErrFull when too
	// many are new.
	StartAuthorization(ctx context.Context, a Authorization) error
	// RestoreAuthorization is StartAuthorization for a sign-in that may have been evicted,
	// whose user is known by now.
	RestoreAuthorization(ctx context.Context, a Authorization) error
	// CarryAuthorization returns a sign-in encrypted, to be carried by its browser.
	CarryAuthorization(a Authorization) (string, error)
	// CarriedAuthorization returns the sign-in with this state from what CarryAuthorization
	// returned. ErrNotFound when that is not so, or it has expired.
	CarriedAuthorization(state Hash, carried string, now time.Time) (Authorization, error)
	// Authorization returns the sign-in with this id, finished or not.
	// ErrNotFound when it is unknown or expired.
	Authorization(ctx context.Context, id string, now time.Time) (Authorization, error)
	// AuthorizationByState returns the sign-in whose state at the provider has
	// this hash, otherwise like Authorization.
	AuthorizationByState(ctx context.Context, state Hash, now time.Time) (Authorization, error)
	// AskAboutSignIn begins to ask the provider who signed in, which it says once. Of any
	// number of calls one wins until the given time; the others get ErrSpent, as do calls
	// when the answer is known or the sign-in has finished. ErrNotFound as for
	// FinishAuthorization.
	AskAboutSignIn(ctx context.Context, id string, browser Hash, until, now time.Time) error
	// KeepAnswer stores the provider's answer with the sign-in, until that is finished. nil
	// lets others ask again, because there was none. Errors are those of AskAboutSignIn.
	KeepAnswer(ctx context.Context, id string, browser Hash, answer *SignInAnswer, now time.Time) error
	// FinishAuthorization finishes a sign-in. Of any number of calls, one wins: it records
	// the user, registers the client if requested, stores the grant with its code and
	// returns the request; the others get ErrSpent. A provider token replaces the user's
	// previous one for all their grants, because providers revoke an account's oldest
	// tokens when there are many. ErrNotFound when the sign-in is unknown, expired or bound
	// to another browser; then nothing changes. ErrNoClient, also without a change, when the
	// client is gone: it has no row and no document, and is not registered again. A
	// concurrent DeleteClient comes before or after: no live grant of a client without
	// either is left. ErrChanged, also without a change, when the row's metadata are not
	// those that were approved: a concurrent UpdateClient comes before or after. So it is
	// when the client to register is there by now (one with OriginUnread may be), or the one
	// with a further redirect URI is not readopted.
	// ErrDisabled when the user is disabled: this finishes the sign-in without a grant, and
	// the request is returned.
	FinishAuthorization(ctx context.Context, c Completion, now time.Time) (Request, error)
	// DenyAuthorization finishes a sign-in without a grant; otherwise it is like
	// FinishAuthorization.
	DenyAuthorization(ctx context.Context, id string, browser Hash, now time.Time) (Request, error)
	// RefuseAuthorization is like DenyAuthorization, but for a refusal by the provider or
	// the policy instead of the user: it records a different event, with who was refused
	// (zero when that is not known).
	RefuseAuthorization(ctx context.Context, id string, browser Hash, who Person, now time.Time) (Request, error)
}

// GrantStore keeps grants, codes and tokens.
type GrantStore interface {
	// ExchangeCode redeems the code that matches client, redirect URI and challenge, and
	// stores the first tokens. Of any number of calls, one wins. A code that was already
	// redeemed, presented by its client with the right challenge, returns ErrSpent and
	// revokes its grant with everything issued from it. A resource other than the granted one is ErrOtherResource.
	// Success marks earlier grants of the same user to the same client, redirect URI (any
	// port of a loopback one) and resource as replaced, if the client got its ID by
	// dynamic registration and so is one installation of an app: not one of an operator, a
	// metadata document or a readoption. TouchGrant and RotateRefreshToken clear the mark.
	// Anything else is ErrNotFound. Neither changes anything.
	ExchangeCode(ctx context.Context, x CodeExchange, now time.Time) (Issued, error)
	// RefreshGrant returns the live grant that a refresh token of this client
	// belongs to, and what is known about its user at the provider, so that the
	// provider can be asked again before rotation. It changes nothing. A spent
	// refresh token finds its grant as well. ErrNotFound when token or grant are
	// unknown, expired, revoked or another client's.
	RefreshGrant(ctx context.Context, token Hash, clientID string, now time.Time) (Grant, User, error)
	// LiveGrant is like RefreshGrant, for a grant whose access token is in use. ErrNotFound
	// when the grant is unknown or revoked.
	LiveGrant(ctx context.Context, grantID string, now time.Time) (Grant, User, error)
	// RotateRefreshToken spends a refresh token and stores its successor. Of any number of
	// calls, one spends it. Until Repeat.Until, every other call gets the same successor (or
	// the newest one if that was rotated as well): for a day while no one has used it, and
	// for the grace window after its first use. With it comes the same access token, or one
	// that all repeats share, once that has expired. After that, it returns ErrSpent and
	// revokes the grant, including the newest token. ErrNotFound as in RefreshGrant.
	RotateRefreshToken(ctx context.Context, r RefreshRotation, now time.Time) (Issued, error)
	// UseTokens records the first use of a refresh token and the access tokens issued with
	// it: someone has the answer that they came in. A later use, or one of a token that is
	// unknown or succeeds none, changes nothing and is no error. Neither rotation nor
	// revocation needs it before.
	UseTokens(ctx context.Context, refresh Hash, now time.Time) error
	// Access returns what a valid access token stands for. ErrNotFound when it
	// is unknown, expired, or its grant is revoked; what another process revokes
	// counts within one second, and what this process revokes immediately. A store
	// may continue with what it knows while the database is away: see Access.Outage.
	// ErrUnavailable means that no access check has succeeded for two seconds, because the
	// database refuses, cannot be reached or hangs; ErrBusy that the check had to wait for
	// others for too long, or would have had to.
	Access(ctx context.Context, token Hash, now time.Time) (Access, error)
	// TouchGrant records that a grant was used; one that was touched less than
	// half a second ago may be left as it is. ErrNotFound when there is no live
	// grant of that id.
	TouchGrant(ctx context.Context, grantID string, now time.Time) error
	// StartProviderCheck begins to ask the provider about a person, whose token may
	// be good for one question only. Of any number of calls after the same look at
	// the ProviderState one wins; the others get ErrSpent, as does a caller that comes
	// while a check is under way, or after another sign-in brought another token.
	StartProviderCheck(ctx context.Context, c ProviderCheck, now time.Time) error
	// ExtendProviderCheck postpones when a check counts as abandoned, to c.Until.
	// ErrNotFound as for FinishProviderCheck.
	ExtendProviderCheck(ctx context.Context, c ProviderCheck) error
	// FinishProviderCheck records the result of a check and lets others check again.
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
	// no live grant of that id, or it is someone else's.
	RevokeUserGrant(ctx context.Context, userID, grantID string, now time.Time) error
	// ListGrants returns up to limit live grants of a person ordered by id,
	// from the first id after the given one.
	ListGrants(ctx context.Context, userID, after string, limit int, now time.Time) ([]Grant, error)
}

// PasswordStore keeps the password of the local provider's one person.
type PasswordStore interface {
	// SetPassword stores the person's password hash (PHC string), sealed. With
	// replace false an existing password stays and the result is ErrExists: of
	// several replicas that start concurrently, one makes the password.
	SetPassword(ctx context.Context, p Person, hash string, replace bool, now time.Time) error
	// Password returns the person's password hash. ErrNotFound when none is set.
	Password(ctx context.Context, p Person) (string, error)
	// TryPassword counts an attempt and returns the user and the hash to verify
	// it against. After some failures in a row an attempt is taken only every
	// few seconds, on all replicas together: ErrThrottled otherwise, with the user.
	TryPassword(ctx context.Context, p Person, now time.Time) (User, string, error)
	// PasswordAccepted ends the count of failures.
	PasswordAccepted(ctx context.Context, userID string) error
}

// Maintenance is what keeps the store healthy.
type Maintenance interface {
	// Ready returns nil when the database responds, its schema is recent enough, every
	// key on record is configured and a write would work; otherwise an error with the
	// reason, which may be shown to operators. What is known about writes may be a second
	// old.
	Ready(ctx context.Context) error
	// InstanceID returns a random id of the database, which is no secret. The first
	// call makes it; every call of every process returns the same one.
	InstanceID(ctx context.Context) (string, error)
	// Stats counts.
	Stats(ctx context.Context, now time.Time) (Stats, error)
	// DeleteExpired removes up to limit rows of each kind that are expired or too
	// old to keep, and says for how many it did something. It does so in transactions
	// that are short for every number of rows. Replaced grants that stay unused are
	// revoked after Retention.Replaced. Spent rows stay until they expire, grants
	// until TakeProviderTokens has seen that they ended. Of clients
	// only those go that ReclaimClients deletes, if they are not to be kept. Of the
	// events that strangers can bring about, those that are older than an hour and beyond
	// the number to keep (EventType.Kept) go, whatever their age.
	DeleteExpired(ctx context.Context, now time.Time, keep Retention, limit int) (int64, error)
	// TakeProviderTokens removes up to limit provider tokens of people who have no
	// live grant any more and returns them, each to one caller, to be given back to
	// the provider. Those that do not open are removed and left out.
	TakeProviderTokens(ctx context.Context, now time.Time, limit int) ([][]byte, error)
}
