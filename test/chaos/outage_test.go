//go:build chaos

package chaos_test

import (
	"sync"
	"time"
)

// outages is when the server was down, so that failures of clients can be held
// against it.
type outages struct {
	mu    sync.Mutex
	began []time.Time
	ended []time.Time
}

func (o *outages) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.began = append(o.began, time.Now())
}

func (o *outages) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = append(o.ended, time.Now())
}

// overlap reports whether the server was down at some time between the two.
func (o *outages) overlap(from, to time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, began := range o.began {
		over := i < len(o.ended) && o.ended[i].Before(from)
		if !over && began.Before(to) {
			return true
		}
	}
	return false
}
