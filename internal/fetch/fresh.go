package fetch

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// freshFor is how long an answer is fresh (RFC 9111 §4.2), and whether its site
// said so. We are a shared cache: s-maxage goes before max-age, max-age before
// Expires, and the time that the answer spent in other caches counts.
func freshFor(h http.Header, now time.Time) (d time.Duration, dated bool) {
	control := directives(h)
	for _, never := range []string{"no-store", "no-cache", "private"} {
		if _, ok := control[never]; ok {
			return 0, true
		}
	}
	for _, name := range []string{"s-maxage", "max-age"} {
		if value, ok := control[name]; ok {
			return max(0, seconds(value)-seconds(h.Get("Age"))), true
		}
	}
	expires := h.Get("Expires")
	if expires == "" {
		return 0, false
	}
	at, err := http.ParseTime(expires)
	if err != nil {
		return 0, true // "0" and the like mean expired (RFC 9111 §5.3)
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(0, at.Sub(now)-seconds(h.Get("Age"))), true
}

// directives are those of Cache-Control, in lower case. Of a repeated one the
// first counts.
func directives(h http.Header) map[string]string {
	found := map[string]string{}
	for _, line := range h.Values("Cache-Control") {
		for part := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			name = strings.ToLower(name)
			if _, ok := found[name]; !ok {
				found[name] = strings.Trim(value, `"`)
			}
		}
	}
	return found
}

const longest = 365 * 24 * time.Hour

// seconds reads a delta-seconds value (RFC 9111 §1.2.2); what is none is 0.
func seconds(s string) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	if err != nil && n == 0 {
		return 0
	}
	return time.Duration(min(n, uint64(longest/time.Second))) * time.Second
}
