package fetch

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// maxURL is what browsers and proxies commonly take, in bytes.
const maxURL = 2048

// The limits of a name (RFC 1035 section 2.3.4), in bytes.
const maxName, maxLabel = 253, 63

// notInDNS are top-level names that never lead to a public site (RFC 6761, RFC 7686).
var notInDNS = []string{"localhost", "invalid", "onion"}

// mayUse reports whether a URL's port, "" for https's own, may be connected to anywhere.
func (f *Fetcher) mayUse(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && (n == httpsPort || len(f.networks) > 0 && n >= firstOpenedPort)
}

// canResolve reports whether a host can be that of a site: an address, or a name that DNS
// can have, in the networks that the operator allows also one without a dot.
func canResolve(host string, networks bool) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true // whose range is checked elsewhere
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	labels := strings.Split(host, ".")
	wrong := slices.ContainsFunc(labels, func(label string) bool { return label == "" || len(label) > maxLabel })
	return len(host) <= maxName && !wrong && (networks || len(labels) > 1 && !slices.Contains(notInDNS, labels[len(labels)-1]))
}
