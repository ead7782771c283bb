package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

const (
	maxAnswer = 64 << 10
	mcpPath   = "/mcp"
	// visitor is the origin of a web client that asks.
	visitor = "https://client.example"
)

// answer is what came back from the base URL.
type answer struct {
	*http.Response
	body string
}

func (a answer) isHTML() bool { return a.mediaType() == "text/html" }

func (a answer) mediaType() string {
	media, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	return media
}

// member is a string member of the JSON body.
func (a answer) member(name string) string {
	var members map[string]any
	if json.Unmarshal([]byte(a.body), &members) != nil {
		return ""
	}
	value, _ := members[name].(string)
	return value
}

// ask sends a request as a client would.
func (d *Doctor) ask(ctx context.Context, method, path string, headers ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, outsideWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, d.BaseURL+path, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("User-Agent", "mcpkeep-doctor")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := d.client().Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return answer{resp, string(body)}, err
}

// outside looks at the base URL from where clients are.
func (d *Doctor) outside(ctx context.Context) {
	if d.BaseURL == "" {
		d.skip(areaOutside, "base_url_reachable", "the base URL is not known: a free port is picked at the start, or the setting is wrong")
		return
	}
	before := d.now()
	first, err := d.ask(ctx, http.MethodGet, mcpPath)
	if err != nil {
		d.noAnswer(err)
		return
	}
	if f, bad := d.judgeAnswer(first); bad {
		d.add(f)
		return
	}
	d.ok(areaOutside, "base_url_reachable", d.BaseURL+mcpPath+" asks for a token, as it should")
	d.metadata(ctx)
	d.passedThrough(ctx)
	d.cors(ctx)
	d.slash(ctx)
	d.ready(ctx)
	if u, err := url.Parse(d.BaseURL); err == nil && u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" {
		d.dateClock("clock_base_url", "the clock behind the base URL", first.Header, before)
	}
}

// reached is a finding about the first answer.
func (*Doctor) reached(what, why, mend string) Finding {
	return Finding{Area: areaOutside, Check: "base_url_reachable", Status: Failed, What: what, Why: why, Mend: mend}
}

var resourceMetadata = regexp.MustCompile(`resource_metadata="([^"]*)"`)

// judgeAnswer judges the answer to a request without a token: nothing but a
// challenge of ours is right (RFC 9728 section 5.1).
func (d *Doctor) judgeAnswer(a answer) (f Finding, bad bool) {
	const lost = "Clients cannot connect: they begin with exactly this request."
	at := d.BaseURL + mcpPath
	switch {
	case a.StatusCode >= 300 && a.StatusCode < 400:
		return d.judgeRedirect(a), true
	case a.member("error_description") == "this host is not served here":
		return d.reached("the proxy sends another Host header than the base URL's, and the server refuses it (403)", lost,
			"Let the proxy pass Host on: nginx `proxy_set_header Host $host;`, Apache `ProxyPreserveHost On`; or mend MCPKEEP_BASE_URL."), true
	case a.StatusCode == http.StatusServiceUnavailable && a.mediaType() == "application/json":
		return d.reached("the server answers 503: it cannot reach its database", lost, "See the findings about the database, and the server's log."), true
	case a.StatusCode == http.StatusBadGateway || a.StatusCode == http.StatusGatewayTimeout || a.StatusCode == http.StatusServiceUnavailable:
		return d.reached(fmt.Sprintf("the proxy cannot reach the server (%s)", a.Status), lost,
			"Start the server, and check the address and port that the proxy forwards to."), true
	case a.StatusCode == http.StatusNotFound:
		return d.reached(at+" is not found (404)", lost, "Let the proxy forward every path to the server, "+mcpPath+" and /.well-known/ included."), true
	case a.isHTML():
		return d.reached(fmt.Sprintf("%s is answered by a web page (%s), not by the server", at, a.Status), lost+" A page is what firewalls, bot checks and sign-in walls answer.",
			"Exempt "+d.BaseURL+" from the firewall's or proxy's bot checks and sign-in: clients are programs without cookies."), true
	case a.StatusCode != http.StatusUnauthorized:
		return d.reached(fmt.Sprintf("%s answers %s without a token, want 401", at, a.Status), lost, "Check that the base URL leads to mcpkeep, and to its path "+mcpPath+" unchanged."), true
	}
	return d.judgeChallenge(a)
}

