package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

const (
	maxAnswer = 64 << 10
	mcpPath   = "/mcp"
	// visitor is the origin of a web client.
	visitor = "https://client.example"
)

// answer is a response of the base URL with its body.
type answer struct {
	*http.Response
	body string
}

func (a answer) isHTML() bool { return a.mediaType() == "text/html" }

func (a answer) mediaType() string {
	media, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	return media
}

// member returns a string member of the JSON body, "" if there is none.
func (a answer) member(name string) string {
	var members map[string]any
	if json.Unmarshal([]byte(a.body), &members) != nil {
		return ""
	}
	value, _ := members[name].(string)
	return value
}

// number returns a number of a JSON answer as text, "" if there is none.
func (a answer) number(name string) string {
	var members map[string]any
	decoder := json.NewDecoder(strings.NewReader(a.body))
	decoder.UseNumber()
	if decoder.Decode(&members) != nil {
		return ""
	}
	value, _ := members[name].(json.Number)
	return value.String()
}

// ask sends a request as a client would.
func (d *Doctor) ask(ctx context.Context, method, path string, headers ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, outsideWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, d.origin+path, http.NoBody)
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

// outside checks the origins of the server as clients see them.
func (d *Doctor) outside(ctx context.Context) {
	if d.BaseURL == "" {
		d.skip(areaOutside, "base_url_reachable", "the base URL is unknown: the port is picked at start, or the setting is invalid")
		return
	}
	for _, d.origin = range d.origins() {
		d.outsideAt(ctx)
	}
}

// origins are the base URL and the other names, at which clients connect as well.
func (d *Doctor) origins() []string { return append([]string{d.BaseURL}, d.Names...) }

// baseURLs is the setting that names all of them.
func (d *Doctor) baseURLs() string { return "MCPKEEP_BASE_URL=" + strings.Join(d.origins(), ",") }

func (d *Doctor) outsideAt(ctx context.Context) {
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
	d.ok(areaOutside, "base_url_reachable", d.origin+mcpPath+" requires a token, as it should")
	d.judgeLifetime(first.TLS)
	d.metadata(ctx)
	d.passedThrough(ctx)
	d.cors(ctx)
	d.slash(ctx)
	if d.origin != d.BaseURL {
		return // the same server, whose state the findings about the base URL tell
	}
	d.ready(ctx)
	if u, err := url.Parse(d.BaseURL); err == nil && u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" {
		d.baseURLClock(first.Header, before)
	}
}

// reached returns a finding about the first answer.
func (*Doctor) reached(what, why, fix string) Finding {
	return Finding{Area: areaOutside, Check: "base_url_reachable", Status: Failed, What: what, Why: why, Fix: fix}
}

var resourceMetadata = regexp.MustCompile(`resource_metadata="([^"]*)"`)

// judgeAnswer checks the answer to a request without a token: only a challenge of
// mcpkeep is right (RFC 9728 section 5.1).
func (d *Doctor) judgeAnswer(a answer) (f Finding, bad bool) {
	const lost = "Clients cannot connect: this is their first request."
	at := d.origin + mcpPath
	if f := recognize(a); f != nil {
		return d.reached(f.what+" ("+a.Status+" from "+at+")", lost, d.inService(f.fix)), true
	}
	switch {
	case a.StatusCode >= 300 && a.StatusCode < 400:
		return d.judgeRedirect(a), true
	case a.member("error") == string(oauth.UnknownHost):
		return d.reached("the proxy sends a Host header other than the base URL's, which the server rejects (403)", lost,
			"Make the proxy pass the Host header through (nginx `proxy_set_header Host $host;`, Apache `ProxyPreserveHost On`), or correct MCPKEEP_BASE_URL."), true
	case a.StatusCode == http.StatusServiceUnavailable && a.mediaType() == "application/json":
		return d.reached("the server returns 503: it cannot reach its database", lost, "See the findings about the database, and the server's log."), true
	case a.StatusCode == http.StatusBadGateway || a.StatusCode == http.StatusGatewayTimeout || a.StatusCode == http.StatusServiceUnavailable:
		return d.reached(fmt.Sprintf("the proxy cannot reach the server (%s)", a.Status), lost,
			"Start the server, and check the address and port to which the proxy forwards."), true
	case a.StatusCode == http.StatusNotFound:
		return d.reached(at+" is not found (404)", lost, "Make the proxy forward every path to the server, including "+mcpPath+" and /.well-known/."), true
	case a.isHTML():
		return d.reached(fmt.Sprintf("%s returns a web page (%s), not the server's answer", at, a.Status), lost+" Firewalls, bot checks and sign-in walls return pages.",
			"Exempt "+d.origin+" from bot checks and sign-in of the firewall or proxy: clients are programs without cookies."), true
	case a.StatusCode != http.StatusUnauthorized:
		return d.reached(fmt.Sprintf("%s returns %s without a token, want 401", at, a.Status), lost, "Check that the base URL leads to mcpkeep and that the path "+mcpPath+" is forwarded unchanged."), true
	}
	return d.judgeChallenge(a)
}

