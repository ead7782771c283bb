package oidctest

import "net/http"

// revoke is the revocation endpoint (RFC 7009). A refresh token ends with all that
// came from the same sign-in.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.authenticated(r) {
		writeError(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	value := r.PostForm.Get("token")
	if t := s.refresh[value]; t != nil {
		*t.ended = true
	}
	delete(s.access, value)
	w.WriteHeader(http.StatusOK)
}

// Live is how many refresh tokens are good.
func (s *Server) Live() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.refresh {
		if !t.spent && !*t.ended && s.people[t.sub] != nil {
			n++
		}
	}
	return n
}
