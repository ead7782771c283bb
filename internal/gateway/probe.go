package gateway

import (
	"net/http"
	"time"
)

// Probe returns a client that connects to the target and to nothing else, as the gateway does,
// and follows no redirect. Each request has a time limit.
func (t Target) Probe(limit time.Duration) *http.Client {
	return &http.Client{
		Timeout: limit, Transport: t.transport(limit, limit),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
