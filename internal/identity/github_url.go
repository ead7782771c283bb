package identity

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

const (
	githubURL    = "https://github.com"
	githubAPIURL = "https://api.github.com"
)

// githubURLs returns the canonical addresses of site and API.
func githubURLs(site, api string) (siteURL, apiURL *url.URL, err error) {
	if site == "" {
		site = githubURL
	}
	if siteURL, err = baseURL("the GitHub URL", site); err != nil {
		return nil, nil, err
	}
	if siteURL.Path != "" {
		return nil, nil, misconfigured("the GitHub URL must be an origin such as https://github.example.com, without a path")
	}
	if api == "" {
		api = defaultAPI(siteURL)
	}
	if apiURL, err = baseURL("the GitHub API URL", api); err != nil {
		return nil, nil, err
	}
	return siteURL, apiURL, nil
}

// defaultAPI follows GitHub's documentation: github.com and GitHub Enterprise
// Cloud with data residency have a host for the API, GitHub Enterprise Server a path.
func defaultAPI(site *url.URL) string {
	switch {
	case origin(site) == githubURL:
		return githubAPIURL
	case strings.HasSuffix(site.Hostname(), ".ghe.com"):
		return site.Scheme + "://api." + site.Host
	default:
		return origin(site) + "/api/v3"
	}
}

// baseURL parses and normalizes an http(s) URL, because the origin becomes part of a user's
// identity: lower case, no default port, no final slash.
func baseURL(what, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
		// The parser's error repeats the text, which may hold a password.
		return nil, misconfigured("%s is not an absolute URL such as https://host.example.com", what)
	}
	u.Host = strings.ToLower(u.Host)
	if (u.Scheme == "https" && u.Port() == "443") || (u.Scheme == "http" && u.Port() == "80") {
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	u.Host = strings.TrimSuffix(u.Host, ":")
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, misconfigured("%s must start with https:// (http:// only for a loopback address), got %s", what, clip(origin(u)))
	}
	return u, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && addr.IsLoopback())
}

// origin is scheme, host and port (RFC 6454 section 6.2).
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// sameOrigin compares two absolute URLs, default ports spelled out or not.
func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(hostPort(a), hostPort(b))
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" && strings.EqualFold(u.Scheme, "https") {
		port = "443"
	} else if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
