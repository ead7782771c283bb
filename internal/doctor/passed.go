package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// passedThrough checks whether a token arrives: the answer to a wrong token differs from
// that to none (RFC 6750 section 3).
func (d *Doctor) passedThrough(ctx context.Context) {
	const check = "authorization_header"
	a, err := d.ask(ctx, http.MethodGet, mcpPath, "Authorization", "Bearer mcpkeep-doctor")
	if err == nil && strings.Contains(strings.Join(a.Header.Values("WWW-Authenticate"), ","), `error="invalid_token"`) {
		d.ok(areaOutside, check, "the Authorization header reaches the server")
		return
	}
	what := "the Authorization header does not reach the server: a wrong token is treated like none"
	if err != nil {
		what = "a request with a token fails: " + oneLine(err)
	} else if a.StatusCode != http.StatusUnauthorized {
		what = fmt.Sprintf("a request with a token gets %s before it reaches the server", a.Status)
	}
	d.add(Finding{
		Area: areaOutside, Check: check, Status: Failed, What: what,
		Why: "Clients would have to sign in again and again.",
		Fix: "Make the proxy pass the Authorization header through: nginx `proxy_set_header Authorization $http_authorization;`, Apache CGIPassAuth or no `RequestHeader unset Authorization`.",
	})
}

// cors checks whether clients in a browser can connect.
func (d *Doctor) cors(ctx context.Context) {
	f := Finding{
		Area: areaOutside, Check: "cors", Status: Warning, Why: "Clients in a browser, such as the MCP Inspector, cannot read the responses; other clients can.",
		Fix: "Make the proxy pass OPTIONS requests and Access-Control headers through unchanged, and add none of its own.",
	}
	preflight, err := d.ask(ctx, http.MethodOptions, mcpPath, "Origin", visitor,
		"Access-Control-Request-Method", http.MethodPost, "Access-Control-Request-Headers", "authorization,content-type")
	if err != nil {
		f.What = "a preflight request fails: " + oneLine(err)
		d.add(f)
		return
	}
	document, err := d.ask(ctx, http.MethodGet, "/.well-known/oauth-authorization-server", "Origin", visitor)
	if err != nil {
		f.What = "a cross-origin request fails: " + oneLine(err)
		d.add(f)
		return
	}
	allowed := preflight.Header.Values("Access-Control-Allow-Origin")
	switch {
	case preflight.StatusCode >= 300:
		f.What = "a preflight request (OPTIONS) returns " + preflight.Status
	case len(allowed) == 0 || len(document.Header.Values("Access-Control-Allow-Origin")) == 0:
		f.What = "the Access-Control-Allow-Origin header is removed on the way"
	case len(allowed) > 1 || len(document.Header.Values("Access-Control-Allow-Origin")) > 1:
		f.What = "there are two Access-Control-Allow-Origin headers: the proxy adds its own"
	case !strings.Contains(strings.ToLower(strings.Join(preflight.Header.Values("Access-Control-Allow-Headers"), ",")), "authorization"):
		f.What = "the preflight response does not allow the Authorization header"
	default:
		d.ok(areaOutside, "cors", "clients in a browser can connect")
		return
	}
	d.add(f)
}

// slash checks the URL with a trailing slash, which users paste.
func (d *Doctor) slash(ctx context.Context) {
	a, err := d.ask(ctx, http.MethodGet, mcpPath+"/")
	if err == nil && a.StatusCode == http.StatusUnauthorized {
		d.ok(areaOutside, "trailing_slash", mcpPath+"/ works too")
		return
	}
	f := Finding{
		Area: areaOutside, Check: "trailing_slash", Status: Warning, Why: "Some users paste the URL with a trailing slash, and redirects drop the token.",
		Fix: "Make the proxy forward " + mcpPath + "/ unchanged, without a redirect.",
	}
	if err != nil {
		f.What = mcpPath + "/ fails: " + oneLine(err)
	} else {
		f.What = fmt.Sprintf("%s/ returns %s, want 401", mcpPath, a.Status)
	}
	d.add(f)
}
