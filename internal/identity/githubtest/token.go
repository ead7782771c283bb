package githubtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// refreshLifetime is that of GitHub App refresh tokens, six months.
const refreshLifetime = 15897600 * time.Second

// token is one access token with its refresh token, if any.
type token struct {
	access, refresh string
	user            int64
	scopes          []string
	expires         time.Time // zero: never
	refreshExpires  time.Time
}

// accessToken is POST /login/oauth/access_token. Errors come with status 200.
func (s *Server) accessToken(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := r.ParseForm(); err != nil {
		writeError(w, http.StatusBadRequest, "Problems parsing form")
		return
	}
	if id, secret, ok := r.BasicAuth(); ok && !r.Form.Has("client_id") { // GitHub takes either
		r.Form.Set("client_id", id)
		r.Form.Set("client_secret", secret)
	}
	if r.Form.Get("client_id") != s.ClientID {
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, `{"error":"Not Found"}`)
		return
	}
	if r.Form.Get("client_secret") != s.ClientSecret {
		answer(w, r, tokenFailure("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect."))
		return
	}
	if r.Form.Get("grant_type") == "refresh_token" {
		answer(w, r, s.refresh(r.Form.Get("refresh_token")))
		return
	}
	answer(w, r, s.redeem(r.Form))
}

// redeem spends the code, whatever comes of it.
func (s *Server) redeem(form url.Values) map[string]any {
	g := s.codes[form.Get("code")]
	delete(s.codes, form.Get("code"))
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case g == nil, s.now().After(g.expires), (g.challenge != "" || form.Has("code_verifier")) && base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge:
		return tokenFailure("bad_verification_code", "The code passed is incorrect or expired.")
	case form.Get("redirect_uri") != g.redirectURI:
		return tokenFailure("redirect_uri_mismatch", mismatchDescription)
	}
	return s.issue(g.user, g.scopes)
}

// refresh rotates: the old refresh token and its access token end.
func (s *Server) refresh(refresh string) map[string]any {
	i := slices.IndexFunc(s.tokens, func(t *token) bool { return t.refresh != "" && t.refresh == refresh })
	if i < 0 || s.now().After(s.tokens[i].refreshExpires) {
		return tokenFailure("bad_refresh_token", "The refresh token passed is incorrect or expired.")
	}
	old := s.tokens[i]
	s.tokens = slices.Delete(s.tokens, i, i+1)
	return s.issue(old.user, old.scopes)
}

func (s *Server) issue(user int64, scopes []string) map[string]any {
	t := &token{access: "gho_" + random(36), user: user, scopes: scopes}
	fields := map[string]any{"token_type": "bearer"}
	if s.tokenLifetime > 0 {
		t.access, t.refresh, t.scopes = "ghu_"+random(36), "ghr_"+random(36), nil
		t.expires, t.refreshExpires = s.now().Add(s.tokenLifetime), s.now().Add(refreshLifetime)
		fields["expires_in"] = int(s.tokenLifetime.Seconds())
		fields["refresh_token"], fields["refresh_token_expires_in"] = t.refresh, int(refreshLifetime.Seconds())
	}
	fields["access_token"], fields["scope"] = t.access, strings.Join(t.scopes, ",")
	s.tokens = append(s.tokens, t)
	s.enforceLimit(t)
	return fields
}

// enforceLimit revokes the oldest token when a user has more than TokensPerUser
// with the same scopes.
func (s *Server) enforceLimit(like *token) {
	same := func(t *token) bool { return t.user == like.user && slices.Equal(t.scopes, like.scopes) }
	n := 0
	for _, t := range s.tokens {
		if same(t) {
			n++
		}
	}
	if n > TokensPerUser {
		oldest := slices.IndexFunc(s.tokens, same)
		s.tokens = slices.Delete(s.tokens, oldest, oldest+1)
	}
}

func (s *Server) revoke(user int64) {
	s.tokens = slices.DeleteFunc(s.tokens, func(t *token) bool { return t.user == user })
}

func tokenFailure(code, description string) map[string]any {
	return map[string]any{"error": code, "error_description": description,
		"error_uri": "/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/#" + strings.ReplaceAll(code, "_", "-")}
}

// answer writes JSON to those who accept it and a form to everyone else.
func answer(w http.ResponseWriter, r *http.Request, fields map[string]any) {
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(fields)
		return
	}
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, fmt.Sprint(value))
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	_, _ = fmt.Fprint(w, form.Encode())
}
