package metrics

import (
	"net/http"
	"time"
)

// Transport counts the requests to the sign-in provider that go through base. Nil metrics
// return base.
func (m *Metrics) Transport(base http.RoundTripper) http.RoundTripper {
	if m == nil {
		return base
	}
	return counted{m, base}
}

type counted struct {
	metrics *Metrics
	base    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := c.base.RoundTrip(r)
	c.metrics.providerTook.Update(time.Since(start).Seconds())
	outcome := providerOutcome(resp, err)
	inc(c.metrics.provider, outcome)
	if outcome == Failed {
		c.metrics.unansweredSince.CompareAndSwap(0, start.Unix())
	} else {
		c.metrics.unansweredSince.Store(0)
	}
	return resp, err
}

// providerOutcome is OK, Refused for a refusal, which is an answer, and otherwise Failed.
func providerOutcome(resp *http.Response, err error) Outcome {
	switch {
	case err != nil || resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests:
		return Failed
	case resp.StatusCode >= http.StatusBadRequest:
		return Refused
	}
	return OK
}
