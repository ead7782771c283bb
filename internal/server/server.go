package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/adopt"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/metrics"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
)

// Lifetimes of what the server hands out.
type Lifetimes struct {
	AccessToken  time.Duration
	RefreshToken time.Duration // since last use
	Grace        time.Duration // in which a repeated refresh gets the same successor, see storage.Repeat; 0 for none
	// ProviderGrace is for how long after the last confirmation a session continues
	// whose person the provider cannot be asked about; 0 for not at all.
	ProviderGrace time.Duration
	// Recheck is how old the provider's last confirmation of a person may be before a
	// call asks again; 0 for any age, so that only refreshes ask.
	Recheck time.Duration
}

const (
	codeLifetime          = 60 * time.Second // RFC 6749 §4.1.2 allows ten minutes; clients need one round trip
	authorizationLifetime = 15 * time.Minute
)

// RequestLog says how requests are logged.
type RequestLog struct {
	Off bool // a proxy in front has them in its log
	// Proxies is how many there are in front, each of which adds an entry to X-Forwarded-For.
	Proxies int
}

// Config is what a server is made of.
type Config struct {
	// BaseURL is the public origin and the issuer (RFC 8414 §2): scheme and
	// host, no path, no trailing slash.
	BaseURL string
	// Names are further origins of this server. Each has metadata and challenges of its
	// own, which name the same issuer, and a token is good at all of them.
	Names []string
	// IssuerSlash: the issuer that clients see has a final slash, as FastMCP's has.
	IssuerSlash bool
	// CallbackPath is where the provider sends browsers back to; "" for DefaultCallbackPath.
	CallbackPath string
	// Loopback: only this machine can connect, and other names of it count as the base
	// URL: a proxy on this machine may send them in place of its own.
	Loopback bool
	Name     string // of this server, on pages and in metadata
	// Resources are the MCP endpoints. The one at oauth.DefaultPath is meant by who names none.
	Resources []Resource
	Store     Store
	// Documents: Store knows clients by their client ID metadata documents, too.
	Documents bool
	// DocumentsOffered reports whether that is said in the metadata now: whether clients'
	// sites can be reached; nil for always. It must not block.
	DocumentsOffered func() bool
	Keys             KeySource // of clients that publish them; nil when none is fetched
	Provider         identity.Provider
	Policy           identity.Policy
	Lifetimes        Lifetimes
	// FastMCP verifies the tokens of the FastMCP server whose sessions are taken over; nil
	// looks at none.
	FastMCP *fastmcp.Verifier
	// LegacyUntil is until when refresh tokens of FastMCP 2.13.0 and 2.13.1 are taken, which
	// kept them in memory; zero for never.
	LegacyUntil time.Time
	// Registration says which clients may register, MaxClients how many there may
	// be; 0 is any number.
	// AllowedOrigins says which web pages may call the MCP endpoints, besides our own.
	AllowedOrigins oauth.OriginPolicy
	Registration   oauth.RegistrationPolicy
	MaxClients     int64
	// Readopt says which clients with an unknown ID a user may re-register.
	Readopt oauth.Readoption
	// PersonalTokens says who may make and use personal tokens; "" for no one.
	PersonalTokens PersonalTokens
	// OpenAIChallenge is the text by which the owner of this host proves it to
	// OpenAI when the app is submitted; "" serves none.
	OpenAIChallenge string
	Brand           Brand
	// Upstreams returns what /readyz shows of the MCP servers behind this one; nil for none.
	Upstreams func() any
	// AssertionKeys returns the key set of identity assertions, and for how long it may be kept;
	// nil when there are none.
	AssertionKeys func(context.Context) (document []byte, keep time.Duration, err error)
	NoAdminPages  bool // the pages for administrators are not there
	// State is what administrators see of the server; nil for no page of it.
	State      func(context.Context) (State, error)
	Logger     *slog.Logger
	RequestLog RequestLog
	Metrics    *metrics.Metrics // nil for none
	Now        func() time.Time // nil for time.Now
	// ClockOffset is how far the database server's clock is ahead of this process's, give or
	// take doubt; nil where there is none.
	ClockOffset func() (offset, doubt time.Duration, known bool)
}

// Server answers HTTP requests.
type Server struct {
	Config
	resources oauth.Resources // in the order of Config.Resources
	base      *url.URL
	names     []*name // the base URL's first
	byHost    map[string]*name
	metadata  []byte // of the authorization server
	// metadataWithoutDocuments is the same while client documents cannot be fetched.
	metadataWithoutDocuments []byte
	csrf                     *http.CrossOriginProtection
	recheck                  *recheck.Checker
	adopter                  *adopt.Adopter // nil without FastMCP
	deadlines                deadlines
	leaving                  atomic.Bool
	answers                  answers
	bounds                   bounds
	keySets                  oauth.KeySets
	ready                    readyCheck
	watch                    watch
	routes                   map[string]string // paths and what metrics call them
}

