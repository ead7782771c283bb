package oidctest

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a running provider.
type Server struct {
	Provider
	ClientID, ClientSecret string

	address string // of the test server
	hosts   map[string]bool
	done    chan struct{}

	mu       sync.Mutex
	clock    time.Duration
	people   map[string]Claims
	signedIn string
	// lastAuthentication is when the person at the provider last authenticated.
	lastAuthentication time.Time
	denying            bool

	nonceOptional bool

	codes   map[string]*session
	refresh map[string]*session
	access  map[string]*accessToken
	keys    []key
	faults  map[string]Fault
	awake   chan struct{} // closed unless the provider hangs
	calls   map[string]int
	asked   url.Values
	change  func(Claims)
	// forgeUserInfo changes a signed userinfo response.
	forgeUserInfo func(Claims)
	forge         func(idToken string) string
	document      map[string]any
}

// session is what a code or a refresh token stands for.
type session struct {
	sub, redirectURI, challenge, nonce string
	authTime                           int64 // 0 if the ID token does not say
	offline                            bool
	spent                              bool
	ended                              *bool // of all that came from one sign-in
	expires                            time.Time
}

type accessToken struct {
	session *session
	expires time.Time
}

// New starts a provider that lives until the end of the test.
func New(t testing.TB, p Provider) *Server {
	t.Helper()
	s := &Server{
		Provider: p, ClientID: "client-" + rand.Text(), ClientSecret: "s&cret/" + rand.Text(), done: make(chan struct{}),
		people: map[string]Claims{}, codes: map[string]*session{}, refresh: map[string]*session{},
		access: map[string]*accessToken{}, faults: map[string]Fault{}, awake: make(chan struct{}), calls: map[string]int{},
		document: map[string]any{}, hosts: map[string]bool{},
	}
	close(s.awake)
	s.keys = []key{firstKey(p.Algorithm)}
	web := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		close(s.done)
		web.Close()
	})
	s.address = web.Listener.Addr().String()
	if s.Issuer == "" {
		s.Issuer = "http://" + s.address
	}
	if s.At == "" {
		s.At = s.Issuer
	}
	for name, value := range p.Document {
		if path, ok := value.(string); ok && strings.HasPrefix(path, "/") {
			value = strings.TrimSuffix(s.Issuer, "/") + path
		}
		s.document[name] = value
	}
	for _, address := range append(s.endpoints(), s.At) {
		if u, err := url.Parse(address); err == nil {
			s.hosts[u.Host] = true
		}
	}
	web.Start() // processes that ask it share no memory with this one
	return s
}

// Client returns an HTTP client for which the provider's hosts are here.
func (s *Server) Client() *http.Client { return &http.Client{Transport: rerouted{s}} }

type rerouted struct{ s *Server }

func (r rerouted) RoundTrip(req *http.Request) (*http.Response, error) {
	if !r.s.hosts[req.URL.Host] {
		return http.DefaultTransport.RoundTrip(req)
	}
	to := req.Clone(req.Context())
	to.Host, to.URL.Scheme, to.URL.Host = req.URL.Host, "http", r.s.address
	resp, err := http.DefaultTransport.RoundTrip(to)
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}

func (s *Server) endpoint(name string) string {
	address, _ := s.document[name].(string)
	return address
}

func (s *Server) endpoints() []string {
	return []string{
		s.endpoint("authorization_endpoint"), s.endpoint("token_endpoint"), s.endpoint("userinfo_endpoint"), s.endpoint("jwks_uri"),
		s.endpoint("revocation_endpoint"),
	}
}

// serve finds the endpoint by host and path.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	is := func(address string) bool {
		u, err := url.Parse(address)
		return err == nil && u.Path == r.URL.Path && (u.Host == r.Host || r.Host == s.address)
	}
	routes := []struct {
		name    string
		at      string
		handler http.HandlerFunc
	}{
		{Discovery, strings.TrimSuffix(s.At, "/") + "/.well-known/openid-configuration", s.discovery},
		{Authorize, s.endpoint("authorization_endpoint"), s.authorize},
		{Token, s.endpoint("token_endpoint"), s.token},
		{UserInfo, s.endpoint("userinfo_endpoint"), s.userInfo},
		{Revocation, s.endpoint("revocation_endpoint"), s.revoke},
		{Keys, s.endpoint("jwks_uri"), s.jwks},
	}
	for _, route := range routes {
		if route.at != "" && is(route.at) {
			s.withFaults(route.name, route.handler, w, r)
			return
		}
	}
	http.NotFound(w, r)
}

func (s *Server) discovery(w http.ResponseWriter, _ *http.Request) {
	document := map[string]any{"issuer": s.Issuer}
	s.locked(func() {
		for name, value := range s.document {
			document[name] = value
		}
	})
	if s.IssuerInCallback {
		document["authorization_response_iss_parameter_supported"] = true
	}
	writeJSON(w, http.StatusOK, document)
}

// SetDocument changes a member of the discovery document; nil removes it.
func (s *Server) SetDocument(name string, value any) {
	s.locked(func() {
		if value == nil {
			delete(s.document, name)
			return
		}
		s.document[name] = value
	})
}

// AddPerson adds an account or replaces its claims.
func (s *Server) AddPerson(c Claims) { s.locked(func() { s.people[c.sub()] = c }) }

// RemovePerson deletes an account; everything that it was given ends.
func (s *Server) RemovePerson(sub string) { s.locked(func() { delete(s.people, sub) }) }

// SignInAs says who is signed in in every browser.
func (s *Server) SignInAs(sub string) {
	s.locked(func() { s.signedIn, s.lastAuthentication = sub, s.now() })
}

// SetDenying makes the person cancel.
func (s *Server) SetDenying(denying bool) { s.locked(func() { s.denying = denying }) }

// SetNonceOptional sets whether requests without a nonce get a response, as OpenID Connect
// allows for the code flow.
func (s *Server) SetNonceOptional(optional bool) { s.locked(func() { s.nonceOptional = optional }) }

// Change is called with the claims of each ID token before it is signed.
func (s *Server) Change(f func(Claims)) { s.locked(func() { s.change = f }) }

// ForgeUserInfo changes what a signed userinfo response says, its issuer and audience included.
func (s *Server) ForgeUserInfo(f func(Claims)) { s.locked(func() { s.forgeUserInfo = f }) }

// Forge is called with each signed ID token.
func (s *Server) Forge(f func(idToken string) string) { s.locked(func() { s.forge = f }) }

// RotateKey signs with a new key from now on and forgets the old ones.
func (s *Server) RotateKey() { s.locked(func() { s.keys = []key{newKey(s.Algorithm)} }) }

// Advance moves the provider's clock.
func (s *Server) Advance(d time.Duration) { s.locked(func() { s.clock += d }) }

// Now is the provider's time.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Server) now() time.Time { return time.Now().Add(s.clock) }

// Calls says how often an endpoint was called.
func (s *Server) Calls(endpoint string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[endpoint]
}

// Asked is the latest authorization request.
func (s *Server) Asked() url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Tokens are the access and refresh tokens that were given.
func (s *Server) Tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Concat(slices.Collect(maps.Keys(s.access)), slices.Collect(maps.Keys(s.refresh)))
}

func (s *Server) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}
