package oidctest

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// authorize is the authorization endpoint. The person agrees immediately, so a browser
// that follows redirects comes straight back.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.Form
	s.asked = q
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || !back.IsAbs() || q.Get("client_id") != s.ClientID {
		http.Error(w, "unknown client or redirect URI", http.StatusBadRequest)
		return
	}
	answer := url.Values{"state": q["state"]}
	if s.IssuerInCallback {
		answer.Set("iss", s.Issuer)
	}
	if code := s.wrong(q); code != "" {
		answer.Set("error", code)
	} else {
		answer.Set("code", s.newCode(q))
	}
	values := back.Query()
	for name, list := range answer {
		values[name] = list
	}
	back.RawQuery = values.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// wrong returns the error code for a request that this provider does not take.
func (s *Server) wrong(q url.Values) string {
	scopes, prompts := strings.Fields(q.Get("scope")), strings.Fields(q.Get("prompt"))
	announced, _ := s.document["scopes_supported"].([]string)
	switch {
	case q.Get("response_type") != "code", len(q.Get("code_challenge")) != 43, q.Get("code_challenge_method") != "S256",
		!slices.Contains(scopes, "openid"), q.Get("nonce") == "" && !s.nonceOptional, q.Has("resource"):
		return "invalid_request"
	case s.StrictScopes && slices.ContainsFunc(scopes, func(sc string) bool { return !slices.Contains(announced, sc) }):
		return "invalid_scope"
	case s.Prompts != nil && slices.ContainsFunc(prompts, func(p string) bool { return !slices.Contains(s.Prompts, p) }):
		return "invalid_request"
	case s.OnePrompt && len(prompts) > 1:
		return "invalid_request"
	case s.denying:
		return "access_denied"
	case s.people[s.signedIn] == nil:
		return "login_required"
	}
	return ""
}

func (s *Server) newCode(q url.Values) string {
	consent := slices.Contains(strings.Fields(q.Get("prompt")), "consent")
	offline := !s.NoRefreshToken
	if s.OfflineScope {
		offline = offline && slices.Contains(strings.Fields(q.Get("scope")), "offline_access") && (consent || !s.OfflineConsent)
	}
	if s.AccessTypeParam {
		offline = offline && q.Get("access_type") == "offline" && consent
	}
	code := "code_" + rand.Text()
	s.codes[code] = &session{
		sub: s.signedIn, redirectURI: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), nonce: q.Get("nonce"),
		offline: offline, ended: new(bool), expires: s.now().Add(time.Minute), authTime: s.authTime(q),
	}
	return code
}

// authTime has the person authenticate again if that was longer ago than max_age, and returns
// what the ID token says of it (OpenID Connect Core 1.0 sections 2 and 3.1.2.1).
func (s *Server) authTime(q url.Values) int64 {
	seconds, err := strconv.Atoi(q.Get("max_age"))
	asked := err == nil
	if asked && !s.IgnoresMaxAge && s.now().Sub(s.lastAuthentication) >= time.Duration(seconds)*time.Second {
		s.lastAuthentication = s.now()
	}
	if s.AuthTime == AuthTimeAlways || asked && s.AuthTime == AuthTimeIfAsked {
		return s.lastAuthentication.Unix()
	}
	return 0
}

// Browse opens the authorization URL as a browser would and returns where the provider
// sends it. It fails the test when that is nowhere.
func (s *Server) Browse(t testing.TB, authorizeURL string) *url.URL {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, authorizeURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Transport.RoundTrip(req) // follows no redirect
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || !to.IsAbs() {
		t.Fatal(fmt.Errorf("the provider answered %s instead of redirecting", resp.Status))
	}
	return to
}
