package doctor

import (
	"context"
	"net/http"
	"slices"
)

// RunAt checks a server that does not have the base URL, such as a version without traffic: it
// is ready and uses this database. Whatever else it says is about the base URL.
func (d *Doctor) RunAt(ctx context.Context, origin string) []Finding {
	d.findings, d.origin, d.databaseAhead = nil, origin, nil
	d.progress(areaDatabase)
	d.database(ctx)
	if d.db != nil {
		defer func() { _ = d.db.Close() }()
	}
	d.progress(areaSchema)
	d.schema(ctx)
	d.progress(areaOutside)
	a, err := d.ask(ctx, http.MethodGet, "/ready")
	switch {
	case err != nil:
		d.add(d.notReady("does not answer: "+oneLine(err), "Check the address, and that the server runs."))
	case !slices.Contains([]string{"ready", "not ready"}, a.member("status")):
		d.add(d.notReady("no mcpkeep answers ("+a.Status+")", "Check the address, and that anyone may call the server."))
	default:
		d.judgeReady(ctx, a)
	}
	return d.findings
}

func (*Doctor) notReady(what, fix string) Finding {
	return Finding{
		Area: areaOutside, Check: "server_ready", Status: Failed, What: what,
		Why: "A version that does not answer must not get traffic.", Fix: fix,
	}
}
