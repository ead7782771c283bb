package logging

import (
	"net/http"
	"net/netip"
	"strings"
)

// RemoteAddress returns the IP address that a request comes from, for the log alone: that of
// the connection, or behind proxies the entry of X-Forwarded-For that the outermost of them
// has added. What stands before that entry is the client's word, and anyone's.
func RemoteAddress(r *http.Request, proxies int) string {
	if proxies > 0 {
		entries := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		at := len(entries) - proxies
		if at >= 0 {
			if ip := address(strings.TrimSpace(entries[at])); ip != "" {
				return ip
			}
		}
	}
	return address(r.RemoteAddr)
}

// address is the IP address in a text, with a port or without; "" for none.
func address(text string) string {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone("").String()
	}
	ip, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return ""
	}
	return ip.Unmap().WithZone("").String()
}
