package server_test

import (
	"strings"
	"testing"
)

// TestRequestLine: the line about a request, and what else is logged for it, names its trace;
// the address is the one that the trusted proxy saw.
func TestRequestLine(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *setup) { c.RequestLog.Proxies = 1 })
	h := header{
		"Traceparent":     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"X-Forwarded-For": "203.0.113.9, 198.51.100.7",
	}
	s.form("/token", nil, h)
	for line := range strings.Lines(strings.TrimSpace(s.log.String())) {
		if !strings.Contains(line, `"trace":"4bf92f3577b34da6a3ce929d0e0e4736","span":"00f067aa0ba902b7","trace_sampled":true`) {
			t.Errorf("no trace: %s", line)
		}
	}
	if log := s.log.String(); !strings.Contains(log, `"remote_ip":"198.51.100.7"`) || strings.Contains(log, "203.0.113.9") {
		t.Error(log)
	}
}

// TestRequestLogOff: no line for requests, but those about what went wrong.
func TestRequestLogOff(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *setup) { c.RequestLog.Off = true })
	s.get("/.well-known/oauth-authorization-server", asProgram)
	if log := s.log.String(); strings.Contains(log, `"msg":"request"`) {
		t.Error(log)
	}
	s.form("/token", nil, header{})
	if log := s.log.String(); !strings.Contains(log, `"msg":"refused"`) || strings.Contains(log, `"msg":"request"`) {
		t.Error(log)
	}
}
