package storage

import (
	"context"
	"time"
)

// ResourceStore keeps the protected resources that run elsewhere: MCP servers that use
// introspection (RFC 7662) to validate access tokens.
type ResourceStore interface {
	// CreateResourceServer stores a client like CreateClient, with the resources whose
	// tokens it may introspect. ErrExists when its ID or one of the URLs is taken; then
	// nothing is stored.
	CreateResourceServer(ctx context.Context, c Client, urls []string) error
	// Resource returns the resource with this URL, possibly as it was half a second ago.
	// ErrNotFound when there is none, or its client was deleted.
	Resource(ctx context.Context, url string) (Resource, error)
	// ResourcesOf returns the resources of a client, ordered by URL.
	ResourcesOf(ctx context.Context, clientID string) ([]Resource, error)
}

// Resource is a protected resource (RFC 8707) at another server.
type Resource struct {
	URL       string // in canonical form: the audience of its tokens
	ClientID  string // whose credential may introspect them
	CreatedAt time.Time
}
