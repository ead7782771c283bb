package githubtest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Fault is a way in which GitHub fails.
type Fault int

// The faults. Rate limits concern the API only.
const (
	Healthy            Fault = iota
	ServiceUnavailable       // 503 with a JSON message
	ConnectionReset          // the connection ends without an answer
	HTMLPage                 // 200 with the page about unicorns
	Truncated                // 200, JSON that ends in the middle
	PrimaryRateLimit         // 403, X-RateLimit-Remaining: 0, X-RateLimit-Reset in RateLimitReset
	SecondaryRateLimit       // 403 with Retry-After of RateLimitReset
)

// RateLimitReset is how long the rate limits tell the caller to wait.
const RateLimitReset = 90 * time.Second

// SetFault makes every endpoint fail that way until SetFault(Healthy).
func (s *Server) SetFault(f Fault) { s.locked(func() { s.fault = f }) }

// SetSlow delays every answer by d.
func (s *Server) SetSlow(d time.Duration) { s.locked(func() { s.delay = d }) }

// withFaults counts the request, delays it and fails it where a test wants that.
func (s *Server) withFaults(next http.Handler, rateLimited bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.calls[r.URL.Path]++
		fault, delay := s.fault, s.delay
		s.mu.Unlock()
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		}
		if !rateLimited && (fault == PrimaryRateLimit || fault == SecondaryRateLimit) {
			fault = Healthy
		}
		s.fail(w, r, fault, next)
	})
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, fault Fault, next http.Handler) {
	switch fault {
	case Healthy:
		next.ServeHTTP(w, r)
	case ServiceUnavailable:
		writeError(w, http.StatusServiceUnavailable, "No server is currently available to service your request.")
	case ConnectionReset:
		panic(http.ErrAbortHandler)
	case HTMLPage:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><title>Unicorn! &middot; GitHub</title>")
	case Truncated:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = fmt.Fprint(w, `{"id":1,"login":"octo`)
	case PrimaryRateLimit:
		w.Header().Set("X-RateLimit-Limit", "5000")
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(s.Now().Add(RateLimitReset).Unix(), 10))
		writeError(w, http.StatusForbidden, "API rate limit exceeded for user ID 1.")
	case SecondaryRateLimit:
		w.Header().Set("Retry-After", strconv.Itoa(int(RateLimitReset.Seconds())))
		writeError(w, http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	}
}
