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
var browserCookie = cookie{"__Host-mcpkeep", "mcpkeep_browser"}

// browser is the secret of the browser cookie.
type browser string

func (b browser) hash() storage.Hash { return storage.HashOf(string(b)) }

// is reports whether a sign-in is bound to this browser.
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
	if err := s.csrf.Check(r); err != nil && !s.isUnnamed(r) {
		return errForeignForm
	}
	if b == "" || subtle.ConstantTimeCompare([]byte(token), []byte(b.csrf(subject))) != 1 {
		return errForeignForm
	}
	return nil
}

// isUnnamed reports whether the browser does not say which page sent a form. To an address
// without encryption it sends no Sec-Fetch-Site (Fetch Metadata §3), and because of our
// Referrer-Policy a null Origin (Fetch §3.1). The form's token and its cookie decide then.
func (s *Server) isUnnamed(r *http.Request) bool {
	return s.plain() && r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "null"
}

func (s *Server) secure() bool { return s.base.Scheme == "https" }

// plain reports whether the issuer is reached over a network without encryption.
func (s *Server) plain() bool { return !s.secure() && !oauth.Loopback(s.BaseURL) }

// browserOf returns the request's browser, "" when it has no cookie.
func (s *Server) browserOf(r *http.Request) browser { return s.secretOf(r, browserCookie) }

// secretOf returns the random secret in a cookie, "" when there is none.
func (s *Server) secretOf(r *http.Request, name cookie) browser {
	c, err := r.Cookie(s.named(name))
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
	s.setCookie(w, browserCookie, string(b), "/", 2*authorizationLifetime)
	return b
}

var errForeignForm = &pageError{
	status: http.StatusForbidden, title: "This form has expired",
	message: "The page was opened in another browser, by another website, or too long ago. Access was not granted.",
	hint:    "Go back to your app and connect again.",
	code:    oauth.AccessDenied,
}