// New returns a server. The error names what in the configuration is wrong.
func New(cfg Config) (*Server, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || base.Path != "" || base.RawQuery != "" || base.Fragment != "" || base.User != nil {
		return nil, errors.New("the base URL must be an origin: scheme and host without path")
	}
	if cfg.Store == nil || cfg.Provider == nil || cfg.Logger == nil {
		return nil, errors.New("store, provider and logger are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.CallbackPath = cmp.Or(cfg.CallbackPath, DefaultCallbackPath)
	cfg.Logger = logging.WithReference(cfg.Logger)
	protected, err := cfg.protectedResources(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	s := &Server{Config: cfg, base: base, resources: protected, csrf: http.NewCrossOriginProtection(), bounds: newBounds()}
	if err := s.addNames(); err != nil {
		return nil, err
	}
	s.routes = s.metricRoutes()
	s.watch = watch{every: watchEvery, valid: s.stillValid}
	s.deadlines = deadlines{body: bodyWait, answer: answerWait, write: writeWait}
	s.recheck = recheck.New(recheck.Config{
		Store: cfg.Store, Provider: cfg.Provider, Policy: cfg.Policy, Grace: cfg.Lifetimes.ProviderGrace, Every: cfg.Lifetimes.Recheck,
		Logger: cfg.Logger, Now: cfg.Now,
	})
	if protected, ok := s.resources.Default(); ok && cfg.FastMCP != nil { // FastMCP's endpoint
		s.adopter = adopt.New(adopt.Config{
			Store: cfg.Store, Verifier: cfg.FastMCP, Provider: cfg.Provider, Policy: cfg.Policy, Grace: cfg.Lifetimes.ProviderGrace,
			Scope: protected.RequiredScope(), Resource: protected.URI, LegacyUntil: cfg.LegacyUntil,
			Logger: cfg.Logger, Now: cfg.Now,
		})
	}
	if err := s.csrf.AddTrustedOrigin(cfg.BaseURL); err != nil {
		return nil, err
	}
	if err := s.renderMetadata(); err != nil {
		return nil, err
	}
	return s, nil
}

// Wait waits until the work that continues after requests have ended is done, or the
// context ends.
func (s *Server) Wait(ctx context.Context) {
	s.recheck.Wait(ctx)
	s.adopter.Wait(ctx)
	s.answers.wait(ctx)
}

// Leave makes load balancers send requests elsewhere: from now on /readyz returns 503, and
// each response ends its connection. Requests that still come get a response.
func (s *Server) Leave() { s.leaving.Store(true) }

// redirects reports whether people sign in at the provider's own site, and not with a
// password here.
func (s *Server) redirects() bool {
	_, ok := s.Provider.(identity.RedirectProvider)
	return ok
}

// Handler returns the whole surface.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, path := range healthPaths {
		mux.HandleFunc("GET "+path, s.healthz)
	}
	for _, path := range readyPaths {
		mux.HandleFunc("GET "+path, s.readyz)
	}

	public := http.NewServeMux()
	public.Handle("/.well-known/oauth-authorization-server", s.api(get, s.issuerMetadata))
	public.Handle("/.well-known/oauth-authorization-server/{$}", s.api(get, s.issuerMetadata)) // of an issuer with a slash
	public.Handle("/.well-known/openai-apps-challenge", s.api(get, s.openAIChallenge))
	public.Handle(JWKSPath, s.api(get, s.assertionKeys))
	public.Handle("/.well-known/", s.api(get, s.noDocument))
	public.Handle("/register", s.api(post, s.countRegistration(within(s.bounds.registration, s.register))))
	public.Handle("/register/{client_id}", s.api(manage, within(s.bounds.management, s.manageClient)))
	public.Handle("/token", s.api(post, within(s.bounds.token, patient(s.token))))
	public.Handle("/revoke", s.api(post, within(s.bounds.revocation, patient(s.revoke))))
	public.Handle("/introspect", s.api(post, within(s.bounds.introspection, patient(s.introspect))))
	public.Handle("GET /authorize", s.page(within(s.bounds.page, s.atIssuer(s.authorize))))
	public.Handle("POST /authorize", s.page(within(s.bounds.page, s.atIssuer(s.signIn))))
	public.Handle("GET /consent", s.page(within(s.bounds.page, s.atIssuer(s.showConsent))))
	public.Handle("POST /consent", s.page(within(s.bounds.page, s.atIssuer(s.decideConsent))))
	public.Handle("GET "+logoPath, s.page(s.logo))
	s.connectionRoutes(public)
	s.adminRoutes(public)
	if s.adopter != nil { // where the consent page of FastMCP 2.13.0 leads
		public.Handle("POST /consent/submit", s.page(within(s.bounds.page, s.atIssuer(s.decideConsent))))
	}
	public.Handle("GET "+s.CallbackPath, s.page(within(s.bounds.callback, s.atIssuer(s.callback))))
	public.Handle("/authorize", s.page(notAllowed("GET, HEAD, POST")))
	public.Handle("/consent", s.page(notAllowed("GET, HEAD, POST")))
	public.Handle(s.CallbackPath, s.page(notAllowed("GET, HEAD")))
	s.metadataRoutes(public)
	for i, r := range s.Resources { // past the second router: most requests are calls of tools
		guarded := s.checkHost(s.guard(i, r.Handler))
		mux.Handle(r.Path, guarded)
		mux.Handle(r.Path+"/{$}", guarded)
	}
	mux.Handle(VerifyPath, s.verification()) // a proxy asks by any address that it has for this server
	public.Handle("GET /{$}", s.page(s.root))
	public.Handle("/", s.page(s.notFound))
	mux.Handle("/", s.checkHost(public))
	return s.observe(mux)
}
