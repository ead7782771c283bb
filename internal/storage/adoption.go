package storage

import (
	"context"
	"time"
)

// ForeignToken is a token of a FastMCP server whose place mcpkeep took, with what its
// verified claims say.
type ForeignToken struct {
	Hash     Hash
	ID       string // jti
	ClientID string
	Refresh  bool // otherwise an access token
	// Legacy: FastMCP 2.13.0 or 2.13.1 issued it, which kept refresh tokens in memory: it may
	// have no row of its own, if it is from before mcpkeep first started on this database.
	Legacy    bool
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// UpstreamTokens are a session's tokens at the provider, as FastMCP keeps them.
type UpstreamTokens struct {
	AccessToken  string
	RefreshToken string    // "" for none
	ExpiresAt    time.Time // of AccessToken; zero for never
}

// ForeignSession is the sign-in at FastMCP that a token belongs to.
type ForeignSession struct {
	ID        string
	ClientID  string
	CreatedAt time.Time
	Upstream  UpstreamTokens
	// GrantID is the live grant that was made of it, "" before that.
	GrantID string
	// Adopted: the token is one of that grant.
	Adopted bool
	// CheckUntil is when the attempt to take it over that is in progress counts as
	// abandoned, zero for none. RetryAt is the earliest time of the next one, zero for any
	// time, and RefusedAt when the provider or the policy refused, zero for never.
	CheckUntil, RetryAt, RefusedAt time.Time
}

// Adoption is one attempt to take over a session.
type Adoption struct {
	SessionID string
	ID        string // random, of this attempt
	Until     time.Time
}

// AdoptionState is what is known of earlier attempts.
type AdoptionState struct {
	BeganAt time.Time // the first one
	// Doubtful: an attempt never reported its result, and may have used up the provider's
	// refresh token.
	Doubtful bool
}

// AdoptionResult is how an attempt ended.
type AdoptionResult struct {
	// Person is who the provider says it is; nil when it did not say, or the person is not
	// allowed.
	Person *Person
	// ProviderToken is sealed with the grant, when there is a person.
	ProviderToken []byte
	// Renewed are the provider's new tokens, nil when it gave none. They replace those of
	// the session in any case: the old ones are used up.
	Renewed *UpstreamTokens
	Token   ForeignToken // the one that was presented
	// HoldUntil is set when none was: the grant of Token.ClientID is kept until then, or for
	// the tokens of the session that come before. Zero otherwise.
	HoldUntil time.Time
	GrantID   string // for the new grant
	Scope     string
	// Resource is what the token is for.
	Resource string
	// Without a person: Refused with the earliest time to ask again, and whether a renewal
	// may have been lost.
	Refused  bool
	RetryAt  time.Time
	Doubtful bool
}

// AdoptionLife is how long attempts to take a session over are remembered.
const AdoptionLife = 31 * 24 * time.Hour

// AdoptionStore takes over sessions of FastMCP, whose rows are in the same database. One
// session becomes one grant, however many of its tokens come, and no grant that was revoked
// comes back. What ends here ends there: a rotated or revoked token loses its rows at
// FastMCP, and a revoked grant its session, in the same transaction.
type AdoptionStore interface {
	FlightStore
	// ForeignSession returns the session of a token. ErrNotFound when FastMCP has ended
	// the token or the session, the rows do not belong together, or the grant was revoked;
	// ErrUnreadable when one of the rows cannot be read.
	ForeignSession(ctx context.Context, t ForeignToken, now time.Time) (ForeignSession, error)
	// AdoptToken makes a token one of the grant that was made of its session. A token that
	// is one already stays as it is, spent if it is spent. Errors as ForeignSession;
	// ErrNotFound also when there is no such grant.
	AdoptToken(ctx context.Context, t ForeignToken, now time.Time) error
	// StartAdoption begins to ask the provider whose a session is. Of any number of calls
	// one wins; the others get ErrSpent while it is in progress, and until it may be asked
	// again.
	StartAdoption(ctx context.Context, a Adoption, now time.Time) (AdoptionState, error)
	// FinishAdoption records the result of an attempt. With a person it makes the grant,
	// with the token. ErrNotFound when the attempt is not the latest one any more, or the
	// session has ended or the client was deleted meanwhile: nothing changes then. ErrDisabled when the user is
	// disabled, which is recorded as a refusal.
	FinishAdoption(ctx context.Context, a Adoption, result AdoptionResult, now time.Time) error
	// RevokeForeignToken ends a token at FastMCP: a refresh token with its session and the
	// grant that was made of it, an access token alone. Errors as ForeignSession.
	RevokeForeignToken(ctx context.Context, t ForeignToken, now time.Time) error
}
