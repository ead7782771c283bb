package app

import (
	"net/http"
	"sync/atomic"
	"time"
)

// answered remembers when the sign-in provider last responded to this process.
type answered struct {
	base http.RoundTripper
	unix atomic.Int64
}

// RoundTrip implements http.RoundTripper. Any response counts: the provider is there.
func (a *answered) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := a.base.RoundTrip(r)
	if err == nil {
		a.unix.Store(time.Now().Unix())
	}
	return resp, err
}

// at is when that was, zero for never.
func (a *answered) at() time.Time {
	if seconds := a.unix.Load(); seconds != 0 {
		return time.Unix(seconds, 0).UTC()
	}
	return time.Time{}
}
