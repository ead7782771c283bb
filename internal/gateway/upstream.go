package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Target is where an upstream listens.
type Target struct {
	URL    *url.URL // of its MCP endpoint
	Socket string   // path of the Unix socket to connect to; "" for URL's host
	// Configured is the text that was parsed.
	Configured string
	// Shown is what stands for it in messages; "" for itself. Parts of the text may be secret.
	Shown string
	// CA are the authorities that vouch for it; nil for the system's.
	CA *x509.CertPool
}

// WantTarget says what ParseTarget accepts.
const WantTarget = "an http or https URL without user, query and fragment, or unix:/PATH.sock:/mcp"

// ParseTarget reads the URL of an upstream's MCP endpoint, or unix:SOCKET:PATH. The error
// says what is wrong and shows nothing of the text, which may hold a password.
func ParseTarget(text string) (Target, error) {
	if rest, ok := strings.CutPrefix(text, "unix:"); ok {
		return parseSocket(text, rest)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return Target{}, errors.New("not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return Target{}, errors.New("not http or https")
	case u.User != nil:
		return Target{}, errors.New("contains a user or password")
	case u.RawQuery != "" || u.ForceQuery:
		return Target{}, errors.New("contains a query")
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return Target{}, errors.New("contains a fragment")
	case !validPort(u):
		return Target{}, errors.New("has no valid port")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return Target{URL: u, Configured: text}, nil
}

func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

func parseSocket(text, rest string) (Target, error) {
	socket, path, ok := strings.Cut(rest, ":")
	u, err := url.Parse("http://localhost" + path)
	if !ok || err != nil || !strings.HasPrefix(path, "/") || !filepath.IsAbs(socket) || strings.ContainsAny(path, "?#") {
		return Target{}, errors.New("not a socket and a path")
	}
	return Target{URL: u, Socket: socket, Configured: text}, nil
}

// String returns the target without anything secret, for logs.
func (t Target) String() string {
	switch {
	case t.Shown != "":
		return t.Shown
	case t.Socket != "":
		return "unix:" + t.Socket + ":" + t.URL.Path
	}
	return t.URL.String()
}

// Near reports whether the upstream is on this machine or in a private network: it is
// the operator's own then. A name counts as near when it is localhost or a single label.
func (t Target) Near() bool {
	host := t.URL.Hostname()
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast()
	}
	return t.Socket != "" || host == "localhost" || !strings.Contains(strings.TrimSuffix(host, "."), ".")
}

// onLoopback reports whether the host is this machine by its name.
func (t Target) onLoopback() bool {
	host := t.URL.Hostname()
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Bounds of connections to an upstream.
const (
	maxAnswerHeader = 64 << 10
	idleConnections = 256 // kept for each upstream, however many people call
	idleFor         = 90 * time.Second
)

// transport connects to the target and to nothing else: no proxy of the environment, and no
// compression that was not asked for.
func (t Target) transport(connect, answer time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: connect}
	dial := dialer.DialContext
	if t.Socket != "" {
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", t.Socket)
		}
	}
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: t.CA, MinVersion: tls.VersionTLS12},
		DialContext:     dial, TLSHandshakeTimeout: connect, ResponseHeaderTimeout: answer, DisableCompression: true,
		MaxResponseHeaderBytes: maxAnswerHeader, MaxIdleConns: idleConnections, MaxIdleConnsPerHost: idleConnections,
		IdleConnTimeout: idleFor, ForceAttemptHTTP2: t.URL.Scheme == "https",
	}
}

// check names what is missing.
func (cfg Config) check() error {
	switch {
	case cfg.Target.URL == nil:
		return errors.New("an upstream needs a target")
	case cfg.Sessions == nil || cfg.Logger == nil:
		return errors.New("an upstream needs sessions and a logger")
	case cfg.Connect <= 0 || cfg.Answer < 0 || cfg.Idle < 0 || cfg.MaxBody <= 0 || cfg.MaxConcurrent <= 0:
		return errors.New("an upstream needs limits")
	case cfg.Lend.Header != "" && (cfg.Lend.Tokens == nil || cfg.Lend.SignIn == nil || !cfg.Target.Keeps()):
		return errors.New("an upstream that gets tokens needs a source of them, and a connection that keeps them secret")
	}
	return nil
}
