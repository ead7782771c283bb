package mcpserver

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Caller is whom a request works for.
type Caller struct {
	Access storage.Access // what the request's access token stands for
	Admin  bool           // may see and revoke everybody's connections
}

type callerKey struct{}

// WithCaller returns a context that carries the caller. The bearer middleware
// calls it once the access token is verified; the handler refuses requests
// without a caller.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerFrom(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}
