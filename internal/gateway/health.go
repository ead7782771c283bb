package gateway

import (
	"errors"
	"sync"
	"time"
)

// Health is what an upstream's traffic shows of it.
type Health struct {
	Status string    `json:"status"` // "unknown" before the first request, "ok", or "failing"
	Since  time.Time `json:"since,omitzero"`
	Error  string    `json:"error,omitempty"` // what clients are told
}

// Traffic is what the exchanges with an upstream show of it. The zero value has seen none.
type Traffic struct {
	mu   sync.Mutex
	last Health
}

// Note records how an exchange ended. What a client did wrong says nothing of the upstream.
func (h *Traffic) Note(err error) {
	next := Health{Status: "ok"}
	var known *problem
	if err != nil {
		if errors.As(err, &known) && known.status < 500 {
			return
		}
		next = Health{Status: "failing", Error: errUnreachable.message}
		if known != nil {
			next.Error = known.message
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if next.Status == h.last.Status && next.Error == h.last.Error {
		return
	}
	next.Since = time.Now().UTC().Truncate(time.Second)
	h.last = next
}

// Health returns what the traffic showed last.
func (h *Traffic) Health() Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last.Status == "" {
		return Health{Status: "unknown"}
	}
	return h.last
}

// Health returns what the upstream's traffic showed last. It asks nothing.
func (u *Upstream) Health() Health { return u.health.Health() }
