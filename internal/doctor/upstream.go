package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

const areaUpstream = "upstreams"

// upstreams checks the MCP servers behind this one.
func (d *Doctor) upstreams(ctx context.Context) {
	if len(d.Upstreams) == 0 {
		return
	}
	d.progress(areaUpstream)
	for _, u := range d.Upstreams {
		if u.Command != nil {
			d.startable(u)
			continue
		}
		if d.reachUpstream(ctx, u) {
			d.revisions(ctx, u)
		}
		d.exposure(ctx, u)
	}
}

// reachUpstream reports whether an upstream takes MCP requests of the gateway.
func (d *Doctor) reachUpstream(ctx context.Context, u upstreams.Upstream) bool {
	a, err := newProbe(u).initialize(ctx, oldestRevision)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // which does not repeat the URL
		}
		d.add(upstreamFailed(u, "cannot be reached: "+err.Error(), "Start it, and compare its address with the one that is configured."))
		return false
	}
	if a.isMCP() {
		d.ok(areaUpstream, "upstream_reachable", named(u)+" takes MCP requests at "+u.Target.String())
		return true
	}
	d.add(d.refusedUpstream(ctx, u, a))
	return false
}

func (d *Doctor) refusedUpstream(ctx context.Context, u upstreams.Upstream, a answer) Finding {
	aboutHost := strings.Contains(strings.ToLower(a.body), "host")
	switch status := a.StatusCode; {
	case status == http.StatusMisdirectedRequest, status == http.StatusForbidden && aboutHost:
		return upstreamFailed(u, "refuses the Host header "+u.Target.URL.Host,
			"Add "+u.Target.URL.Host+" to the hosts that it allows, or configure a URL with a host that it knows.")
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return upstreamFailed(u, fmt.Sprintf("wants a sign-in of its own: it answers %d", status),
			"Turn its authentication off, since mcpkeep signs users in, or set `headers` with a credential for it in the configuration file.")
	case status >= 300 && status < 400:
		return upstreamFailed(u, fmt.Sprintf("redirects (%d)", status), "Configure the URL that it redirects to, such as one with or without the final slash.")
	case newProbe(u).isOldTransport(ctx):
		return upstreamFailed(u, "speaks only the old HTTP+SSE transport",
			"Run it with the Streamable HTTP transport, and configure the URL of that, often /mcp instead of /sse.")
	}
	return upstreamFailed(u, fmt.Sprintf("is no MCP endpoint: it answers %d", a.StatusCode), "Compare the path with that of its MCP endpoint, often /mcp.")
}

func named(u upstreams.Upstream) string { return "the upstream " + u.Name }

func upstreamFailed(u upstreams.Upstream, what, fix string) Finding {
	return Finding{
		Area: areaUpstream, Check: "upstream_reachable", Status: Failed, What: named(u) + " " + what,
		Why: "Calls at " + u.Path() + " get 502.", Fix: fix,
	}
}

// revisions says which revisions of MCP an upstream speaks.
func (d *Doctor) revisions(ctx context.Context, u upstreams.Upstream) {
	list := newProbe(u).revisions(ctx)
	if len(list) == 0 {
		d.add(Finding{
			Area: areaUpstream, Check: "upstream_revisions", Status: Warning, What: named(u) + " speaks no revision of MCP that is known here",
			Why: "Clients may not be able to use it.", Fix: "Update its MCP library.",
		})
		return
	}
	d.ok(areaUpstream, "upstream_revisions", named(u)+" speaks MCP "+strings.Join(list, ", "))
}
