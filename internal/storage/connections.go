package storage

import "context"

type sharedKey struct{}

// WithSharedConnections returns a context whose access checks use the connections that all work
// shares, and no memory of earlier ones: those of requests that anyone can send.
func WithSharedConnections(ctx context.Context) context.Context {
	return context.WithValue(ctx, sharedKey{}, true)
}

// SharesConnections reports whether a context is one of WithSharedConnections.
func SharesConnections(ctx context.Context) bool {
	shares, _ := ctx.Value(sharedKey{}).(bool)
	return shares
}
