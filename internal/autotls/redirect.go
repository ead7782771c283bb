package autotls

import (
	"net"
	"net/http"
	"net/url"
)

// Redirect sends browsers and clients from http to the https addresses of the same names.
// The origins are those that the server has, such as https://mcp.example.com; a request
// for any other host gets the first. A request with a body is refused: its content has
// been on the network in the clear, and the sender must learn that.
func Redirect(origins []string) http.Handler {
	byHost := map[string]string{}
	for _, origin := range origins {
		if u, err := url.Parse(origin); err == nil {
			byHost[u.Hostname()] = origin
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		origin, ok := byHost[host]
		if !ok {
			origin = origins[0]
		}
		w.Header().Set("Connection", "close")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "This server answers at "+origin+" only. What was sent was not encrypted.", http.StatusForbidden)
			return
		}
		http.Redirect(w, r, origin+r.URL.RequestURI(), http.StatusPermanentRedirect) //nolint:gosec // G710: the origin is one of ours
	})
}
