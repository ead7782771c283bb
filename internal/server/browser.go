package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// The browser cookie is a random secret that binds sign-ins in flight to one
// browser. It proves nothing about who the person is.
const (
	secureCookie = "__Host-mcpkeep" // the prefix keeps other hosts of the domain from planting it
	plainCookie  = "mcpkeep_browser"
)

// browser is the secret of the browser cookie.
type browser string

func (b browser) hash() storage.Hash { return storage.HashOf(string(b)) }

// is says whether a sign-in is bound to this browser.
func (b browser) is(bound storage.Hash) bool {
	return b != "" && subtle.ConstantTimeCompare([]byte(b.hash()), []byte(bound)) == 1
}

// csrf returns the token of a form about a subject. It can be made only by who
// knows the cookie, needs no state, and stays the same however often the page
// is loaded.
func (b browser) csrf(subject string) string {
	sum := sha256.Sum256([]byte("mcpkeep csrf\x00" + string(b) + "\x00" + subject))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// checkCSRF refuses a form that was not rendered for this browser and subject,
// or that another site sent.
func (s *Server) checkCSRF(r *http.Request, b browser, subject, token string) error {
	if err := s.csrf.Check(r); err != nil {
		return errForeignForm
	}
	if b == "" || subtle.ConstantTimeCompare([]byte(token), []byte(b.csrf(subject))) != 1 {
		return errForeignForm
	}
	return nil
}

func (s *Server) secure() bool { return s.base.Scheme == "https" }

func (s *Server) cookieName() string {
	if s.secure() {
		return secureCookie
	}
	return plainCookie
}

// browserOf returns the request's browser, "" when it has no cookie.
func (s *Server) browserOf(r *http.Request) browser {
	c, err := r.Cookie(s.cookieName())
	if err != nil || len(c.Value) != len(newBrowser()) || strings.Trim(c.Value, base32Alphabet) != "" {
		return ""
	}
	return browser(c.Value)
}

const base32Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

func newBrowser() browser { return browser(rand.Text() + rand.Text()) }

// ensureBrowser returns the request's browser, giving it a cookie when it has
// none. An existing one is kept: two tabs must not lock each other out.
func (s *Server) ensureBrowser(w http.ResponseWriter, r *http.Request) browser {
	b := s.browserOf(r)
	if b == "" {
		b = newBrowser()
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // without Secure on plain http only, which is loopback only
		Name: s.cookieName(), Value: string(b), Path: "/", HttpOnly: true, Secure: s.secure(),
		SameSite: http.SameSiteLaxMode, MaxAge: int((2 * authorizationLifetime).Seconds()),
	})
	return b
}

var errForeignForm = &pageError{
	status: http.StatusForbidden, title: "This form has expired",
	message: "The page was opened in another browser, by another site, or too long ago. Nothing was allowed.",
	hint:    "Go back to your app and connect again.",
	code:    oauth.AccessDenied,
}
