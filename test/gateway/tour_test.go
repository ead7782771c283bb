package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	withSessions    = "2025-11-25"
	withoutSessions = "2026-07-28"
)

// visit takes a tour of a place that is reached at an endpoint.
func visit(t *testing.T, p *place, endpoint, token, version string) []string {
	t.Helper()
	v := &tour{place: p, endpoint: endpoint, token: token, version: version}
	lines := v.take(t)
	if version == withSessions {
		lines = append(lines, p.wire(t, endpoint, token)...)
	}
	return lines
}

// TestTour: everything works through mcpkeep as it does directly, for both kinds of revisions.
func TestTour(t *testing.T) {
	t.Parallel()
	const patience = 30 * time.Second
	behind := map[string]*place{}
	for _, version := range []string{withSessions, withoutSessions} {
		behind[version] = newPlace(t, patience, version)
	}
	p, _ := configured(t, `{"mcpServers": {"old": {"url": "`+behind[withSessions].url+`"}, "new": {"url": "`+behind[withoutSessions].url+`"}}}`)
	for version, path := range map[string]string{withSessions: "/old/mcp", withoutSessions: "/new/mcp"} {
		t.Run(version, func(t *testing.T) {
			direct := newPlace(t, patience, version)
			want := visit(t, direct, direct.url, "", version)
			got := visit(t, behind[version], p.URL+path, signInAt(t, p, path).AccessToken, version)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-directly +through mcpkeep)\n%s", diff)
			}
			for _, line := range []string{
				"cancellation seen: true", "each event arrived before the next", `\"name\":\"Ada\"`, `\"text\":\"answer\"`, `file:///home`, "notice: progress 2 of 3", "notice: tools changed", "notice: prompts changed", "notice: updated note://1",
			} {
				if !strings.Contains(strings.Join(want, "\n"), line) {
					t.Errorf("the tour has not shown %q", line)
				}
			}
		})
	}
}
