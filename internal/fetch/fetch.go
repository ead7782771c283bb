package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// The bounds of one fetch.
const (
	MaxBody      = 64 << 10 // bytes
	maxHeader    = 16 << 10
	maxETag      = 256
	maxAddresses = 4
	connectWait  = 2 * time.Second
	// Timeout is how long a fetch may take, from the lookup of the name to the
	// last byte.
	Timeout = 5 * time.Second
)

const userAgent = "mcpkeep (+https://github.com/mcpkeep/mcpkeep)"

// Config says what a fetcher may do. The zero value is right for the internet.
type Config struct {
	// Networks may be connected to although they are not public, on port 443 and
	// on ports from 1024.
	Networks []netip.Prefix
	Resolver Resolver       // nil for the system's
	RootCAs  *x509.CertPool // nil for the system's
	// AtOnce and PerSite bound the fetches under way; 0 for 16 and 2. A site is a
	// registrable domain, so that made-up host names do not multiply.
	AtOnce, PerSite int
	Now             func() time.Time // nil for time.Now
}

// Fetcher gets documents. It is safe for concurrent use.
type Fetcher struct {
	networks  []netip.Prefix
	resolver  Resolver
	slots     *slots
	transport *http.Transport
	now       func() time.Time
}

// New returns a fetcher.
func New(cfg Config) *Fetcher {
	f := &Fetcher{networks: cfg.Networks, resolver: cfg.Resolver, now: cfg.Now, slots: newSlots(cfg.AtOnce, cfg.PerSite)}
	if f.resolver == nil {
		f.resolver = net.DefaultResolver
	}
	if f.now == nil {
		f.now = time.Now
	}
	f.transport = &http.Transport{
		Proxy:                  nil, // a proxy would resolve the name again
		DialContext:            f.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
	return f
}

// Answer is what a site gave.
type Answer struct {
	Body        []byte // nil when NotModified
	NotModified bool   // what has the ETag of the question is still right
	ETag        string // "" for none
	FreshFor    time.Duration
	// Dated says that the site itself limited FreshFor.
	Dated bool
}

// Get gets the JSON document at an https URL within Timeout. With the ETag of a
// copy the answer may be that the copy is right. The error is an *Error.
func (f *Fetcher) Get(ctx context.Context, rawURL, etag string) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	u, err := f.check(rawURL)
	if err != nil {
		return Answer{}, failed(reasonURL, err)
	}
	release, err := f.slots.take(ctx, Site(u.Hostname()))
	if err != nil {
		return Answer{}, failed(reasonBusy, errors.Join(ErrBusy, err))
	}
	defer release()
	res, err := f.send(ctx, u, etag)
	if err != nil {
		return Answer{}, failed(reasonNoAnswer, err)
	}
	defer func() { _ = res.Body.Close() }()
	a, err := f.read(res, etag)
	if late := ctx.Err(); late != nil {
		// The site may end its answer when we hang up, and that be read still as its end.
		return Answer{}, failed(reasonNoAnswer, late)
	}
	return a, err
}

// Check refuses a URL that Get would refuse without looking anything up. The error is
// an *Error.
func (f *Fetcher) Check(rawURL string) error {
	if _, err := f.check(rawURL); err != nil {
		return failed(reasonURL, err)
	}
	return nil
}

// check refuses what needs no lookup to be refused.
func (f *Fetcher) check(rawURL string) (*url.URL, error) {
	if len(rawURL) > maxURL {
		return nil, errors.New("longer than 2048 bytes")
	}
	u, err := url.Parse(rawURL)
	switch {
	case err != nil:
		return nil, errors.New("not a URL") // the parser's own words quote it
	case u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "":
		return nil, errors.New("not a plain https URL")
	case !f.mayUse(u.Port()):
		return nil, errors.New("not a port that may be used")
	case !canResolve(u.Hostname(), len(f.networks) > 0):
		return nil, errors.New("not a host name of the public DNS")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !containedIn(f.networks, a) && !IsPublic(a) {
		return nil, errNotPublic
	}
	return u, nil
}

// send sends the request. The transport is used bare: it follows no redirect and
// knows no cookie.
func (f *Fetcher) send(ctx context.Context, u *url.URL, etag string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", "application/json")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	return f.transport.RoundTrip(req)
}

// read reads an answer: 200 with JSON, or 304 to who has a copy.
func (f *Fetcher) read(res *http.Response, etag string) (Answer, error) {
	a := Answer{ETag: validETag(res.Header.Get("ETag"))}
	a.FreshFor, a.Dated = freshFor(res.Header, f.now())
	switch {
	case res.StatusCode == http.StatusNotModified && etag != "":
		a.NotModified = true
		return a, nil
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= http.StatusInternalServerError:
		return Answer{}, &Error{Reason: reasonStatus, Away: true, cause: errors.New("status " + res.Status)}
	case res.StatusCode != http.StatusOK:
		return Answer{}, failed(reasonStatus, errors.New("status "+res.Status))
	case !isJSON(res.Header):
		return Answer{}, failed(reasonType, nil)
	}
	var err error
	if a.Body, err = io.ReadAll(io.LimitReader(res.Body, MaxBody+1)); err != nil {
		return Answer{}, failed(reasonNoAnswer, err)
	}
	if len(a.Body) > MaxBody {
		return Answer{}, failed(reasonTooLarge, nil)
	}
	return a, nil
}

// isJSON knows application/json and the types that are built on it (RFC 6839).
func isJSON(h http.Header) bool {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	encoding := h.Get("Content-Encoding")
	return err == nil && (encoding == "" || encoding == "identity") &&
		(media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"))
}

// validETag is an entity tag that may be sent back (RFC 9110 §8.8.3), or "".
func validETag(tag string) string {
	opaque, ok := strings.CutPrefix(strings.TrimPrefix(tag, "W/"), `"`)
	if !ok || len(tag) > maxETag || len(opaque) == 0 || strings.IndexByte(opaque, '"') != len(opaque)-1 {
		return ""
	}
	for i := range len(tag) {
		if tag[i] <= ' ' || tag[i] >= 0x7f {
			return ""
		}
	}
	return tag
}
