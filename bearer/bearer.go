// Package bearer guards an MCP server that runs next to mcpkeep: it lets a request through
// when mcpkeep says that its access token is valid. It needs the standard library only.
//
//	guard, err := bearer.New(bearer.Config{
//		Issuer:       "https://mcp.example.com",   // mcpkeep
//		Resource:     "https://other.example/mcp", // this server
//		ClientID:     id,                          // from `mcpkeep clients create --resource`
//		ClientSecret: secret,
//	})
//	...
//	http.ListenAndServe(addr, guard.Handler(mcpHandler))
//
// A tool learns who called it by [PersonFrom]. A token that is revoked stops working
// within two seconds: mcpkeep's answers are kept for less than one.
package bearer

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
)

// Config is what a [Guard] needs.
type Config struct {
	// Issuer is the base URL of mcpkeep: an https origin, or http on loopback and with
	// AllowHTTP.
	Issuer string
	// Resource is the URL of the MCP endpoint as clients know it, the same as given to
	// `mcpkeep clients create --resource`.
	Resource string
	// AllowHTTP accepts plain http on private networks, as MCPKEEP_ALLOW_HTTP does. Others
	// on the network can read tokens and the client's secret.
	AllowHTTP bool
	// ClientID and ClientSecret are what that command printed.
	ClientID, ClientSecret string
	// Scopes are needed to use the endpoint. Default "mcp".
	Scopes []string
	// HTTPClient asks mcpkeep. Its timeout is at most 5 seconds, and it follows no
	// redirects. Default a client with the default transport.
	HTTPClient *http.Client
	// Logger is told when mcpkeep cannot be asked. Default [slog.Default].
	Logger *slog.Logger
}

// Guard protects one MCP endpoint. It is safe for concurrent use.
type Guard struct {
	resource *url.URL
	metadata string // path of the metadata document
	document []byte
	scopes   []string
	tokens   *tokens
}

// New returns a guard. It asks mcpkeep nothing yet, so that either server may start
// first. An error names the field that is wrong, and holds no secret.
func New(cfg Config) (*Guard, error) {
	issuer, err := endpoint("Issuer", cfg.Issuer, cfg.AllowHTTP)
	if err != nil {
		return nil, err
	}
	if issuer.Path != "" {
		return nil, errors.New("bearer: Config.Issuer: has a path; want the base URL of mcpkeep, such as https://mcp.example.com")
	}
	resource, err := endpoint("Resource", cfg.Resource, cfg.AllowHTTP)
	if err != nil {
		return nil, err
	}
	if cfg.ClientID == "" || cfg.ClientSecret == "" {
		return nil, errors.New("bearer: Config.ClientID, Config.ClientSecret: required; want what `mcpkeep clients create --resource` printed")
	}
	if len(cfg.Scopes) == 0 {
		cfg.Scopes = []string{"mcp"}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	g := &Guard{
		resource: resource, metadata: wellKnown + resource.EscapedPath(), scopes: cfg.Scopes,
		document: document(resource.String(), issuer.String(), cfg.Scopes),
		tokens:   newTokens(cfg, issuer.String()+"/introspect", resource.String()),
	}
	return g, nil
}

// Person is who a request works for. mcpkeep's ID does not change; addresses and groups
// may.
type Person struct {
	ID       string   // mcpkeep's id of the person
	Email    string   // verified by the provider that signed the person in; may be ""
	Groups   []string // at that provider; may be nil
	ClientID string   // the app that acts for the person
	Scopes   []string // that the access token has
}

type contextKey struct{}

// PersonFrom returns the caller of a request that went through [Guard.Handler], from the
// context of the HTTP request or of the tool call. It reports false in any other context.
func PersonFrom(ctx context.Context) (Person, bool) {
	p, ok := ctx.Value(contextKey{}).(*Person)
	if !ok {
		return Person{}, false
	}
	return *p, true
}
