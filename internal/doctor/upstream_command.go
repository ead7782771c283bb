package doctor

import "github.com/mcpkeep/mcpkeep/internal/upstreams"

// startable reports on an upstream whose processes mcpkeep starts. It starts none: what a
// server does at its start is not known here.
func (d *Doctor) startable(u upstreams.Upstream) {
	const check = "upstream_startable"
	if err := u.Command.Check(); err != nil {
		d.add(Finding{
			Area: areaUpstream, Check: check, Status: Failed, What: named(u) + " cannot be started: " + err.Error(),
			Why: "Calls at " + u.Path() + " get 502.", Fix: "Install it, or correct its entry in the configuration.",
		})
		return
	}
	what := named(u) + " can be started here"
	if u.Command.Process != upstreams.ProcessShared {
		what += "; with several instances of mcpkeep, requests with the same Mcp-Session-Id must reach the same one"
	}
	d.ok(areaUpstream, check, what)
}
