package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/display"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Resource is a protected resource at this server: an MCP endpoint with its own
// metadata, challenge and tokens.
type Resource struct {
	Path    string   // of the endpoint, such as "/mcp"; it begins with a slash and does not end with one
	Title   string   // shown to people; "" for the server's name
	Scopes  []string // needed to use it; nil for oauth.BasicScopes
	Watched bool     // requests take long: they are canceled when their access ends
	MaxBody int64    // bytes of a message; 0 for maxMCPBody
	// Offered are further scopes that clients can ask for. The handler gives them a meaning.
	Offered []oauth.Scope
	// Entry says who may use it, of those who may sign in; nil for everyone.
	Entry *identity.Policy
	// Lends: the MCP server behind it gets the sign-in provider's token of its users.
	Lends   bool
	Handler http.Handler // gets requests with a valid token for this resource only
	// Front lets a proxy in front pass requests on to the server behind the resource by
	// itself; nil where none can. See VerifyPath.
	Front *Front
}

// protectedResources checks the configured resources and returns what the protocol
// knows of them at an origin.
func (cfg *Config) protectedResources(origin string) (oauth.Resources, error) {
	if len(cfg.Resources) == 0 {
		return nil, errors.New("at least one protected resource is required")
	}
	list := make(oauth.Resources, 0, len(cfg.Resources))
	for _, r := range cfg.Resources {
		resource := oauth.NewResource(origin, r.Path)
		resource.Name, resource.Scopes, resource.Offered = cmp.Or(r.Title, cfg.Name), r.Scopes, r.Offered
		if err := r.check(); err != nil {
			return nil, err
		}
		if _, twice := list.Find(resource.URI); twice {
			return nil, fmt.Errorf("two protected resources at %s", r.Path)
		}
		list = append(list, resource)
	}
	return list, nil
}

// taken are the first segments of the paths of our own endpoints.
var taken = []string{
	".well-known", "register", "authorize", "token", "revoke", "introspect", "consent", "auth", "healthz", "readyz", "health", "ready", "connections", "admin", "logo",
}

// ReservedNames returns the first segments of paths at which no protected resource can be.
func ReservedNames() []string { return slices.Clone(taken) }

func (r Resource) check() error {
	u, err := url.Parse(r.Path)
	first, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
	switch {
	case err != nil || u.EscapedPath() != r.Path || !strings.HasPrefix(r.Path, "/") || strings.ContainsAny(r.Path, "{}%"):
		return fmt.Errorf("the path of a protected resource must be plain and absolute, not %q", r.Path)
	case first == "" || slices.Contains(strings.Split(r.Path[1:], "/"), "") || slices.Contains(taken, first):
		return fmt.Errorf("a protected resource cannot be at %q", r.Path)
	case r.Handler == nil:
		return fmt.Errorf("the protected resource at %s has no handler", r.Path)
	case len(oauth.DescribeScopes(strings.Join(r.Scopes, " "))) != len(r.Scopes):
		return fmt.Errorf("the protected resource at %s needs scopes that do not exist: %q", r.Path, r.Scopes)
	}
	return nil
}

// protects reports whether a resource is one of this server's.
func (s *Server) protects(uri string) bool {
	_, ok := s.resources.Find(s.canonical(uri))
	return ok
}

// requestedResource returns the URI of the resource that a request asks for: one of this
// server's, or one that introspects its tokens.
func (s *Server) requestedResource(ctx context.Context, values []string) (string, error) {
	uri, err := s.findResource(ctx, values)
	if isInvalidTarget(err) {
		s.logRefusedResource(ctx, values)
	}
	return uri, err
}

func isInvalidTarget(err error) bool {
	var problem *oauth.Error
	return errors.As(err, &problem) && problem.Code == oauth.InvalidTarget
}

// logRefusedResource says which resource was asked for: without that, no one can tell a
// mistyped URL from a client's mistake. What a query or fragment holds may be secret and is
// left out.
func (s *Server) logRefusedResource(ctx context.Context, values []string) {
	const most, length = 3, 200
	asked := make([]string, 0, most)
	for _, value := range values[:min(len(values), most)] {
		if i := strings.IndexAny(value, "?#"); i >= 0 {
			value = value[:i+1] + "…"
		}
		if i := strings.LastIndex(value, "@"); i >= 0 {
			value = "…" + value[i:] // nor a password
		}
		asked = append(asked, display.Line(value, length))
	}
	s.Logger.WarnContext(ctx, "resource refused", logging.Event, "resource_refused",
		"resource", strings.Join(asked, " "), "expected", s.resources[0].URI)
}

func (s *Server) findResource(ctx context.Context, values []string) (string, error) {
	r, err := s.resources.Requested(s.allCanonical(values))
	if err == nil || len(values) == 0 {
		return r.URI, err
	}
	uri, ok := oauth.CanonicalResource(oauth.WithoutQuery(values[0]))
	if !ok {
		return "", err
	}
	for _, value := range values[1:] {
		if other, _ := oauth.CanonicalResource(oauth.WithoutQuery(value)); other != uri {
			return "", err
		}
	}
	separate, missing := s.Store.Resource(ctx, uri)
	if errors.Is(missing, storage.ErrNotFound) {
		return "", err
	}
	return separate.URL, missing
}

// narrowedResource returns the URI of the resource that a token request names, "" when
// it names none and means the one that was granted.
func (s *Server) narrowedResource(ctx context.Context, values []string) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	return s.requestedResource(ctx, values)
}

// checkResource refuses a grant for a resource that is no longer served.
func (s *Server) checkResource(ctx context.Context, uri string) error {
	if s.protects(uri) {
		return nil
	}
	_, err := s.Store.Resource(ctx, uri)
	if errors.Is(err, storage.ErrNotFound) {
		return errInvalidGrant
	}
	return err
}

var errOtherResource = oauth.NewError(oauth.InvalidTarget, "this was granted for another resource")

// metadataRoutes adds the metadata of the protected resources.
func (s *Server) metadataRoutes(mux *http.ServeMux) {
	for i, r := range s.Resources {
		resource := s.resources[i]
		metadata := s.api(get, s.resourceMetadata(i))
		if r.Path == oauth.DefaultPath {
			mux.Handle("/.well-known/oauth-protected-resource", metadata)
		}
		mux.Handle(resource.MetadataPath(), metadata)
		mux.Handle("/.well-known/oauth-authorization-server"+r.Path, s.api(get, s.issuerMetadata))
	}
}
