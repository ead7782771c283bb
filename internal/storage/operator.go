package storage

import (
	"context"
	"time"
)

// OperatorStore is what an operator sees and mends.
type OperatorStore interface {
	// ClientSummary returns what a listing says of one client. Of one that is known by
	// its metadata document that is its name, and when the document was fetched.
	// ErrNotFound when there is none.
	ClientSummary(ctx context.Context, id string, now time.Time) (ClientSummary, error)
	// ListUnusedClients returns up to limit clients, ordered by id from the first
	// one after the given id, that nobody has used and that were registered at the
	// given time or before: no use is on record, no grant, and no sign-in is in
	// flight. A client whose time of registration is unknown is none of them.
	ListUnusedClients(ctx context.Context, registered time.Time, after string, limit int, now time.Time) ([]ClientSummary, error)
	// DeleteUnusedClients deletes those of the clients that are still unused, by
	// the same definition, and says how many. A client that is used in that very
	// moment stays.
	DeleteUnusedClients(ctx context.Context, ids []string, registered, now time.Time) (int64, error)

	// FindGrants returns up to limit live grants with their people, ordered by id
	// from the first one after the given id.
	FindGrants(ctx context.Context, f GrantFilter, after string, limit int, now time.Time) ([]GrantSummary, error)
	// RevokeGrants revokes up to limit grants and says how many: also those whose
	// code is not redeemed yet, which are not listed. The filter must not be empty.
	RevokeGrants(ctx context.Context, f GrantFilter, limit int, now time.Time) (int64, error)

	// ListUsers returns up to limit people ordered by id, from the first one after
	// the given id. A person whose profile does not open is listed as unreadable.
	ListUsers(ctx context.Context, f UserFilter, after string, limit int, now time.Time) ([]UserSummary, error)
	// DisableUser keeps a person out from now on and revokes all grants of theirs,
	// and says how many. No sign-in that is in flight gets past it: see
	// FinishAuthorization. ErrNotFound when there is no such person, or they are
	// disabled already.
	DisableUser(ctx context.Context, id string, now time.Time) (int64, error)
	// EnableUser lets a disabled person sign in again; their grants stay revoked.
	// ErrNotFound when there is no such person, or they are not disabled.
	EnableUser(ctx context.Context, id string, now time.Time) error
}

// ClientSummary is a client in a listing, also one whose row does not open.
type ClientSummary struct {
	Client     Client
	Unreadable bool // only Client.ID and Client.CreatedAt are known
	Foreign    bool // another program registered it
	// Reclaimable: it registered by itself and nobody has signed in with it; see
	// ReclaimClients.
	Reclaimable bool
	LastUsedAt  time.Time // when somebody last signed in with it; zero when nobody did
	Grants      int64     // live ones
}

// GrantFilter selects grants; zero values select all.
type GrantFilter struct {
	ID       string
	UserID   string
	ClientID string
}

// GrantSummary is a grant in a listing.
type GrantSummary struct {
	Grant      Grant
	User       User
	Unreadable bool // the person's profile does not open
}

// UserFilter selects people; zero values select all.
type UserFilter struct {
	ID      string
	Issuer  string
	Subject string
}

// UserSummary is a person in a listing.
type UserSummary struct {
	User         User
	Unreadable   bool // the profile does not open
	CreatedAt    time.Time
	LastSignInAt time.Time // zero when there was none
	DisabledAt   time.Time // zero when not disabled
	Grants       int64     // live ones
}
