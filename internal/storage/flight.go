package storage

import (
	"context"
	"time"
)

// ForeignRequest is an authorization request that FastMCP took and whose user had not
// finished there.
type ForeignRequest struct {
	ID                  string // of FastMCP's transaction, and the state at the provider
	ClientID            string
	RedirectURI         string // normalized by FastMCP
	State               string
	CodeChallenge       string
	CodeChallengeMethod string
	Scope               string // space-separated
	Resource            string // "" for none
	Verifier            string // FastMCP's own for the provider, "" for none
	CreatedAt           time.Time
}

// ForeignCode is an authorization code that FastMCP issued.
type ForeignCode struct {
	Code                string
	ClientID            string
	RedirectURI         string // normalized by FastMCP
	CodeChallenge       string
	CodeChallengeMethod string
	ExpiresAt           time.Time
	Upstream            UpstreamTokens // of the user at the provider
}

// CodeAdoption makes a code of FastMCP one of a grant.
type CodeAdoption struct {
	Code          ForeignCode
	RedirectURI   string // as the client presents it
	Person        Person
	ProviderToken []byte // sealed with the grant
	GrantID       string
	Scope         string
	Resource      string
	ExpiresAt     time.Time // of the code
}

// FlightStore continues sign-ins that FastMCP began.
type FlightStore interface {
	// ForeignRequest returns FastMCP's transaction with an ID, however old unless the table
	// says that it has expired. ErrNotFound when there is none, ErrUnreadable when its row
	// cannot be read.
	ForeignRequest(ctx context.Context, id string, now time.Time) (ForeignRequest, error)
	// ForeignCode is ForeignRequest for a code.
	ForeignCode(ctx context.Context, code string, now time.Time) (ForeignCode, error)
	// AdoptCode makes a code of FastMCP one that ExchangeCode redeems, with its grant. It
	// takes FastMCP's row away: of any number of calls one wins, the others get ErrNotFound.
	// ErrNoClient and ErrDisabled as FinishAuthorization; the latter takes the row away, too.
	AdoptCode(ctx context.Context, c CodeAdoption, now time.Time) error
}
