package oauth

import (
	"net/netip"
	"slices"
	"strings"
)

// shared is the address space of carriers and overlay networks (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// privateZones are domains that the public DNS does not have: RFC 6761, RFC 6762, RFC 8375,
// ICANN's resolution of 2024 on .internal, and those of routers and of Kubernetes.
var privateZones = []string{".local", ".localhost", ".home.arpa", ".internal", ".lan", ".svc"}

// IsPrivateHost reports whether a host, as in a URL, can only be on a private network: an
// address of one (RFC 1918, RFC 4193, RFC 6598), a single label, or a name in a zone that
// is not public.
func IsPrivateHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsPrivate() || shared.Contains(addr)
	}
	return !strings.Contains(host, ".") && !numeric(host) ||
		slices.ContainsFunc(privateZones, func(zone string) bool { return strings.HasSuffix(host, zone) })
}

// numeric reports whether programs may read a label as an IPv4 address: 2130706433, 0x7f.
func numeric(label string) bool { return label != "" && label[0] >= '0' && label[0] <= '9' }
