package principal

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Principal is who a request works for, as its access token says.
type Principal struct {
	User      storage.User // the person: id and profile
	Admin     bool         // may see and revoke everyone's connections
	ClientID  string       // the client that acts for the person
	GrantID   string       // the connection: this client's permission to act for this person
	Scope     string       // what the token allows, separated by spaces (RFC 6749 §3.3)
	Resource  string       // URI of the protected resource that the token is for (RFC 8707 §2)
	ExpiresAt time.Time    // of the token
}

// New returns the principal that a valid access token stands for.
func New(a storage.Access, admin bool) Principal {
	return Principal{
		User: a.User, Admin: admin, ClientID: a.ClientID, GrantID: a.GrantID,
		Scope: a.Scope, Resource: a.Resource, ExpiresAt: a.ExpiresAt,
	}
}

// ErrEnded is the cause of a request's canceled context when the access token stopped being
// valid while the request was open.
var ErrEnded = errors.New("the access of this connection has ended")

type contextKey struct{}

// NewContext returns a context that carries p.
func NewContext(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, &p)
}

// FromContext returns the principal of a request's context. It reports false when no
// access token was checked.
func FromContext(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(contextKey{}).(*Principal)
	if !ok {
		return Principal{}, false
	}
	return *p, true
}
