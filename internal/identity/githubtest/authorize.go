package githubtest

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// grant is what an authorization code stands for.
type grant struct {
	user        int64
	redirectURI string
	challenge   string
	scopes      []string
	expires     time.Time
}

// authorize is GET /login/oauth/authorize. The person agrees immediately, so a browser
// that follows redirects comes straight back.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	if q.Get("client_id") != s.ClientID {
		writeError(w, http.StatusNotFound, "Not Found")
		return
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || !back.IsAbs() || !s.registered(back) {
		s.mismatch(w, r, q.Get("state"))
		return
	}
	plain := s.pkceOptional && !q.Has("code_challenge")
	if !plain && len(q.Get("code_challenge")) != 43 || !plain && q.Get("code_challenge_method") != "S256" {
		sendBack(w, r, back, url.Values{"error": {"invalid_request"}, "state": q["state"],
			"error_description": {"code_challenge with method S256 is required by this test server."}})
		return
	}
	s.decide(w, r, back)
}

// decide is the person's answer to a proper request.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, back *url.URL) {
	q := r.URL.Query()
	user := s.signedIn(r)
	switch {
	case user == nil:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><title>Sign in to GitHub</title><p>No one is signed in: call SignInAs.")
	case s.denying:
		sendBack(w, r, back, url.Values{"error": {"access_denied"}, "state": q["state"],
			"error_description": {"The user has denied your application access."}})
	default:
		code := strings.ToLower(random(20))
		s.codes[code] = &grant{
			user: user.ID, redirectURI: back.String(), challenge: q.Get("code_challenge"),
			scopes: s.granted(strings.Fields(q.Get("scope"))), expires: s.now().Add(CodeLifetime),
		}
		sendBack(w, r, back, url.Values{"code": {code}, "state": q["state"]})
	}
}

func (s *Server) granted(asked []string) []string {
	if !s.limitScopes {
		return asked
	}
	return slices.DeleteFunc(asked, func(scope string) bool { return !slices.Contains(s.grantedScopes, scope) })
}

// mismatch sends the browser to the callback URL on record, never to the one asked for.
func (s *Server) mismatch(w http.ResponseWriter, r *http.Request, state string) {
	back, err := url.Parse(s.callbackURL)
	if err != nil || !back.IsAbs() {
		writeError(w, http.StatusBadRequest, "redirect_uri is missing or not absolute")
		return
	}
	sendBack(w, r, back, url.Values{"error": {"redirect_uri_mismatch"}, "state": {state},
		"error_description": {mismatchDescription}})
}

const mismatchDescription = "The redirect_uri MUST match the registered callback URL for this application."

// registered follows section "Redirect URLs" of the documentation: same host or a
// subdomain, same port except on loopback, path below the registered one.
func (s *Server) registered(u *url.URL) bool {
	if s.callbackURL == "" {
		return true
	}
	callback, err := url.Parse(s.callbackURL)
	if err != nil {
		return false
	}
	host := u.Hostname() == callback.Hostname() || strings.HasSuffix(u.Hostname(), "."+callback.Hostname())
	port := u.Port() == callback.Port() || net.ParseIP(callback.Hostname()).IsLoopback()
	below := strings.TrimSuffix(callback.Path, "/")
	return host && port && (u.Path == callback.Path || strings.HasPrefix(u.Path, below+"/"))
}

func sendBack(w http.ResponseWriter, r *http.Request, back *url.URL, add url.Values) {
	to := *back
	q := to.Query()
	for name, values := range add {
		if len(values) > 0 {
			q.Set(name, values[0])
		}
	}
	to.RawQuery = q.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}
