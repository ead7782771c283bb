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

type health struct {
	mu   sync.Mutex
	last Health
}

// note records how an exchange ended. What a client did wrong says nothing of the upstream.
func (h *health) note(err error) {
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

// Health returns what the upstream's traffic showed last. It asks nothing.
func (u *Upstream) Health() Health {
	u.health.mu.Lock()
	defer u.health.mu.Unlock()
	if u.health.last.Status == "" {
		return Health{Status: "unknown"}
	}
	return u.health.last
}
