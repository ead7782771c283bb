package githubtest

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// CodeLifetime is how long an authorization code can be redeemed.
const CodeLifetime = 10 * time.Minute

// TokensPerUser is how many tokens GitHub keeps for one user, application and set
// of scopes; one more revokes the oldest.
const TokensPerUser = 10

// Server is one GitHub with one registered OAuth app. Its methods are safe for
// concurrent use. Site and API have different origins, as on github.com.
type Server struct {
	URL    string // of the site, with the OAuth endpoints
	APIURL string // of the REST API

	ClientID     string
	ClientSecret string

	done chan struct{} // closed when the test ends

	mu            sync.Mutex
	users         map[int64]*User
	lastID        int64
	browser       int64            // id of the user signed in in every browser without a session cookie
	sessions      map[string]int64 // session cookie to user id
	codes         map[string]*grant
	tokens        []*token // oldest first
	skew          time.Duration
	calls         map[string]int
	callbackURL   string
	denying       bool
	pkceOptional  bool
	grantedScopes []string
	limitScopes   bool
	orgPageSize   int
	tokenLifetime time.Duration
	fault         Fault
	delay         time.Duration
}

// New starts a GitHub on loopback that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{
		ClientID: "Iv1." + random(16), ClientSecret: random(40),
		users: map[int64]*User{}, sessions: map[string]int64{}, codes: map[string]*grant{},
		done: make(chan struct{}), lastID: 1000, calls: map[string]int{}, orgPageSize: 100,
	}
	s.URL = s.listen(t, s.siteRoutes(), false)
	s.APIURL = s.listen(t, s.apiRoutes(), true)
	t.Cleanup(func() { close(s.done) }) // runs first, so that no delayed answer holds up the end
	return s
}

func (s *Server) listen(t testing.TB, h http.Handler, rateLimited bool) string {
	t.Helper()
	srv := httptest.NewServer(s.withFaults(h, rateLimited))
	t.Cleanup(srv.Close)
	return srv.URL
}

// SetCallbackURL registers the app's callback URL. Without one every redirect URI
// is taken.
func (s *Server) SetCallbackURL(u string) { s.locked(func() { s.callbackURL = u }) }

// SetDenying makes the person press Cancel on the authorization page.
func (s *Server) SetDenying(deny bool) { s.locked(func() { s.denying = deny }) }

// LimitScopes makes GitHub grant at most these scopes, whatever is asked for.
func (s *Server) LimitScopes(scopes ...string) {
	s.locked(func() { s.limitScopes, s.grantedScopes = true, scopes })
}

// SetPKCEOptional sets whether requests without PKCE get a response, as at GitHub.
func (s *Server) SetPKCEOptional(optional bool) { s.locked(func() { s.pkceOptional = optional }) }

// SetOrgPageSize caps a page of a list below what the request asks for.
func (s *Server) SetOrgPageSize(n int) { s.locked(func() { s.orgPageSize = n }) }

// SetTokenLifetime makes the app a GitHub App with expiring user tokens: access
// tokens (ghu_) end after d and come with a refresh token (ghr_). 0 is an OAuth app.
func (s *Server) SetTokenLifetime(d time.Duration) { s.locked(func() { s.tokenLifetime = d }) }

// Advance moves GitHub's clock.
func (s *Server) Advance(d time.Duration) { s.locked(func() { s.skew += d }) }

// Now is the time on GitHub's clock.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Server) now() time.Time { return time.Now().Add(s.skew) }

// Calls is how many requests have come for a path such as "/user", answered or not.
func (s *Server) Calls(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[path]
}

func (s *Server) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}
