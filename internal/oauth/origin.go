package oauth

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// Origin returns the one spelling of an http or https origin (RFC 6454 §6.2): the host in
// lower case, an international name in its ASCII form, an IP address in its shortest form,
// no default port. It reports false for any other text, and for hosts and ports that no
// client can connect to, such as *.example.com.
func Origin(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") {
		return "", false
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return "", false
	}
	authority, ok := Authority(u.Host)
	host, port, valid := splitAuthority(authority)
	valid = valid || port == "0" && isLoopback(strings.Trim(host, "[]")) // of a listener that is yet to pick one
	return u.Scheme + "://" + strings.TrimSuffix(authority, defaultPort(u.Scheme)), ok && valid && validHost(host)
}

// Authority returns the one spelling of a host with an optional port, as in a URL or a Host
// header. It reports false for what cannot be one.
func Authority(hostport string) (string, bool) {
	if strings.Contains(hostport, "%") && !strings.Contains(hostport, "[") { // RFC 3986 §3.2.2
		unescaped, err := url.PathUnescape(hostport)
		if err != nil || strings.Contains(unescaped, "%") {
			return "", false
		}
		hostport = unescaped
	}
	u := url.URL{Host: hostport}
	host, ok := asciiHost(u.Hostname())
	if port := u.Port(); port != "" {
		return net.JoinHostPort(host, port), ok
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host, ok
}

// defaultPort is what may be left out behind a scheme's hosts, with its colon.
func defaultPort(scheme string) string {
	return map[string]string{"https": ":443", "http": ":80"}[scheme]
}

// asciiHost returns the one spelling of a host: an IP address without brackets in its
// shortest form, or a name in lower case and as it is looked up (RFC 5891 §5).
func asciiHost(host string) (string, bool) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.String(), addr.Zone() == ""
	}
	host = strings.ToLower(host)
	if isASCII(host) && !hasPunycode(strings.Split(host, ".")) {
		return host, host != "" && !strings.Contains(host, ":")
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil {
		return host, false
	}
	return ascii, true
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c > 0x7e })
}

// Loopback reports whether a URL names this machine: localhost or a loopback address.
func Loopback(text string) bool {
	u, err := url.Parse(text)
	return err == nil && isLoopback(u.Hostname())
}