func (d *Doctor) judgeRedirect(a answer) Finding {
	location := a.Header.Get("Location")
	target, err := a.Request.URL.Parse(location)
	what := fmt.Sprintf("%s is redirected to %q (%s)", d.BaseURL+mcpPath, location, a.Status)
	const why = "Clients do not take their token along, and many follow no redirect at all."
	if err == nil && target.Host == a.Request.URL.Host && target.Scheme == a.Request.URL.Scheme {
		return d.reached(what, why, "Take the redirect out of the proxy: it must forward "+mcpPath+" as it is.")
	}
	mend := "Set MCPKEEP_BASE_URL to where the redirect leads, or take the redirect out of the proxy."
	if err == nil {
		mend = "Set MCPKEEP_BASE_URL=" + target.Scheme + "://" + target.Host + ", or take the redirect out of the proxy."
	}
	return d.reached(what, why+" The redirect leads to another origin, so that the issuer would not fit either.", mend)
}

func (d *Doctor) judgeChallenge(a answer) (f Finding, bad bool) {
	challenges := a.Header.Values("WWW-Authenticate")
	all := strings.Join(challenges, ", ")
	const why = "It is the challenge by which clients find out where to sign in (RFC 9728)."
	switch {
	case len(challenges) == 0:
		return d.reached("the 401 comes without WWW-Authenticate", why, "Let the proxy pass the header WWW-Authenticate on, also with errors."), true
	case !strings.Contains(strings.ToLower(all), "bearer"):
		return d.reached("something before the server asks for a password of its own (WWW-Authenticate: "+scheme(all)+")", why,
			"Take the proxy's own authentication away from "+d.BaseURL+": the server does it."), true
	}
	got, want := metadataOf(all), metadataOf(oauth.NewResource(d.BaseURL).Challenge(oauth.ChallengeParams{}))
	if got != want {
		return d.reached(fmt.Sprintf("the challenge names the metadata at %q, want %q", got, want), why+" It must be of the address that the client asked.",
			"Start the server with MCPKEEP_BASE_URL="+d.BaseURL+", or run this with the one that it has."), true
	}
	return Finding{}, false
}

// metadataOf is where a challenge says that the metadata is, "" when it does not.
func metadataOf(challenge string) string {
	found := resourceMetadata.FindStringSubmatch(challenge)
	if len(found) == 0 {
		return ""
	}
	return found[1]
}

// scheme is the first word of a challenge.
func scheme(challenge string) string {
	word, _, _ := strings.Cut(challenge, " ")
	return fmt.Sprintf("%.20q", word)
}

// metadata looks at the documents that clients read next. What they say of
// themselves is compared to the letter.
func (d *Doctor) metadata(ctx context.Context) {
	for _, doc := range []struct{ check, path, member, want, rfc string }{
		{"metadata_resource", "/.well-known/oauth-protected-resource" + mcpPath, "resource", d.BaseURL + mcpPath, "RFC 9728 section 3.3"},
		{"metadata_resource_root", "/.well-known/oauth-protected-resource", "resource", d.BaseURL + mcpPath, "RFC 9728 section 3.3"},
		{"metadata_issuer", "/.well-known/oauth-authorization-server", "issuer", d.BaseURL, "RFC 8414 section 3.3"},
	} {
		f := Finding{Area: areaOutside, Check: doc.check, Status: Failed, Why: "Clients read this document to find out where to register and sign in (" + doc.rfc + ").",
			Mend: "Let the proxy forward /.well-known/ to the server as it is."}
		a, err := d.ask(ctx, http.MethodGet, doc.path)
		switch {
		case err != nil:
			f.What = doc.path + ": " + oneLine(err)
		case a.StatusCode >= 300 && a.StatusCode < 400:
			f.What = fmt.Sprintf("%s is redirected to %q", doc.path, a.Header.Get("Location"))
		case a.StatusCode != http.StatusOK || a.mediaType() != "application/json":
			f.What = fmt.Sprintf("%s answers %s with %q, want JSON", doc.path, a.Status, a.mediaType())
		case a.member(doc.member) != doc.want:
			f.What = fmt.Sprintf("%s says %s %q, want %q", doc.path, doc.member, a.member(doc.member), doc.want)
			f.Why = "Clients compare it to the letter and go no further (" + doc.rfc + ")."
			f.Mend = "Start the server with MCPKEEP_BASE_URL=" + d.BaseURL + ", and let the proxy not rewrite bodies."
		default:
			d.ok(areaOutside, doc.check, doc.path+" says "+doc.member+" "+doc.want)
			continue
		}
		d.add(f)
	}
}