func (d *Doctor) judgeRedirect(a answer) Finding {
	location := a.Header.Get("Location")
	target, err := a.Request.URL.Parse(location)
	what := fmt.Sprintf("%s redirects to %q (%s)", d.origin+mcpPath, location, a.Status)
	const why = "Clients drop the token on redirects, and many do not follow them at all."
	if err == nil && target.Host == a.Request.URL.Host && target.Scheme == a.Request.URL.Scheme {
		return d.reached(what, why, "Remove the redirect from the proxy: it must forward "+mcpPath+" unchanged.")
	}
	fix := "Set MCPKEEP_BASE_URL to the target of the redirect, or remove the redirect from the proxy."
	if err == nil {
		fix = "Set MCPKEEP_BASE_URL=" + target.Scheme + "://" + target.Host + ", or remove the redirect from the proxy."
	}
	return d.reached(what, why+" The redirect leads to another origin, so the issuer would not match either.", fix)
}

func (d *Doctor) judgeChallenge(a answer) (f Finding, bad bool) {
	challenges := a.Header.Values("WWW-Authenticate")
	all := strings.Join(challenges, ", ")
	const why = "Clients learn from this challenge where to sign in (RFC 9728)."
	switch {
	case len(challenges) == 0:
		return d.reached("the 401 response has no WWW-Authenticate header", why, "Make the proxy pass the WWW-Authenticate header through, for errors too."), true
	case !strings.Contains(strings.ToLower(all), "bearer"):
		return d.reached("something in front of the server asks for its own password (WWW-Authenticate: "+scheme(all)+")", why,
			"Turn off the proxy's own authentication for "+d.origin+": the server authenticates clients."), true
	}
	got, want := metadataOf(all), metadataOf(oauth.NewResource(d.origin, mcpPath).Challenge(oauth.ChallengeParams{}))
	if got != want {
		return d.reached(fmt.Sprintf("the challenge names the metadata at %q, want %q", got, want), why+" It must name the address that the client requested.",
			"Start the server with "+d.baseURLs()+", or run doctor with the base URL of the server."), true
	}
	return Finding{}, false
}

// metadataOf returns the metadata URL of a challenge, "" if it has none.
func metadataOf(challenge string) string {
	found := resourceMetadata.FindStringSubmatch(challenge)
	if len(found) == 0 {
		return ""
	}
	return found[1]
}

// scheme returns the first word of a challenge.
func scheme(challenge string) string {
	word, _, _ := strings.Cut(challenge, " ")
	return fmt.Sprintf("%.20q", word)
}

// metadata checks the documents that clients read next. Clients compare the identifiers
// in them exactly.
func (d *Doctor) metadata(ctx context.Context) {
	for _, doc := range []struct{ check, path, member, want, rfc string }{
		{"metadata_resource", "/.well-known/oauth-protected-resource" + mcpPath, "resource", d.origin + mcpPath, "RFC 9728 section 3.3"},
		{"metadata_resource_root", "/.well-known/oauth-protected-resource", "resource", d.origin + mcpPath, "RFC 9728 section 3.3"},
		{"metadata_issuer", "/.well-known/oauth-authorization-server", "issuer", cmp.Or(d.Issuer, d.BaseURL), "RFC 8414 section 3.3"},
	} {
		f := Finding{Area: areaOutside, Check: doc.check, Status: Failed, Why: "Clients read this document to learn where to register and sign in (" + doc.rfc + ").",
			Fix: "Make the proxy forward /.well-known/ to the server unchanged."}
		a, err := d.ask(ctx, http.MethodGet, doc.path)
		switch {
		case err != nil:
			f.What = doc.path + ": " + oneLine(err)
		case a.StatusCode >= 300 && a.StatusCode < 400:
			f.What = fmt.Sprintf("%s redirects to %q", doc.path, a.Header.Get("Location"))
		case a.StatusCode != http.StatusOK || a.mediaType() != "application/json":
			f.What = fmt.Sprintf("%s returns %s with %q, want JSON", doc.path, a.Status, a.mediaType())
		case a.member(doc.member) != doc.want:
			f.What = fmt.Sprintf("%s has the %s %q, want %q", doc.path, doc.member, a.member(doc.member), doc.want)
			f.Why = "Clients compare it exactly and stop (" + doc.rfc + ")."
			f.Fix = "Start the server with " + d.baseURLs() + ", and stop the proxy from rewriting bodies."
		default:
			d.ok(areaOutside, doc.check, doc.path+" has the "+doc.member+" "+doc.want)
			continue
		}
		d.add(f)
	}
}
