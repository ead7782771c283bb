package server

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Lifetimes of what the server hands out.
type Lifetimes struct {
	AccessToken  time.Duration
	RefreshToken time.Duration // since last use
	Grace        time.Duration // in which a repeated refresh gets the same successor; 0 for none
	// ProviderGrace is for how long after the last confirmation a session goes on
	// whose person the provider cannot be asked about; 0 for not at all.
	ProviderGrace time.Duration
}

const (
	codeLifetime          = 60 * time.Second // RFC 6749 §4.1.2 allows ten minutes; clients need one round trip
	authorizationLifetime = 15 * time.Minute
)

// Config is what a server is made of.
type Config struct {
	// BaseURL is the public origin and the issuer (RFC 8414 §2): scheme and
	// host, no path, no trailing slash.
	BaseURL string
	// Loopback: the server listens on a loopback address, where names of this
	// machine are as good as the base URL's host.
	Loopback bool
	Name     string // of this server, on pages and in metadata
	Store    storage.Store
	// Documents: Store knows clients by their client ID metadata documents, too.
	Documents bool
	Keys      KeySource // of clients that publish them; nil when none is fetched
	// Upstream signs people in; nil for the local password.
	Upstream  identity.Upstream
	Policy    identity.Policy
	Lifetimes Lifetimes
	// Registration says which clients may register, MaxClients how many there may
	// be; 0 is any number.
	Registration oauth.RegistrationPolicy
	MaxClients   int64
	// Readopt says which clients with an unknown id a person may let in; "" is none.
	Readopt oauth.ReadoptMode
	// OpenAIChallenge is the text by which the owner of this host proves it to
	// OpenAI when the app is submitted; "" serves none.
	OpenAIChallenge string
	MCP             http.Handler // gets requests with a valid token only
	Logger          *slog.Logger
	Now             func() time.Time // nil for time.Now
}

// Server answers HTTP requests.
type Server struct {
	Config
	resource oauth.Resource
	base     *url.URL
	metadata struct{ authorizationServer, protectedResource []byte }
	csrf     *http.CrossOriginProtection
	// background is what goes on behind finished requests: see Wait.
	background sync.WaitGroup
}

// New returns a server. The error names what in the configuration is wrong.
func New(cfg Config) (*Server, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || base.Path != "" || base.RawQuery != "" || base.Fragment != "" || base.User != nil {
		return nil, errors.New("the base URL must be an origin: scheme and host without path")
	}
	if cfg.Store == nil || cfg.MCP == nil || cfg.Logger == nil {
		return nil, errors.New("store, MCP handler and logger are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{
		Config: cfg, base: base, resource: oauth.NewResource(cfg.BaseURL),
		csrf: http.NewCrossOriginProtection(),
	}
	if err := s.csrf.AddTrustedOrigin(cfg.BaseURL); err != nil {
		return nil, err
	}
	if err := s.renderMetadata(); err != nil {
		return nil, err
	}
	return s, nil
}

// Handler returns the whole surface.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)

	public := http.NewServeMux()
	public.Handle("/.well-known/oauth-authorization-server", s.api(get, s.authorizationServerMetadata))
	public.Handle("/.well-known/oauth-authorization-server/mcp", s.api(get, s.authorizationServerMetadata))
	public.Handle("/.well-known/oauth-protected-resource", s.api(get, s.protectedResourceMetadata))
	public.Handle("/.well-known/oauth-protected-resource/mcp", s.api(get, s.protectedResourceMetadata))
	public.Handle("/.well-known/openai-apps-challenge", s.api(get, s.openAIChallenge))
	public.Handle("/.well-known/", s.api(get, s.noDocument))
	public.Handle("/register", s.api(post, s.register))
	public.Handle("/register/{client_id}", s.api(manage, s.manageClient))
	public.Handle("/token", s.api(post, s.token))
	public.Handle("/revoke", s.api(post, s.revoke))
	public.Handle("/introspect", s.api(post, s.introspect))
	public.Handle("GET /authorize", s.page(s.authorize))
	public.Handle("POST /authorize", s.page(s.signIn))
	public.Handle("GET /consent", s.page(s.showConsent))
	public.Handle("POST /consent", s.page(s.decideConsent))
	public.Handle("GET /auth/callback", s.page(s.callback))
	public.Handle("/authorize", s.page(notAllowed("GET, HEAD, POST")))
	public.Handle("/consent", s.page(notAllowed("GET, HEAD, POST")))
	public.Handle("/auth/callback", s.page(notAllowed("GET, HEAD")))
	public.Handle("/mcp", s.mcp())
	public.Handle("/mcp/{$}", s.mcp())
	public.Handle("/", s.page(s.notFound))
	mux.Handle("/", s.checkHost(public))
	return s.observe(mux)
}
