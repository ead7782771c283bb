package bearer

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// endpoint parses the URL in a field, without trailing slash.
func endpoint(field, text string, allowHTTP bool) (*url.URL, error) {
	const want = "want an https URL without query and fragment, such as https://mcp.example.com (http only on loopback, or on a private network with AllowHTTP)"
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !encrypted(u, allowHTTP) {
		return nil, fmt.Errorf("bearer: Config.%s: not usable; %s", field, want)
	}
	u.Host = strings.TrimSuffix(strings.ToLower(u.Host), map[string]string{"https": ":443", "http": ":80"}[u.Scheme])
	return u, nil
}

// encrypted reports whether what goes to a URL cannot be read on the way, or need not be.
func encrypted(u *url.URL, allowHTTP bool) bool {
	host := strings.ToLower(u.Hostname())
	if host == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && (isLoopback(host) || allowHTTP && isPrivate(host))
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// isPrivate reports whether a host can only be on a private network, as mcpkeep does for
// its own base URL.
func isPrivate(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsPrivate() || netip.MustParsePrefix("100.64.0.0/10").Contains(addr)
	}
	return !strings.Contains(host, ".") && (host[0] < '0' || host[0] > '9') ||
		slices.ContainsFunc([]string{".local", ".home.arpa", ".internal", ".lan", ".svc"}, func(zone string) bool { return strings.HasSuffix(host, zone) })
}
