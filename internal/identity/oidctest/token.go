package oidctest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// token is the token endpoint.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.authenticated(r) {
		writeError(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		s.redeem(w, r.PostForm)
	case "refresh_token":
		s.renew(w, r.PostForm)
	default:
		writeError(w, http.StatusBadRequest, "unsupported_grant_type")
	}
}

// authenticated follows RFC 6749 section 2.3.1: in the header both are form-encoded.
func (s *Server) authenticated(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if basic {
		var err1, err2 error
		id, err1 = url.QueryUnescape(id)
		secret, err2 = url.QueryUnescape(secret)
		if err1 != nil || err2 != nil || s.TokenAuth == "client_secret_post" {
			return false
		}
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
		if s.TokenAuth == "client_secret_basic" {
			return false
		}
	}
	return id == s.ClientID && secret == s.ClientSecret
}

func (s *Server) redeem(w http.ResponseWriter, form url.Values) {
	c := s.codes[form.Get("code")]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	if c != nil && c.spent {
		*c.ended = true // RFC 6749 section 4.1.2: what came from it ends too
	}
	if c == nil || c.spent || !s.now().Before(c.expires) || c.redirectURI != form.Get("redirect_uri") || c.challenge != challenge ||
		s.people[c.sub] == nil {
		writeError(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	c.spent = true
	s.answer(w, c, true, s.IDToken)
}

func (s *Server) renew(w http.ResponseWriter, form url.Values) {
	t := s.refresh[form.Get("refresh_token")]
	if t != nil && t.spent {
		*t.ended = true
	}
	if t == nil || *t.ended || s.people[t.sub] == nil {
		code := s.SpentRefresh
		if code == "" {
			code = "invalid_grant"
		}
		writeError(w, http.StatusBadRequest, code)
		return
	}
	listed := s.Refreshed
	if listed == nil {
		listed = s.IDToken
	}
	t.spent = s.Rotates
	s.answer(w, t, false, listed)
}

// answer is a successful answer of the token endpoint.
func (s *Server) answer(w http.ResponseWriter, from *session, first bool, listed []string) {
	lifetime := s.TokenLifetime
	if lifetime == 0 {
		lifetime = time.Hour
	}
	access := "at_" + rand.Text()
	s.access[access] = &accessToken{from, s.now().Add(lifetime)}
	body := map[string]any{"access_token": access, "token_type": "Bearer"}
	for name, value := range s.TokenExtra {
		body[name] = value
	}
	if !s.NoExpiresIn {
		body["expires_in"] = int(lifetime.Seconds())
	}
	if from.offline && (first || s.Rotates) {
		value, next := "rt_"+rand.Text(), *from
		next.spent = false
		s.refresh[value] = &next
		body["refresh_token"] = value
	}
	if first || !s.NoRefreshIDToken {
		nonce := from.nonce
		if !first && !s.KeepsNonce {
			nonce = ""
		}
		body["id_token"] = s.idToken(from, access, nonce, listed)
	}
	writeJSON(w, http.StatusOK, body)
}

func (s *Server) idToken(from *session, access, nonce string, listed []string) string {
	person := s.people[from.sub]
	c := person.pick(listed)
	c["iss"], c["aud"] = s.Issuer, s.ClientID
	if s.IssuerOf != nil {
		c["iss"] = s.IssuerOf(person)
	}
	c["iat"], c["exp"] = s.now().Unix(), s.now().Add(5*time.Minute).Unix()
	if nonce != "" {
		c["nonce"] = nonce
	}
	if from.authTime != 0 {
		c["auth_time"] = from.authTime
	}
	k := s.keys[0]
	c["at_hash"] = k.halfHash(access)
	if s.change != nil {
		s.change(c)
	}
	signed := k.sign(c)
	if s.forge != nil {
		signed = s.forge(signed)
	}
	return signed
}

// userInfo is the userinfo endpoint.
func (s *Server) userInfo(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const scheme = "Bearer "
	value := r.Header.Get("Authorization")
	if len(value) < len(scheme) || value[:len(scheme)] != scheme {
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	t := s.access[value[len(scheme):]]
	if t == nil || !s.now().Before(t.expires) || *t.session.ended || s.people[t.session.sub] == nil {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	c := s.people[t.session.sub].pick(s.UserInfo)
	if s.SignedUserInfo {
		c["iss"], c["aud"] = s.Issuer, s.ClientID
		if s.forgeUserInfo != nil {
			s.forgeUserInfo(c)
		}
		w.Header().Set("Content-Type", "application/jwt")
		_, _ = w.Write([]byte(s.keys[0].sign(c)))
		return
	}
	writeJSON(w, http.StatusOK, c)
}

func writeError(w http.ResponseWriter, status int, code string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": "as the test wants it"})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
