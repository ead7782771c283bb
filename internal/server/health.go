package server

import (
	"errors"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// healthz answers while the process lives.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readyz answers 200 only when requests can be served, otherwise 503 with the
// reason. Probes use addresses, so no Host is checked.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	err := s.Store.Ready(r.Context())
	if err == nil {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
		return
	}
	s.log(r).Warn("not ready", "error", err)
	reason := err.Error()
	if errors.Is(err, storage.ErrUnavailable) {
		reason = "the database does not answer" // its error names hosts and users
	}
	w.Header().Set("Retry-After", retryAfter)
	writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready", "reason": reason})
}