// passedThrough sees whether a token would arrive: a bad one is answered otherwise
// than none (RFC 6750 section 3).
func (d *Doctor) passedThrough(ctx context.Context) {
	const check = "authorization_header"
	a, err := d.ask(ctx, http.MethodGet, mcpPath, "Authorization", "Bearer mcpkeep-doctor")
	if err == nil && strings.Contains(strings.Join(a.Header.Values("WWW-Authenticate"), ","), `error="invalid_token"`) {
		d.ok(areaOutside, check, "the Authorization header arrives")
		return
	}
	what := "the Authorization header does not arrive at the server: a wrong token is answered like none"
	if err != nil {
		what = "a request with a token fails: " + oneLine(err)
	} else if a.StatusCode != http.StatusUnauthorized {
		what = fmt.Sprintf("a request with a token is answered %s before it arrives at the server", a.Status)
	}
	d.add(Finding{
		Area: areaOutside, Check: check, Status: Failed, What: what,
		Why:  "Every client would be asked to sign in for ever.",
		Mend: "Let the proxy pass Authorization on: nginx `proxy_set_header Authorization $http_authorization;`, Apache CGIPassAuth or no `RequestHeader unset Authorization`.",
	})
}

// cors sees whether clients that are web pages get through.
func (d *Doctor) cors(ctx context.Context) {
	f := Finding{
		Area: areaOutside, Check: "cors", Status: Warning, Why: "Clients in a browser, such as the MCP Inspector, cannot read the answers; all others can.",
		Mend: "Let the proxy pass OPTIONS requests and the Access-Control headers on as they are, and add none of its own.",
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
		f.What = "a request of a web page fails: " + oneLine(err)
		d.add(f)
		return
	}
	allowed := preflight.Header.Values("Access-Control-Allow-Origin")
	switch {
	case preflight.StatusCode >= 300:
		f.What = "a preflight request (OPTIONS) is answered " + preflight.Status
	case len(allowed) == 0 || len(document.Header.Values("Access-Control-Allow-Origin")) == 0:
		f.What = "the header Access-Control-Allow-Origin does not come through"
	case len(allowed) > 1 || len(document.Header.Values("Access-Control-Allow-Origin")) > 1:
		f.What = "the header Access-Control-Allow-Origin comes twice: the proxy adds its own"
	case !strings.Contains(strings.ToLower(strings.Join(preflight.Header.Values("Access-Control-Allow-Headers"), ",")), "authorization"):
		f.What = "the preflight's answer does not allow the header Authorization"
	default:
		d.ok(areaOutside, "cors", "clients that are web pages get through")
		return
	}
	d.add(f)
}

// slash sees whether the URL with a slash works, which people paste.
func (d *Doctor) slash(ctx context.Context) {
	a, err := d.ask(ctx, http.MethodGet, mcpPath+"/")
	if err == nil && a.StatusCode == http.StatusUnauthorized {
		d.ok(areaOutside, "trailing_slash", mcpPath+"/ works as well")
		return
	}
	f := Finding{
		Area: areaOutside, Check: "trailing_slash", Status: Warning, Why: "Some people paste the URL with a slash, and redirects lose the token.",
		Mend: "Let the proxy forward " + mcpPath + "/ as it is, without redirect.",
	}
	if err != nil {
		f.What = mcpPath + "/ fails: " + oneLine(err)
	} else {
		f.What = fmt.Sprintf("%s/ is answered %s, want 401", mcpPath, a.Status)
	}
	d.add(f)
}

// ready asks the running server whether it is ready, if the proxy lets that through.
func (d *Doctor) ready(ctx context.Context) {
	a, err := d.ask(ctx, http.MethodGet, "/readyz")
	switch {
	case err != nil || !slices.Contains([]string{"ready", "not ready"}, a.member("status")):
		d.skip(areaOutside, "server_ready", "/readyz does not come through the proxy, which is fine")
	case a.StatusCode == http.StatusOK:
		d.ok(areaOutside, "server_ready", "the server says that it is ready")
	default:
		d.add(Finding{
			Area: areaOutside, Check: "server_ready", Status: Failed, What: "the running server is not ready: " + a.member("reason"),
			Why: "It answers 503 to what needs the database.", Mend: "See the findings about database, schema and keys, and the server's log.",
		})
	}
}
