package oidctest

import (
	"fmt"
	"net/http"
)

// The endpoints.
const (
	Discovery  = "discovery"
	Authorize  = "authorize"
	Token      = "token"
	UserInfo   = "userinfo"
	Revocation = "revocation"
	Keys       = "keys"
)

// Fault is a way in which an endpoint fails.
type Fault int

// The faults.
const (
	Healthy            Fault = iota
	ServiceUnavailable       // 503 with a JSON error
	TooManyRequests          // 429 with Retry-After: 30
	ConnectionReset          // the connection ends without an answer
	HTMLPage                 // 200 with a page
	Truncated                // 200, JSON that ends in the middle
	ProxyRefusal             // 401 with a page, as a proxy on the way might answer
	Endless                  // 200 with more than anyone should read
	AnswerLost               // the request is carried out, and the connection ends without an answer
)

// SetFault makes an endpoint fail that way until SetFault(endpoint, Healthy). Without
// name it is all of them.
func (s *Server) SetFault(f Fault, endpoints ...string) {
	if len(endpoints) == 0 {
		endpoints = []string{Discovery, Authorize, Token, UserInfo, Revocation, Keys}
	}
	s.locked(func() {
		for _, e := range endpoints {
			s.faults[e] = f
		}
	})
}

// Hang stops the provider: requests wait, and are carried out when Wake is called,
// whether or not anyone still waits for the answer.
func (s *Server) Hang() { s.locked(func() { s.awake = make(chan struct{}) }) }

// Wake lets the provider continue.
func (s *Server) Wake() { s.locked(func() { close(s.awake) }) }

func (s *Server) withFaults(endpoint string, next http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		http.Error(w, "malformed form", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.calls[endpoint]++
	fault, awake := s.faults[endpoint], s.awake
	s.mu.Unlock()
	select {
	case <-awake:
	case <-s.done:
		return
	}
	switch fault {
	case Healthy:
		next(w, r)
	case ServiceUnavailable:
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"error": "temporarily_unavailable"})
	case TooManyRequests:
		w.Header().Set("Retry-After", "30")
		writeJSON(w, http.StatusTooManyRequests, map[string]string{"error": "slow_down"})
	case ConnectionReset:
		panic(http.ErrAbortHandler)
	case HTMLPage:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><title>Maintenance</title>")
	case Truncated:
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"access_token":"oops","id_tok`)
	case ProxyRefusal:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><title>Proxy authentication</title>")
	case Endless:
		w.Header().Set("Content-Type", "application/json")
		for range 2 << 10 {
			_, _ = w.Write(append([]byte(`{"a":"`), make([]byte, 1<<10)...))
		}
	case AnswerLost:
		next(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}
}

// discard is an answer that no one gets.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
