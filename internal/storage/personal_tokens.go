package storage

import (
	"context"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
)

// PersonalClientID is the client of all personal tokens.
const PersonalClientID = metadata.PersonalClientID

const (
	// MaxPersonalTokens is how many personal tokens a user has at a time.
	MaxPersonalTokens = 50
	// LongestTokenName is in characters.
	LongestTokenName = 80
	// PersonalTokenLife is how long one lasts at most.
	PersonalTokenLife = 366 * 24 * time.Hour
)

// PersonalToken is a token for a script, which cannot open a browser. It is a grant, and acts
// for its user.
type PersonalToken struct {
	Name      string // that the user gave it
	ExpiresAt time.Time
	// Broken is why the name cannot be decrypted, which is empty then; set in listings.
	Broken error
}

// NewPersonalToken is a personal token to be made.
type NewPersonalToken struct {
	PersonalToken

	GrantID   string
	UserID    string
	Token     Hash
	Scope     string
	Resources []string // URIs, at least one
	// NeedsProvider: the sign-in provider's token has to stand for the user, because the
	// provider is asked about them.
	NeedsProvider bool
}

// PersonalTokenStore makes personal tokens. As grants they are listed and end like those of
// apps.
type PersonalTokenStore interface {
	// CreatePersonalToken makes a token for a user. ErrNotFound when there is no such user,
	// ErrDisabled when they are disabled, ErrFull when they have MaxPersonalTokens, ErrExists
	// when the grant was made before, and ErrUnconfirmed when NeedsProvider and no provider's token stands for them.
	CreatePersonalToken(ctx context.Context, t NewPersonalToken, now time.Time) error
}

// IsPersonal reports whether a grant is a personal token.
func (g Grant) IsPersonal() bool { return g.ClientID == PersonalClientID }

// IsPersonal reports whether an access token is a personal one.
func (a Access) IsPersonal() bool { return a.ClientID == PersonalClientID }

// Resources are the URIs of the protected resources that a grant is for. Personal tokens alone
// may be for several.
func (g Grant) Resources() []string { return strings.Fields(g.Resource) }
