package server

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Google's front end keeps /healthz for itself, so that each check has two paths.
var (
	healthPaths = []string{"/healthz", "/health"}
	readyPaths  = []string{"/readyz", "/ready"}
)

func isProbe(path string) bool {
	return slices.Contains(healthPaths, path) || slices.Contains(readyPaths, path)
}

// healthz answers while the process lives.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readiness is the answer of readyz. Instance is the id of the database, by which
// `mcpkeep doctor` recognizes it.
type readiness struct {
	Status   string `json:"status"`
	Reason   string `json:"reason,omitempty"`
	Instance string `json:"instance,omitempty"`
	// ClockOffset is how far the database server's clock is ahead of this process's, in
	// seconds.
	ClockOffset *float64 `json:"clock_offset_seconds,omitempty"`
	// Upstreams are not part of the status: a server that is away takes nothing from the
	// sign-ins here.
	Upstreams any `json:"upstreams,omitempty"`
}

// readyz answers 200 only when requests can be served, and a write would work, otherwise 503 with the
// reason. Probes use addresses, so no Host is checked.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	answer := readiness{Status: "not ready", Reason: "shutting down"}
	if !s.leaving.Load() {
		answer = s.ready.outcome(r.Context(), s.checkReady)
	}
	status := http.StatusOK
	if answer.Reason != "" {
		w.Header().Set("Retry-After", retryAfter)
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, answer)
}

// readinessOf is the answer after a check.
func (s *Server) readinessOf(instance string, err error) readiness {
	answer := readiness{Status: "ready", Instance: instance, ClockOffset: s.clockOffset(), Upstreams: s.upstreams()}
	if err != nil {
		answer.Status, answer.Reason = "not ready", reasonOf(err)
	}
	return answer
}

// reasonOf is why the server is not ready, in words for anyone.
func reasonOf(err error) string {
	var unavailable *storage.UnavailableError
	switch {
	case errors.As(err, &unavailable):
		return unavailable.Reason
	case errors.Is(err, storage.ErrUnavailable):
		return "the database is not responding" // its error names hosts and users
	}
	return err.Error()
}

// clockOffset is in seconds, nil when it is unknown.
func (s *Server) clockOffset() *float64 {
	if s.ClockOffset == nil {
		return nil
	}
	offset, _, known := s.ClockOffset()
	if !known {
		return nil
	}
	const milli = 1000
	seconds := math.Round(float64(offset)/float64(time.Second)*milli) / milli
	return &seconds
}

func (s *Server) upstreams() any {
	if s.Upstreams == nil {
		return nil
	}
	return s.Upstreams()
}
