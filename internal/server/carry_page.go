package server

import (
	"net/http"
	"net/url"
)

// pageCookie has the registration of the page that a browser opened last, for when the page is
// loaded again and its client was evicted.
var pageCookie = cookie{"__Secure-mcpkeep-page", "mcpkeep_page"}

// keepRegistration has the browser keep what the first page carries, if it fits.
func (s *Server) keepRegistration(w http.ResponseWriter, ar authorization) {
	if carried := ar.values.Get(carriedField); carried != "" && !ar.carried && len(carried) <= maxCookie {
		s.setCookie(w, pageCookie, carried, "/authorize", carriedFor)
	}
}

// recallRegistration adds what the browser kept to a request that carries nothing. It counts only
// for the client that it was made for, and only if that was evicted.
func (s *Server) recallRegistration(r *http.Request, values url.Values) {
	kept, err := r.Cookie(s.named(pageCookie))
	if err == nil && values.Get(carriedField) == "" {
		values.Set(carriedField, kept.Value)
	}
}
